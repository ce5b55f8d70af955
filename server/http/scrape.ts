/** GET and HEAD of the pages that Prometheus scrapes. */
import type { Request, Response } from 'express'
import { negotiate } from '../exposition/negotiate.ts'
import type { Encoding, Gateway } from '../gateway.ts'
import type { Rope } from '../view/rope.ts'
import { acceptsGzip } from './accept.ts'
import { nextDrain, setRevision } from './answers.ts'
import { isGone, isMultiplexed } from './http-versions.ts'

export interface ScrapeOptions {
  readonly gateway: Gateway
  /** --web.prefer-openmetrics */
  readonly preferOpenMetrics: boolean
}

/** What Prometheus needs of its timeout for the answer to reach it. */
const ANSWER_MS = 500

/** The page with what was pushed. */
export async function handleScrape(
  { gateway, preferOpenMetrics }: ScrapeOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const format = negotiate(request.headers.accept, { preferOpenMetrics })
  const encoding = encodingFor(request)
  const page = await gateway.expose(format, encoding, waitMsOf(request))
  setRevision(response, page.position)
  if (page.staleMs !== undefined) {
    response.setHeader('Sluice-Stale', Math.ceil(page.staleMs / 1000))
  }
  return sendPage(request, response, format.contentType, encoding, page)
}

/** The page with what this process says of itself. */
export async function handleOwnMetrics(
  { gateway, preferOpenMetrics }: ScrapeOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const format = negotiate(request.headers.accept, { preferOpenMetrics })
  const encoding = encodingFor(request)
  const page = await gateway.exposeOwn(format, encoding)
  return sendPage(request, response, format.contentType, encoding, page)
}

function encodingFor(request: Request): Encoding {
  return acceptsGzip(request) ? 'gzip' : 'identity'
}

/** How long the store may take, where the scraper says how long it waits itself. */
export function waitMsOf({ headers }: Pick<Request, 'headers'>): number {
  const timeoutMs = Number(headers['x-prometheus-scrape-timeout-seconds']) * 1000
  if (!(timeoutMs > 0)) return Infinity
  return Math.max(timeoutMs - ANSWER_MS, timeoutMs / 2)
}

function sendPage(
  request: Request,
  response: Response,
  contentType: string,
  encoding: Encoding,
  { parts, byteLength }: Rope,
): Promise<void> | void {
  response.setHeader('Content-Type', contentType)
  response.setHeader('Vary', 'Accept, Accept-Encoding')
  response.setHeader('Content-Length', byteLength)
  if (encoding === 'gzip') response.setHeader('Content-Encoding', 'gzip')
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
