/** The balancers of deploy/ with their own configurations, before gateways of a test. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from './cleanup.ts'
import { freePort } from './free-port.ts'
import { send, waitFor } from './http.ts'
import { startProcess } from './processes.ts'
import { needProgram } from './programs.ts'

const DEPLOY = path.join(import.meta.dirname, '../../deploy')
export const HAPROXY_CONFIG = path.join(DEPLOY, 'haproxy/haproxy.cfg')

export interface Balancer {
  readonly url: string
  /** HAProxy's page of who is up, as CSV. */
  readonly stats?: () => Promise<string>
}

/** @param gateways `host:port` of up to three */
export function haproxyEnvironment(
  gateways: readonly string[],
  bind: string,
  stats: string,
): Record<string, string> {
  const servers = gateways.map((gateway, i): [string, string] => [`SLUICE_${i + 1}`, gateway])
  return { BALANCER_BIND: bind, STATS_BIND: stats, ...Object.fromEntries(servers) }
}

export async function startHaproxy(gateways: readonly string[]): Promise<Balancer> {
  const [port, statsPort] = [await freePort(), await freePort()]
  const env = haproxyEnvironment(gateways, `127.0.0.1:${port}`, `127.0.0.1:${statsPort}`)
  const running = startProcess(needProgram('haproxy'), ['-db', '-f', HAPROXY_CONFIG], { env })
  const stats = async (): Promise<string> =>
    (await send('GET', `http://127.0.0.1:${statsPort}`, '/;csv')).text
  await waitFor('HAProxy to serve', () => stats().catch(() => undefined)).catch(
    (error: unknown) => {
      throw new Error(`${String(error)}\n${running.stderr()}`)
    },
  )
  return { url: `http://127.0.0.1:${port}`, stats }
}

/** Its configuration with the addresses of a test and a folder for what it writes. */
export function nginxConfig(gateways: readonly string[], port: number): string {
  const folder = temporaryFolder()
  let config = readFileSync(path.join(DEPLOY, 'nginx/nginx.conf'), 'utf8')
    .replace('listen 9091', `listen 127.0.0.1:${port}`)
    .replaceAll('/tmp/', `${folder}/`)
  for (const [i, gateway] of gateways.entries()) {
    config = config.replace(`sluice-${i + 1}:9091`, gateway)
  }
  // Where a test has fewer than the configuration names.
  config = config.replace(/^ *server sluice-.*\n/gm, '')
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(file, config)
  return file
}

export async function startNginx(gateways: readonly string[]): Promise<Balancer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  // One process, so that none outlives the test.
  const directives = 'daemon off; master_process off;'
  const args = ['-c', nginxConfig(gateways, port), '-g', directives]
  const running = startProcess(needProgram('nginx'), args)
  await waitFor('nginx to serve', () =>
    send('GET', url, '/-/healthy').catch(() => undefined),
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${running.stderr()}`)
  })
  return { url }
}
