/** What stands before a gateway and spoils it: stale pages, hasty answers, pages of its own making. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { closeAfterTest } from '../../support/cleanup.ts'
import { send, type Answer } from '../../support/http.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: Buffer
}

export type Handle = (asked: Asked, forward: (asked: Asked) => Promise<Answer>) => Promise<Shown>

type Shown = Pick<Answer, 'status' | 'headers' | 'body'>

/** Scrapes are answered with the last page, while that is no older than this. */
export function cachesPages(milliseconds: number): Handle {
  let page: Answer | undefined
  let at = -Infinity
  return async (asked, forward) => {
    if (asked.method !== 'GET') return forward(asked)
    if (page === undefined || performance.now() - at > milliseconds) {
      page = await forward(asked)
      at = performance.now()
    }
    return page
  }
}

/** The same, but the page claims to be of now. */
export function cachesPagesUnderNewRevisions(milliseconds: number): Handle {
  const cached = cachesPages(milliseconds)
  return async (asked, forward) => {
    const shown = await cached(asked, forward)
    if (asked.method !== 'GET') return shown
    const { headers } = await forward(asked)
    return {
      ...shown,
      headers: { ...shown.headers, 'sluice-revision': headers['sluice-revision'] },
    }
  }
}

/** Pushes are answered at once, and passed on a little later. */
export const answersBeforeItForwards: Handle = async (asked, forward) => {
  if (asked.method === 'GET') return forward(asked)
  setTimeout(() => void forward(asked).catch(() => undefined), 100)
  return { status: 200, headers: {}, body: Buffer.alloc(0) }
}

/** One of so many pushes is passed on twice, as by a balancer that takes a slow answer for none. */
export function repeatsPushes(count: number): Handle {
  let pushes = 0
  return async (asked, forward) => {
    const answer = await forward(asked)
    if (asked.method !== 'GET' && ++pushes % count === 0) await forward(asked)
    return answer
  }
}

/** A line is missing at the end of each page. */
export const cutsPages: Handle = async (asked, forward) => {
  const answer = await forward(asked)
  if (asked.method !== 'GET' || answer.text === '') return answer
  const lines = answer.text.split('\n').slice(0, -2)
  return { ...answer, body: Buffer.from(`${lines.join('\n')}\n`) }
}

/** Resolves to the URL of a proxy before a gateway. */
export async function spoil(gateway: string, handle: Handle): Promise<string> {
  const forward = ({ method, path, body }: Asked): Promise<Answer> =>
    send(method, gateway, path, { body })
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '' } = request
      const asked = { method, path: url, body: Buffer.concat(chunks) }
      void handle(asked, forward).then(({ status, headers, body }) => {
        const revision = headers['sluice-revision']
        response.writeHead(status, {
          'Content-Type': headers['content-type'] ?? 'text/plain',
          ...(revision === undefined ? {} : { 'Sluice-Revision': revision }),
        })
        response.end(body)
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeAfterTest(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
