/** What has to be asked and done differently for HTTP/1 and HTTP/2. */
import { METHODS, type IncomingMessage } from 'node:http'
import type http2 from 'node:http2'
import type { Response } from 'express'

/** Whether requests of one connection are independent of each other, as the streams of HTTP/2 are. */
export function isMultiplexed(request: IncomingMessage): boolean {
  return request.httpVersionMajor >= 2
}

/** Over HTTP/2 a client may call its method what it likes. */
export function knownMethod({ method = '' }: IncomingMessage): string {
  return METHODS.includes(method) ? method : 'unknown'
}

export function hasBody(request: IncomingMessage): boolean {
  if (isMultiplexed(request)) return !streamOf(request).endAfterHeaders
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** True when a request was given up by its sender. A stream of HTTP/2 that is reset ends like one that is complete. */
export function isCutOff(request: IncomingMessage): boolean {
  return isMultiplexed(request) && streamOf(request).aborted
}

/** True when nobody is left to be answered. */
export function isGone(response: Response): boolean {
  const { req: request } = response
  if (isMultiplexed(request)) return streamOf(request).destroyed
  // Answers that wait behind others never see their own close.
  return response.destroyed || request.socket.destroyed
}

/** Calls back when the client has gone, or says that it is going: it may have ended only its side, and still read. */
export function whenLeaving(response: Response, callback: () => void): void {
  response.once('close', callback)
  const { req: request } = response
  if (isMultiplexed(request)) return
  request.socket.once('end', callback)
  response.once('close', () => request.socket.off('end', callback))
}

/** Has the client use another connection for what it asks next; what it has asked already is answered. */
export function askToClose(response: Response): void {
  if (isMultiplexed(response.req)) streamOf(response.req).session?.close()
  else if (!response.headersSent) response.setHeader('Connection', 'close')
}

/** Ends a request whose body is not read to its end, once it is answered. */
export function cutOffAfter(response: Response): void {
  if (!isMultiplexed(response.req)) return askToClose(response)
  const stream = streamOf(response.req)
  // Without a code it ends without error.
  response.once('finish', () => stream.close())
}

function streamOf(request: IncomingMessage): http2.ServerHttp2Stream {
  return (request as unknown as http2.Http2ServerRequest).stream
}
