/** `npm run cluster`: starts the cluster, says where everything is, and stops it on SIGINT or SIGTERM. */
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster.ts'
import { searchPath, type Member } from './member.ts'

const USAGE = `npm run cluster -- [--port=N] [--no-prometheus] [-- FLAG ...]

Three gateways behind HAProxy on one Redis with two replicas and three Sentinels, on 127.0.0.1, in a temporary folder.

--port=N          port of HAProxy, the others take those after it (12 in all); by default ports that are free
--no-prometheus   leave Prometheus out; it is left out too where it is not installed
FLAG              a flag of the gateways, such as --web.enable-admin-api
`

const { values, positionals } = parseArgs({
  options: {
    port: { type: 'string' },
    prometheus: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
  allowPositionals: true,
})

if (values.help) process.stdout.write(USAGE)
else await run()

async function run(): Promise<void> {
  const told = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
  const starting = startCluster({
    prometheus: values.prometheus && isInstalled('prometheus'),
    gatewayFlags: positionals,
    ...(values.port === undefined ? {} : { basePort: Number(values.port) }),
    onStarted: (member) => say(`${member.name.padEnd(12)} ${describe(member)}`),
  })
  const cluster = await starting.catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
  if (cluster === undefined) return
  say('')
  say(`push and scrape     ${cluster.url}`)
  say(`who is up           ${cluster.statsUrl}`)
  if (cluster.prometheus !== undefined) say(`Prometheus          ${cluster.prometheus.url}`)
  say(`storage URL         ${cluster.storageUrl}`)
  say(`password of Redis   ${cluster.password}`)
  say(`data and logs       ${cluster.folder}`)
  say('')
  say('Ctrl-C stops it all.')
  // Signals keep nobody alive.
  const alive = setInterval(() => undefined, 60_000)
  await told
  clearInterval(alive)
  say('stopping')
  await cluster.stop()
}

function describe({ host, port, pid }: Member): string {
  return `${host}:${port}  pid ${pid}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function isInstalled(program: string): boolean {
  return searchPath()
    .split(path.delimiter)
    .some((folder) => {
      try {
        accessSync(path.join(folder, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
