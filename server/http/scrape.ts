/** GET and HEAD of the page that Prometheus scrapes. */
import type { Request, Response } from 'express'
import type { Gateway } from '../gateway.ts'
import { acceptedEscaping, acceptsGzip } from './accept.ts'

export async function handleScrape(
  gateway: Gateway,
  request: Request,
  response: Response,
): Promise<void> {
  const scheme = acceptedEscaping(request)
  const gzip = acceptsGzip(request)
  const { parts, byteLength } = await gateway.expose(scheme, gzip ? 'gzip' : 'identity')
  response.setHeader('Content-Type', `text/plain; version=0.0.4; charset=utf-8; escaping=${scheme}`)
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
