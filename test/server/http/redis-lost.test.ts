import { expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { freePort } from '../../support/free-port.ts'
import { send, waitFor, type Answer } from '../../support/http.ts'
import { pushed, pushedValues, samplesOf, scrape } from '../../support/page.ts'
import { describeWith } from '../../support/programs.ts'
import { RedisServer, startRedis } from '../../support/redis/server.ts'

const SHORT = '--storage.timeout=500ms'

function put(url: string, value: number): Promise<Answer> {
  return send('PUT', url, '/metrics/job/j', { body: `m ${value}\n` })
}

async function untilReady(url: string, status = 200): Promise<void> {
  await waitFor(`/-/ready to be answered ${status}`, async () => {
    return (await send('GET', url, '/-/ready')).status === status || undefined
  })
}

describeWith('redis-server', 'a gateway on Redis', () => {
  test('starts before Redis does, and is ready when that is there', async () => {
    const port = await freePort()
    const { url, log } = await startTestApp(`--storage.url=redis://127.0.0.1:${port}`, SHORT)
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    for (const answer of [
      await send('GET', url, '/-/ready'),
      await send('GET', url, '/metrics'),
      await put(url, 1),
    ]) {
      expect([answer.status, answer.headers['retry-after']]).toEqual([
        503,
        expect.stringMatching(/^[123]$/),
      ])
    }
    await RedisServer.start(port, {})
    await untilReady(url)
    expect((await put(url, 2)).status).toBe(200)
    expect(log().filter((line) => line.includes('the store is there; ready'))).toHaveLength(1)
  })

  test('is not ready while Redis is away, ready again without a restart or a scrape, and lost nothing', async () => {
    const redis = await startRedis({ config: ['appendonly yes', 'appendfsync always'] })
    const { url, log } = await startTestApp(
      `--storage.url=${redis.url()}`,
      '--store.serve-stale=5m',
      SHORT,
    )
    expect((await put(url, 1)).status).toBe(200)
    await scrape(url)
    await redis.kill()
    await untilReady(url, 503)
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    expect((await put(url, 2)).status).toBe(503)
    const stale = await send('GET', url, '/metrics')
    expect([stale.status, stale.headers['sluice-stale']]).toEqual([200, expect.any(String)])
    expect(pushedValues(samplesOf(stale.text))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('0')
    await redis.restart()
    await untilReady(url)
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('1')
    expect(log().filter((line) => line.includes('the store is there; ready'))).toHaveLength(1)
  })

  test('shows on the page only what every replica shows, and itself on /-/metrics', async () => {
    const redis = await startRedis()
    const [a, b] = [
      await startTestApp(`--storage.url=${redis.url()}`),
      await startTestApp(`--storage.url=${redis.url()}`),
    ]
    const answer = await put(a.url, 1)
    const pages = await Promise.all([a, b].map(({ url }) => send('GET', url, '/metrics')))
    for (const { text, headers } of pages) {
      expect(text).toBe(pages[0]!.text)
      expect(headers['sluice-revision']).toBe(answer.headers['sluice-revision'])
    }
    const page = samplesOf(pages[0]!.text)
    expect(Object.fromEntries(page)).toEqual(pushed(page))
    expect((await scrape(b.url, '/-/metrics')).get('pushgateway_groups')).toBe('1')
  })

  test('never shows the password of its URL', async () => {
    const redis = await startRedis({ config: ['user alice on >s3cret ~* &* +@all'] })
    const { url, log } = await startTestApp(
      `--storage.url=redis://alice:s3cret@${redis.address}/0`,
      SHORT,
    )
    const shown = await Promise.all(
      ['/', '/status', '/api/v1/status', '/-/metrics'].map((page) => send('GET', url, page)),
    )
    await redis.kill()
    await untilReady(url, 503)
    shown.push(await put(url, 1), await send('GET', url, '/-/ready'), await send('GET', url, '/'))
    for (const { text } of shown) expect(text).not.toContain('s3cret')
    expect(log().join('\n')).not.toContain('s3cret')
    expect(shown[2]!.text).toContain(`redis://alice:***@${redis.address}/0`)
  })
})
