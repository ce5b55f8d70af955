/** What the servers of node:http, node:https and node:http2 are told alike. */
import type http from 'node:http'
import type { Express, Request, Response } from 'express'
import type { Front } from '../front.ts'
import { expressClasses } from './express-prototypes.ts'

/** The original takes paths of 100 kB; node:http's limit for a whole head is 16 kB. */
export const HEAD_BYTES_MAX = 256 * 1024
/**
 * A connection on which nothing happens is given up after this: a client that neither reads its answer nor sends its
 * request; or one that is idle, which balancers keep for a minute, and ours must not be the first to close.
 */
export const STALLED_MS = 120_000
const HEADERS_TIMEOUT_MS = 125_000
/** How long a request may take to come in, as long as it goes on. */
const REQUEST_TIMEOUT_MS = 3_600_000

/** `PUT http://host/path` is as good as `PUT /path`. */
function withOriginForm(request: http.IncomingMessage): http.IncomingMessage {
  const { url = '/' } = request
  if (!url.startsWith('/')) {
    const path = url.replace(/^https?:\/\/[^/?#]*/i, '')
    request.url = path.startsWith('/') ? path : `/${path}`
  }
  return request
}

/** What answers requests. */
export interface Site {
  readonly app: Express
  /** What stands before the app; nothing when it is undefined. */
  readonly front?: Front
}

/** Has the site answer. */
export function listenerOf({ app, front = (rest) => rest }: Site): http.RequestListener {
  const answer = front((request, response) => void app(request, response))
  // They have the prototypes that Express would give them.
  return (request, response) =>
    void answer(withOriginForm(request) as Request, response as unknown as Response)
}

/** What the servers of node:http and node:https take alike. */
export function serverOptions(app: Express) {
  return {
    ...expressClasses(app),
    maxHeaderSize: HEAD_BYTES_MAX,
    // The time above is enough: with another one between requests, node makes two timers for each, which took a fifth of
    // the CPU of a small push (test/bench/README.md).
    keepAliveTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    noDelay: true,
  }
}

/** What can be set on servers of all three kinds only afterwards. */
export const AFTERWARDS = {
  timeout: STALLED_MS,
  // A client that has ended its side after its request is answered all the same.
  httpAllowHalfOpen: true,
}
