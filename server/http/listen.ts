/** The sockets: one HTTP server for each listen address, and how they end. */
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Express } from 'express'
import type { ListenAddress } from '../config/settings.ts'
import { expressClasses } from './express-prototypes.ts'

/** The original takes paths of 100 kB; node:http's limit for a whole head is 16 kB. */
const HEAD_BYTES_MAX = 256 * 1024
/** A client that neither reads its answer nor sends its request is given up after this. */
const STALLED_MS = 120_000
/** Balancers keep idle connections for a minute; ours must not be the first to close. */
const KEEP_ALIVE_MS = 120_000
const HEADERS_TIMEOUT_MS = 125_000

export interface Listener {
  readonly server: http.Server
  readonly sockets: ReadonlySet<Socket>
  readonly address: AddressInfo
}

/** @throws the system's error, with the address in its message, when it cannot be listened on */
export async function listen(app: Express, { host, port }: ListenAddress): Promise<Listener> {
  const server = http.createServer(
    {
      ...expressClasses(app),
      maxHeaderSize: HEAD_BYTES_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      noDelay: true,
    },
    app,
  )
  server.timeout = STALLED_MS
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { server, sockets, address: server.address() as AddressInfo }
}

/** Stops accepting, lets requests in flight end, and cuts what is left after `timeoutMs`. */
export async function closeListener(
  { server, sockets }: Listener,
  timeoutMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // Node does not count connections as idle that never sent anything.
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await closed
  clearTimeout(cut)
}

/** `http://127.0.0.1:9091`, with a name one can open for "all addresses". */
export function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '::' || address === '0.0.0.0' ? 'localhost' : address
  return `http://${family === 'IPv6' && host !== 'localhost' ? `[${host}]` : host}:${port}`
}
