/** Servers that speak TLS: HTTP/1 alone, or HTTP/2 beside it. */
import type http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type tls from 'node:tls'
import { http2Listener } from './express-http2.ts'
import { expressClasses } from './express-prototypes.ts'
import {
  AFTERWARDS,
  HEAD_BYTES_MAX,
  listenerOf,
  serverOptions,
  STALLED_MS,
  type Site,
} from './server-options.ts'
import {
  clientAuthOptions,
  refusalOfClient,
  secureContextOptions,
  type TlsMaterial,
} from './tls.ts'

/** What may be queued for one client of HTTP/2, over all its requests. */
const SESSION_MEGABYTES_MAX = 100

export interface SecureOptions extends Site {
  readonly http2: boolean
  /** A client was cut off because of its certificate. */
  readonly clientRefused: (peer: string | undefined, reason: string) => void
}

export interface SecureServer {
  readonly server:
    https.Server | (http2.Http2SecureServer & Pick<http.Server, 'closeIdleConnections'>)
  setTls(material: TlsMaterial): void
  /** Of HTTP/2: tells clients to go, and ends each session when its last stream has ended. */
  closeSessions(): void
}

/** Not listening yet. */
export function createSecureServer(options: SecureOptions, initial: TlsMaterial): SecureServer {
  let material = initial
  const context = { ...secureContextOptions(initial), ...clientAuthOptions(initial.config) }
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = options.http2
    ? createHttp2(options, context, sessions)
    : createHttps(options, context)
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

function createHttps(site: Site, context: tls.TlsOptions): https.Server {
  const server = https.createServer({ ...context, ...serverOptions(site.app) }, listenerOf(site))
  return Object.assign(server, AFTERWARDS)
}

/** HTTP/2 for clients that offer it in the handshake (ALPN), HTTP/1.1 for the others. */
function createHttp2(
  site: Site,
  context: tls.TlsOptions,
  sessions: Set<http2.ServerHttp2Session>,
): SecureServer['server'] {
  const { app } = site
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
  const answerHttp2 = http2Listener(site)
  const answerHttp1 = listenerOf(site) as unknown as typeof answerHttp2
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
