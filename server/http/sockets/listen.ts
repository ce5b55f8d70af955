/** The sockets: one server for each listen address, with TLS or without, and how they end. */
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { ListenAddress } from '../../config/settings.ts'
import { OpenConnections } from './open-connections.ts'
import { AFTERWARDS, listenerOf, serverOptions, type Site } from './server-options.ts'
import type { SecureServer } from './secure-server.ts'
import type { TlsMaterial } from './tls.ts'
import { makeWayForSocket } from './unix-socket.ts'

export interface Listener {
  /** `http://127.0.0.1:9091`, `https://…` or `unix:/path`, without prefix. */
  readonly url: string
  /** Certificates, client authentication and the like for connections that come from now on; only with TLS. */
  setTls(material: TlsMaterial): void
  /**
   * Stops accepting, lets requests in flight end, and cuts what is left after `timeoutMs`.
   *
   * @param peersInUse of requests in flight, as peerOf names them
   */
  close(timeoutMs: number, peersInUse: () => ReadonlySet<string>): Promise<void>
}

export interface ListenOptions extends Site {
  /** Undefined: plain HTTP. */
  readonly tls: TlsMaterial | undefined
  /** With TLS only. */
  readonly http2: boolean
  /** A client was cut off because of its certificate. */
  readonly clientRefused: (peer: string | undefined, reason: string) => void
}

/** @throws an Error with the address in its message, when it cannot be listened on */
export async function listen(options: ListenOptions, address: ListenAddress): Promise<Listener> {
  if (address.kind === 'unix') await makeWayForSocket(address.path)
  const connections = new OpenConnections()
  const secure = options.tls === undefined ? undefined : await createSecure(options, options.tls)
  const server = secure?.server ?? createPlain(options)
  server.on('connection', (socket: Socket) => connections.add(socket))
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(new Error(`${showAddress(address)}: ${error.message}`, { cause: error }))
    server.once('error', failed)
    server.listen(listenOptions(address), () => {
      server.off('error', failed)
      resolve()
    })
  })
  return {
    url: urlOf(server, secure !== undefined),
    setTls: (material) => secure?.setTls(material),
    async close(timeoutMs, peersInUse) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      secure?.closeSessions()
      const stopCutting = connections.cutUnused(timeoutMs, peersInUse)
      await closed
      stopCutting()
    },
  }
}

function listenOptions(address: ListenAddress): net.ListenOptions | { fd: number } {
  switch (address.kind) {
    case 'tcp': {
      const { host, port } = address
      return { port, ...(host === undefined ? {} : { host }) }
    }
    case 'unix':
      return { path: address.path }
    case 'fd':
      return { fd: address.fd }
  }
}

function showAddress(address: ListenAddress): string {
  switch (address.kind) {
    case 'tcp':
      return `${address.host ?? ''}:${address.port}`
    case 'unix':
      return `unix:${address.path}`
    case 'fd':
      return `socket ${address.name} (file descriptor ${address.fd})`
  }
}

function createPlain(site: Site): http.Server {
  return Object.assign(http.createServer(serverOptions(site.app), listenerOf(site)), AFTERWARDS)
}

/** What TLS and HTTP/2 need is loaded only with them. */
async function createSecure(options: ListenOptions, material: TlsMaterial): Promise<SecureServer> {
  const { createSecureServer } = await import('./secure-server.ts')
  return createSecureServer(options, material)
}

/** With a name that one can open for "all addresses". */
function urlOf(server: net.Server, isSecure: boolean): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return `unix:${address ?? ''}`
  const { address: ip, family, port }: AddressInfo = address
  const host = ip === '::' || ip === '0.0.0.0' ? 'localhost' : ip
  const shown = family === 'IPv6' && host !== 'localhost' ? `[${host}]` : host
  return `${isSecure ? 'https' : 'http'}://${shown}:${port}`
}
