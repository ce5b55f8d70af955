/** A reverse proxy that shows what is under one prefix of a server under another one. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { closeAfterTest } from './cleanup.ts'

/** Starts the proxy on a free port; what does not begin with `outer` is answered 404. */
export async function startPrefixProxy(
  target: string,
  outer: string,
  inner: string,
): Promise<string> {
  const server = http.createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/'
    if (!path.startsWith(`${outer}/`)) {
      outgoing.writeHead(404).end()
      return
    }
    const { hostname, port } = new URL(target)
    const passed = http.request(
      {
        hostname,
        port,
        method: incoming.method,
        path: inner + path.slice(outer.length),
        headers: incoming.headers,
        agent: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    passed.on('error', () => outgoing.writeHead(502).end())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeAfterTest(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
