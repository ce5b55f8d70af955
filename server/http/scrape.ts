/** GET and HEAD of the page that Prometheus scrapes. */
import type { Request, Response } from 'express'
import { negotiate } from '../exposition/negotiate.ts'
import type { Gateway } from '../gateway.ts'
import { acceptsGzip } from './accept.ts'

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
  response.cork()
  for (const part of parts) response.write(part)
  response.uncork()
  response.end()
}
