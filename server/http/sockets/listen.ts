/** The sockets: one server for each listen address, with TLS or without, and how they end. */
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type tls from 'node:tls'
import type { Express } from 'express'
import type { ListenAddress } from '../../config/settings.ts'
import { http2Listener } from './express-http2.ts'
import { expressClasses } from './express-prototypes.ts'
import {
  clientAuthOptions,
  refusalOfClient,
  secureContextOptions,
  type TlsMaterial,
} from './tls.ts'
import { OpenConnections } from './open-connections.ts'
import { makeWayForSocket } from './unix-socket.ts'

/** The original takes paths of 100 kB; node:http's limit for a whole head is 16 kB. */
const HEAD_BYTES_MAX = 256 * 1024
/** A client that neither reads its answer nor sends its request is given up after this. */
const STALLED_MS = 120_000
/** Balancers keep idle connections for a minute; ours must not be the first to close. */
const KEEP_ALIVE_MS = 120_000
const HEADERS_TIMEOUT_MS = 125_000
/** How long a request may take to come in, as long as it goes on. */
const REQUEST_TIMEOUT_MS = 3_600_000

/** What may be queued for one client of HTTP/2, over all its requests. */
const SESSION_MEGABYTES_MAX = 100

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

export interface ListenOptions {
  readonly app: Express
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
  const secure = options.tls === undefined ? undefined : createSecure(options, options.tls)
  const server = secure?.server ?? createPlain(options.app)
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

/** `PUT http://host/path` is as good as `PUT /path`. */
function withOriginForm(request: http.IncomingMessage): http.IncomingMessage {
  const { url = '/' } = request
  if (!url.startsWith('/')) {
    const path = url.replace(/^https?:\/\/[^/?#]*/i, '')
    request.url = path.startsWith('/') ? path : `/${path}`
  }
  return request
}

function listenerOf(app: Express): http.RequestListener {
  return (request, response) => void app(withOriginForm(request), response)
}

/** What the servers of node:http and node:https take alike. */
function serverOptions(app: Express) {
  return {
    ...expressClasses(app),
    maxHeaderSize: HEAD_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    noDelay: true,
  }
}

/** What can be set on servers of all three kinds only afterwards. */
const AFTERWARDS = {
  timeout: STALLED_MS,
  // A client that has ended its side after its request is answered all the same.
  httpAllowHalfOpen: true,
}

function createPlain(app: Express): http.Server {
  return Object.assign(http.createServer(serverOptions(app), listenerOf(app)), AFTERWARDS)
}

interface SecureServer {
  readonly server:
    https.Server | (http2.Http2SecureServer & Pick<http.Server, 'closeIdleConnections'>)
  setTls(material: TlsMaterial): void
  /** Of HTTP/2: tells clients to go, and ends each session when its last stream has ended. */
  closeSessions(): void
}

function createSecure(options: ListenOptions, initial: TlsMaterial): SecureServer {
  let material = initial
  const context = { ...secureContextOptions(initial), ...clientAuthOptions(initial.config) }
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = options.http2
    ? createHttp2(options.app, context, sessions)
    : createHttps(options.app, context)
  checkClients(server, (socket) => {
    const reason = refusalOfClient(socket, material.config)
    if (reason !== undefined) options.clientRefused(socket.remoteAddress, reason)
    return reason === undefined
  })
  return {
    server,
    setTls(next) {
      server.setSecureContext(secureContextOptions(next))
      // node:tls reads these of the server at each handshake, though its types do not say so.
      Object.assign(server, clientAuthOptions(next.config))
      material = next
    },
    closeSessions() {
      for (const session of sessions) session.close()
    },
  }
}

function createHttps(app: Express, context: tls.TlsOptions): https.Server {
  const server = https.createServer({ ...context, ...serverOptions(app) }, listenerOf(app))
  return Object.assign(server, AFTERWARDS)
}

/** HTTP/2 for clients that offer it in the handshake (ALPN), HTTP/1.1 for the others. */
function createHttp2(
  app: Express,
  context: tls.TlsOptions,
  sessions: Set<http2.ServerHttp2Session>,
): SecureServer['server'] {
  const { IncomingMessage, ServerResponse } = expressClasses(app)
  const server = http2.createSecureServer({
    ...context,
    allowHTTP1: true,
    Http1IncomingMessage: IncomingMessage,
    Http1ServerResponse: ServerResponse,
    settings: { maxHeaderListSize: HEAD_BYTES_MAX },
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    ...{ noDelay: true },
  })
  // What node:http takes as options is here only looked up in the server.
  const { maxHeaderSize, keepAliveTimeout, headersTimeout, requestTimeout } = serverOptions(app)
  Object.assign(server, {
    maxHeaderSize,
    keepAliveTimeout,
    headersTimeout,
    requestTimeout,
    ...AFTERWARDS,
  })
  const answerHttp2 = http2Listener(app)
  const answerHttp1 = listenerOf(app) as unknown as typeof answerHttp2
  server.on('request', (request, response) => {
    if (request.httpVersionMajor < 2) return answerHttp1(request, response)
    // Of its session nobody would notice: it goes on with other requests.
    const { stream } = request
    stream.setTimeout(STALLED_MS, () => stream.close(http2.constants.NGHTTP2_CANCEL))
    answerHttp2(request, response)
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setTimeout(STALLED_MS, () => session.destroy())
  })
  return server as SecureServer['server']
}

/** Looks at each connection after its handshake, before the server's own listeners hear of it. */
function checkClients(server: tls.Server, isAllowed: (socket: tls.TLSSocket) => boolean): void {
  const listeners = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket) => {
    if (!isAllowed(socket)) {
      socket.destroy()
      return
    }
    for (const listener of listeners) listener.call(server, socket)
  })
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
