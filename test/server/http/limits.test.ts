import { describe, expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { send, waitFor } from '../../support/http.ts'
import { pushedValues, scrape } from '../../support/page.ts'
import { connectTo, rawRequest, type RawConnection } from '../../support/raw-connection.ts'

/** A push of which the last byte is still to come. */
async function halfPush(url: string, job: string): Promise<RawConnection> {
  const connection = await connectTo(url)
  connection.write(rawRequest('PUT', `/metrics/job/${job}`, { headers: ['Content-Length: 4'] }))
  connection.write('m 1')
  return connection
}

/** Waits until the gateway refuses what is one too many. */
async function waitUntilFull(url: string): Promise<void> {
  await waitFor('the gateway to be full', async () => {
    return (await send('GET', url, '/nope')).status === 503 || undefined
  })
}

async function waitUntilFree(url: string): Promise<void> {
  await waitFor('the gateway to take requests again', async () => {
    return (await send('GET', url, '/nope')).status === 404 || undefined
  })
}

describe('--web.max-requests', () => {
  test('requests beyond it are answered 503 with Retry-After, and nothing of them is stored', async () => {
    const { url } = await startTestApp('--web.max-requests=2')
    const halves = [await halfPush(url, 'a'), await halfPush(url, 'b')]
    await waitUntilFull(url)
    for (const [method, path] of [
      ['PUT', '/metrics/job/c'],
      ['POST', '/metrics/job/c'],
      ['DELETE', '/metrics/job/c'],
      ['GET', '/metrics'],
      ['GET', '/api/v1/metrics'],
      ['GET', '/'],
    ] as const) {
      const answer = await send(method, url, path, method === 'GET' ? {} : { body: 'm 1\n' })
      expect([path, answer.status]).toEqual([path, 503])
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(answer.text).toContain('--web.max-requests')
      expect(answer.headers['sluice-error']).toBe('overloaded')
    }
    for (const half of halves) {
      half.write('\n')
      expect((await half.answer()).status).toBe(200)
    }
    await waitUntilFree(url)
    expect(pushedValues(await scrape(url))).toEqual({
      'm{instance="",job="a"}': '1',
      'm{instance="",job="b"}': '1',
    })
  })

  test('does not count health checks out: they are answered all the same', async () => {
    const { url } = await startTestApp('--web.max-requests=1', '--web.enable-lifecycle')
    await halfPush(url, 'a')
    await waitUntilFull(url)
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    expect((await send('GET', url, '/-/ready')).status).toBe(200)
    expect((await send('PUT', url, '/-/quit')).status).toBe(200)
  })

  test('frees the place of a client that went away', async () => {
    const { url } = await startTestApp('--web.max-requests=2')
    for (let round = 0; round < 3; round++) {
      const halves = [await halfPush(url, 'a'), await halfPush(url, 'b')]
      await waitUntilFull(url)
      for (const half of halves) half.destroy()
      await waitUntilFree(url)
    }
    expect(pushedValues(await scrape(url))).toEqual({})
  })

  test('frees the place of every refused push', async () => {
    const { url } = await startTestApp('--web.max-requests=1', '--push.max-body-bytes=100')
    for (let round = 0; round < 5; round++) {
      for (const [path, body] of [
        ['/metrics/job/a/odd', 'm 1\n'],
        ['/metrics/job/a', 'm 1'],
        ['/metrics/job/a', 'm 1 5\n'],
        ['/metrics/job/a', 'x'.repeat(200)],
      ] as const) {
        expect([400, 413]).toContain((await send('PUT', url, path, { body })).status)
        await waitUntilFree(url)
      }
    }
  })

  test('counts requests that are refused in the metrics', async () => {
    const { url } = await startTestApp('--web.max-requests=1')
    const half = await halfPush(url, 'a')
    await waitUntilFull(url)
    await send('PUT', url, '/metrics/job/c', { body: 'm 1\n' })
    half.write('\n')
    await half.answer()
    await waitUntilFree(url)
    const refused = 'pushgateway_http_requests_total{code="503",handler="push",method="put"}'
    expect((await scrape(url)).get(refused)).toBe('1')
  })

  test('a connection whose request was refused serves the next one', async () => {
    const { url } = await startTestApp('--web.max-requests=1')
    const half = await halfPush(url, 'a')
    await waitUntilFull(url)
    const connection = await connectTo(url)
    const body = `m 1\n#${'x'.repeat(300_000)}\n`
    connection.write(rawRequest('PUT', '/metrics/job/b', { body }))
    expect((await connection.answer()).status).toBe(503)
    half.write('\n')
    await half.answer()
    await waitUntilFree(url)
    connection.write(rawRequest('PUT', '/metrics/job/b', { body }))
    expect((await connection.answer()).status).toBe(200)
  })

  test('has all its places free again, whatever clients did and broke off', async () => {
    const gateway = await startTestApp('--web.max-requests=20', '--push.max-body-bytes=1000')
    const { url } = gateway
    const push = rawRequest('PUT', '/metrics/job/a', { body: 'm 1\n' })
    const remove = rawRequest('DELETE', '/metrics/job/a', { body: 'ignored' })
    const read = rawRequest('GET', '/api/v1/metrics')
    const oversized = rawRequest('PUT', '/metrics/job/a', { headers: ['Content-Length: 90000'] })
    const chunked = rawRequest('PUT', '/metrics/job/a', { headers: ['Transfer-Encoding: chunked'] })
    const acts = [
      push,
      push.slice(0, -2),
      push.slice(0, 25),
      push + remove + push,
      push + read + remove + push.slice(0, -1),
      push + oversized + '#'.repeat(500),
      oversized,
      `${oversized}${'#'.repeat(90_000)}${push}`,
      chunked,
      `${chunked}3e8\r\n${'#'.repeat(1000)}\r\n10\r\n###`,
      `${chunked}nonsense`,
      rawRequest('PUT', '/metrics/job/a/odd', { headers: ['Content-Length: 50'] }),
      rawRequest('PUT', '/metrics/job/a', {
        headers: ['Expect: 100-continue', 'Content-Length: 4'],
      }),
      rawRequest('GET', '/metrics') + rawRequest('GET', '/') + rawRequest('GET', '/nope'),
      'rubbish\r\n\r\n',
      '',
    ]
    let seed = 1
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    for (let round = 0; round < 300; round++) {
      const connection = await connectTo(url)
      connection.write(acts[random(acts.length)]!)
      if (random(3) === 0) await send('GET', url, '/-/healthy')
      if (random(4) === 0) connection.end()
      else connection.destroy()
    }
    await waitUntilFree(url)
    for (let held = 1; held < 20; held++) await halfPush(url, `held${held}`)
    await waitUntilFree(url)
    await halfPush(url, 'held20')
    await waitUntilFull(url)
    expect(gateway.log().filter((line) => line.includes('level=error'))).toEqual([])
  })
})
