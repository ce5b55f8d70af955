/** Requests as they stand: paths go out untouched, redirects are not followed, nothing is decoded. */
import http from 'node:http'
import https from 'node:https'
import type { ConnectionOptions } from 'node:tls'

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

export interface RequestOptions {
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string | Buffer
  /** For https: what to trust, and who one is. */
  readonly tls?: ConnectionOptions
}

/** @param url base URL, of which only scheme, host and port are used, or `unix:/path`; the path goes out as it is */
export function send(
  method: string,
  url: string,
  path: string,
  { headers, body, tls }: RequestOptions = {},
): Promise<Answer> {
  const { protocol, hostname, port, pathname } = new URL(url)
  const target =
    protocol === 'unix:'
      ? { socketPath: pathname }
      : { host: hostname.replace(/^\[|\]$/g, ''), port }
  const open = protocol === 'https:' ? https.request : http.request
  return new Promise((resolve, reject) => {
    const request = open(
      { ...target, method, path, agent: false, ...(headers && { headers }), ...tls },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const whole = Buffer.concat(chunks)
          const { statusCode = 0, headers: received } = response
          resolve({
            status: statusCode,
            headers: received,
            body: whole,
            text: whole.toString('utf8'),
          })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Polls until `look` gives something; fails naming what it waited for. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
