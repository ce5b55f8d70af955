/**
 * For the HEALTHCHECK of the image: asks the gateway for /-/healthy where its own command line and environment say that it
 * listens, so that no flag has to be said twice. Exit status 0 when it lives, 1 when not. Finds the gateway in /proc; its
 * process id may be given.
 */
import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { parseFlags } from '../server/config/parse-flags.ts'
import { settingsFrom, type ListenAddress, type Settings } from '../server/config/settings.ts'

const PROGRAM = 'dist/server/main.js'
const PATIENCE_MS = 3000

try {
  const settings = settingsOf(process.argv[2] ?? findGateway())
  const hasWebConfig = settings.flags['web.config.file'] !== ''
  const lives =
    (hasWebConfig && (await answers(https, settings))) || (await answers(http, settings))
  process.exitCode = lives ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function findGateway(): string {
  const found = readdirSync('/proc').find(
    (pid) => /^\d+$/.test(pid) && argumentsOf(pid).some((argument) => argument.endsWith(PROGRAM)),
  )
  if (found === undefined) throw new Error('no gateway runs here')
  return found
}

function settingsOf(pid: string): Settings {
  const args = argumentsOf(pid)
  const flags = args.slice(args.findIndex((argument) => argument.endsWith(PROGRAM)) + 1)
  const environment = Object.fromEntries(
    readList(`/proc/${pid}/environ`).map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
  return settingsFrom(parseFlags(flags, environment))
}

function argumentsOf(pid: string): string[] {
  try {
    return readList(`/proc/${pid}/cmdline`)
  } catch {
    // It is gone, or another user's.
    return []
  }
}

function readList(file: string): string[] {
  return readFileSync(file, 'utf8').split('\0').slice(0, -1)
}

/** Whether it says anything but that it failed; who may ask (401, 429) is not the question here. */
function answers(
  { get }: Pick<typeof http | typeof https, 'get'>,
  { listenAddresses, routePrefix }: Settings,
): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({
      ...connectionTo(listenAddresses[0]!),
      path: `${routePrefix}/-/healthy`,
      timeout: PATIENCE_MS,
      // Its certificate is for those who come from outside.
      rejectUnauthorized: false,
    })
    request.on('response', ({ statusCode = 0 }) => {
      request.destroy()
      resolve(statusCode < 500)
    })
    request.on('timeout', () => request.destroy())
    // One that insists on a certificate of ours says so in an alert of TLS.
    request.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== undefined && /^ERR_SSL_.*ALERT/.test(code))
    })
    request.on('close', () => resolve(false))
  })
}

function connectionTo(address: ListenAddress): http.RequestOptions {
  switch (address.kind) {
    case 'unix':
      return { socketPath: address.path }
    case 'tcp':
      return { host: reachable(address.host), port: address.port }
    case 'fd':
      throw new Error('a socket of systemd cannot be asked')
  }
}

function reachable(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
