import { expect, test } from '@jest/globals'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import {
  HAPROXY_CONFIG,
  haproxyEnvironment,
  nginxConfig,
  startHaproxy,
  startNginx,
} from '../support/balancers.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { send, waitFor } from '../support/http.ts'
import { runToEnd } from '../support/processes.ts'
import { startGateway, type RunningGateway } from '../support/program.ts'
import { describeWith, needProgram } from '../support/programs.ts'

const PATHS = [
  '/metrics/job/plain/instance/a',
  '/metrics/job@base64/YS9i/path@base64/L3Zhci90bXA',
  '/metrics/job@base64/=/x/y',
  '/metrics/job/a%2Fb/c/%C3%A9%20%25',
  '/metrics/job/twice//x/',
  '//metrics/job/x',
  '/metrics/job/x/../y',
  '/metrics/job/x/./y/z',
  '/metrics/job/q/a/b?c=d%2F',
  '/metrics//job/x',
]

/** Gateways on one file, which is as many as can share a store without Redis. */
async function startGateways(count: number, ...flags: string[]): Promise<RunningGateway[]> {
  const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'sluice.db')}`
  return Promise.all(Array.from({ length: count }, () => startGateway([store, ...flags])))
}

function host({ url }: { readonly url: string }): string {
  return new URL(url).host
}

/** What stands in for a gateway and goes wrong in a known way. */
async function startBroken(handle: http.RequestListener): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = http.createServer((request, response) => {
    const isCheck = request.url === '/-/ready' || request.url === '/-/healthy'
    if (!isCheck) seen.push(`${request.method} ${request.url}`)
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeAfterTest(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

/** Healthy, but connections break once a request is there. */
function breaksConnections(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url?.startsWith('/-/')) return void response.end('OK')
  request.resume()
  request.on('end', () => request.socket.destroy())
}

const BALANCERS = [
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
] as const

for (const [name, start] of BALANCERS) {
  describeWith(name, `${name} before the gateways`, () => {
    test('passes paths on as they came', async () => {
      const [gateway] = await startGateways(1)
      const balancer = await start([host(gateway!)])
      for (const pushed of PATHS) {
        const direct = await send('PUT', gateway!.url, pushed, { body: 'm 1\n' })
        const through = await send('PUT', balancer.url, pushed, { body: 'm 1\n' })
        expect([pushed, through.status, through.text]).toEqual([pushed, direct.status, direct.text])
      }
      const groups = JSON.parse((await send('GET', balancer.url, '/api/v1/metrics')).text) as {
        data: { labels: Record<string, string> }[]
      }
      expect(groups.data.map(({ labels }) => labels)).toEqual(
        expect.arrayContaining([
          { job: 'a/b', path: '/var/tmp' },
          { job: 'a/b', c: 'é %' },
        ]),
      )
    })

    test('takes bodies of any kind and size to the gateway, which decides', async () => {
      const [gateway] = await startGateways(1, '--push.max-body-bytes=3000000')
      const balancer = await start([host(gateway!)])
      const push = async (bytes: number): Promise<number> => {
        const body = 'm{l="' + 'x'.repeat(bytes) + '"} 1\n'
        return (await send('PUT', balancer.url, '/metrics/job/large', { body })).status
      }
      expect([await push(2_000_000), await push(4_000_000)]).toEqual([200, 413])
    })

    test.each(['PUT', 'POST', 'DELETE'])(
      'a %s that was sent is never sent again',
      async (method) => {
        const broken = await startBroken(breaksConnections)
        const other = await startBroken(breaksConnections)
        const balancer = await start([host(broken), host(other)])
        const { status } = await send(method, balancer.url, '/metrics/job/x', { body: 'm 1\n' })
        expect(status).toBe(502)
        const pushes = [...broken.seen, ...other.seen].filter((line) => line.startsWith(method))
        expect(pushes).toEqual([`${method} /metrics/job/x`])
      },
    )

    test('a scrape whose connection breaks is answered by another gateway', async () => {
      const broken = await startBroken(breaksConnections)
      const well = await startBroken((_request, response) => response.end('m 1\n'))
      const balancer = await start([host(broken), host(well)])
      const scrapes = await Promise.all(
        [1, 2, 3, 4].map(() => send('GET', balancer.url, '/metrics')),
      )
      expect(scrapes.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(broken.seen.length).toBeGreaterThan(0)
    })
  })
}

describeWith('haproxy', 'deploy/haproxy', () => {
  const down = '127.0.0.1:9'

  test.each([1, 2, 3])('HAProxy takes the configuration with %i gateways', async (count) => {
    const env = haproxyEnvironment(Array<string>(count).fill(down), ':9091', ':8404')
    const checked = await runToEnd(needProgram('haproxy'), ['-c', '-f', HAPROXY_CONFIG], { env })
    expect(checked).toEqual({ status: 0, stdout: 'Configuration file is valid\n', stderr: '' })
  })

  test('a gateway that is gone costs no push: none was sent to it', async () => {
    const gateways = await startGateways(2)
    const balancer = await startHaproxy(gateways.map(host))
    gateways[0]!.process.kill('SIGKILL')
    await gateways[0]!.ended
    for (let i = 0; i < 10; i++) {
      const { status } = await send('PUT', balancer.url, `/metrics/job/j${i}`, { body: 'm 1\n' })
      expect(status).toBe(200)
    }
  })

  test('a gateway that stops gets no new requests and no request fails', async () => {
    const gateways = await startGateways(2, '--web.shutdown-delay=3s')
    const balancer = await startHaproxy(gateways.map(host))
    const statuses: number[] = []
    let stopped = false
    const pushing = (async () => {
      for (let i = 0; !stopped && i < 10_000; i++) {
        const target = i % 5 === 0 ? '/metrics' : `/metrics/job/j${i % 7}`
        const method = i % 5 === 0 ? 'GET' : 'PUT'
        const { status } = await send(method, balancer.url, target, { body: 'm 1\n' })
        statuses.push(status)
      }
    })()
    gateways[0]!.process.kill('SIGTERM')
    expect(await gateways[0]!.ended).toEqual({ code: 0, signal: null })
    const csv = await balancer.stats!()
    expect(csv).toMatch(/^gateways,sluice-1,.*,DOWN,/m)
    expect(csv).toMatch(/^gateways,sluice-2,.*,UP,/m)
    stopped = true
    await pushing
    expect(statuses.length).toBeGreaterThan(20)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
  })

  test('when no gateway is ready, one of them says why', async () => {
    const unready = await startBroken((request, response) => {
      if (request.url === '/-/healthy') return void response.end('OK')
      response.writeHead(503, { 'Retry-After': '3' }).end('the store is away\n')
    })
    const balancer = await startHaproxy([host(unready)])
    await waitFor(
      'HAProxy to notice',
      async () => /^gateways,BACKEND,.*,DOWN,/m.test(await balancer.stats!()) || undefined,
    )
    const answer = await send('PUT', balancer.url, '/metrics/job/x', { body: 'm 1\n' })
    expect([answer.status, answer.headers['retry-after'], answer.text]).toEqual([
      503,
      '3',
      'the store is away\n',
    ])
  })
})

describeWith('nginx', 'deploy/nginx', () => {
  test('nginx takes the configuration', async () => {
    const config = nginxConfig(['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], 9091)
    const { status, stderr } = await runToEnd(needProgram('nginx'), ['-t', '-c', config])
    expect(stderr).toMatch(/test is successful/)
    expect(status).toBe(0)
  })
})
