/** GET and HEAD of the page that Prometheus scrapes. */
import type { Request, Response } from 'express'
import { negotiate } from '../exposition/negotiate.ts'
import type { Gateway } from '../gateway.ts'
import { acceptsGzip } from './accept.ts'
import { nextDrain } from './answers.ts'
import { isGone, isMultiplexed } from './http-versions.ts'

export interface ScrapeOptions {
  readonly gateway: Gateway
  /** --web.prefer-openmetrics */
  readonly preferOpenMetrics: boolean
}

export async function handleScrape(
  { gateway, preferOpenMetrics }: ScrapeOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const format = negotiate(request.headers.accept, { preferOpenMetrics })
  const gzip = acceptsGzip(request)
  const { parts, byteLength } = await gateway.expose(format, gzip ? 'gzip' : 'identity')
  response.setHeader('Content-Type', format.contentType)
  response.setHeader('Vary', 'Accept, Accept-Encoding')
  response.setHeader('Content-Length', byteLength)
  if (gzip) response.setHeader('Content-Encoding', 'gzip')
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  if (isMultiplexed(request)) return sendInTurn(response, parts)
  response.cork()
  for (const part of parts) response.write(part)
  response.uncork()
  response.end()
}

/** A group that was pushed as one is one part, however large it is. */
const PIECE_BYTES = 64 * 1024

/** What is queued counts against the memory of an HTTP/2 session, which refuses other requests when that is used up. */
async function sendInTurn(response: Response, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      if (isGone(response)) return
      if (!response.write(part.subarray(at, at + PIECE_BYTES))) await nextDrain(response)
    }
  }
  response.end()
}
