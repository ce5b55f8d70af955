import { describe, expect, test } from '@jest/globals'
import { renameSync } from 'node:fs'
import path from 'node:path'
import { waitMsOf } from '../../../server/http/scrape.ts'
import { StoreError } from '../../../storage/errors.ts'
import { startTestApp, startTestAppWith, type TestApp } from '../../support/app.ts'
import { temporaryFolder } from '../../support/cleanup.ts'
import { send, waitFor, type Answer } from '../../support/http.ts'
import { AWAY, createLosableStore, type LosableStore } from '../../support/losable-store.ts'
import { pushedValues, samplesOf, scrape } from '../../support/page.ts'

interface LosableApp extends TestApp {
  readonly losable: LosableStore
}

async function startOnLosable(...flags: string[]): Promise<LosableApp> {
  const losable = createLosableStore()
  return { ...(await startTestAppWith(losable, ...flags)), losable }
}

function put(url: string, value: number): Promise<Answer> {
  return send('PUT', url, '/metrics/job/j', { body: `m ${value}\n` })
}

async function statusOf(url: string, page: string): Promise<number> {
  return (await send('GET', url, page)).status
}

/** As Prometheus says how long it waits. */
function patience(seconds: number) {
  return { headers: { 'X-Prometheus-Scrape-Timeout-Seconds': String(seconds) } }
}

/** Waits until it is ready, by asking nothing else. */
async function untilReady(url: string): Promise<void> {
  await waitFor('the gateway to be ready', async () => {
    return (await statusOf(url, '/-/ready')) === 200 || undefined
  })
}

function expectToRetry(answer: Answer, text: string): void {
  expect([answer.status, answer.text]).toEqual([503, expect.stringContaining(text)])
  expect(answer.headers['retry-after']).toMatch(/^[123]$/)
}

describe('a gateway whose store cannot be reached at the start', () => {
  async function startLost(): Promise<LosableApp> {
    const losable = createLosableStore()
    losable.lose()
    return { ...(await startTestAppWith(losable)), losable }
  }

  test('listens, is healthy, and not ready', async () => {
    const { url, log } = await startLost()
    expect(await statusOf(url, '/-/healthy')).toBe(200)
    expectToRetry(await send('GET', url, '/-/ready'), AWAY)
    expect(log().filter((line) => line.includes(AWAY))).toHaveLength(1)
  })

  test('answers whatever needs the store 503 with Retry-After', async () => {
    const { url } = await startLost()
    expectToRetry(await put(url, 1), AWAY)
    for (const page of ['/metrics', '/', '/api/v1/metrics']) {
      expectToRetry(await send('GET', url, page), AWAY)
    }
    expect(await statusOf(url, '/api/v1/status')).toBe(200)
  })

  test('becomes ready by itself, says so once, and serves what the store has', async () => {
    const losable = createLosableStore()
    const before = await startTestAppWith(losable)
    expect((await put(before.url, 1)).status).toBe(200)
    losable.lose()
    const { url, log } = await startTestAppWith(losable)
    losable.find()
    await untilReady(url)
    expect(log().filter((line) => line.includes('ready') && line.includes('level=info'))).toEqual([
      expect.stringContaining('groups=1'),
    ])
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect((await put(url, 2)).status).toBe(200)
  })

  test('stops in peace', async () => {
    const { app, url, log } = await startLost()
    await app.stop()
    await expect(send('GET', url, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
    expect(log().filter((line) => line.includes('could not stop'))).toEqual([])
  })

  test.each(['unusable', 'corrupt', 'full'] as const)(
    'does not start when what it finds is "%s"',
    async (code) => {
      const losable = createLosableStore()
      losable.lose(new StoreError(code, 'no use'))
      await expect(startTestAppWith(losable)).rejects.toThrow('no use')
    },
  )
})

describe('a gateway that loses its store', () => {
  test('is not ready from the moment a scrape finds out, and ready again without another one', async () => {
    const { url, losable } = await startOnLosable()
    await put(url, 1)
    await untilReady(url)
    losable.lose()
    expectToRetry(await send('GET', url, '/metrics'), AWAY)
    expectToRetry(await send('GET', url, '/-/ready'), AWAY)
    expect(await statusOf(url, '/-/healthy')).toBe(200)
    losable.find()
    await untilReady(url)
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('is not ready from the moment the store says so, until the page was synced again', async () => {
    const { url, losable, log } = await startOnLosable()
    losable.hang()
    losable.events().lost?.('connection closed')
    expectToRetry(await send('GET', url, '/-/ready'), 'connection closed')
    losable.events().restored?.()
    await waitFor('a sync', () => {
      return losable.calls.filter((name) => name === 'changes').length > 1 || undefined
    })
    expectToRetry(await send('GET', url, '/-/ready'), 'connection closed')
    losable.find()
    await untilReady(url)
    expect(log().filter((line) => line.includes('the store is there; ready'))).toHaveLength(1)
  })

  test('goes on asking for it, also when nobody asks the gateway', async () => {
    const { url, losable } = await startOnLosable()
    losable.lose()
    await statusOf(url, '/metrics')
    const asked = losable.calls.length
    await waitFor('three more attempts', () => losable.calls.length >= asked + 3 || undefined)
    expect(losable.calls.slice(asked, asked + 3)).toEqual(['changes', 'changes', 'changes'])
    losable.find()
    await untilReady(url)
  })

  test('shows in its own metrics that the store is not up', async () => {
    const { url, losable } = await startOnLosable()
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('1')
    losable.lose()
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('0')
    losable.find()
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('1')
  })

  test('serves its own metrics although the store does not answer at all', async () => {
    const { url, losable } = await startOnLosable('--storage.timeout=50ms')
    losable.hang()
    expect((await scrape(url, '/-/metrics')).get('pushgateway_store_up')).toBe('0')
    expectToRetry(await send('GET', url, '/-/ready'), 'did not answer within 0.05 s')
    expect(losable.calls.filter((name) => name === 'status')).toHaveLength(1)
  })

  test('has warnings of the store in its log, repeated ones once', async () => {
    const { losable, log } = await startOnLosable()
    for (let i = 0; i < 5; i++) losable.events().warning?.('its memory is nearly full')
    losable.events().warning?.('it has no replicas')
    const lines = log().filter((line) => line.includes('warning about the store'))
    expect(lines).toEqual([
      expect.stringContaining('its memory is nearly full'),
      expect.stringContaining('it has no replicas'),
    ])
  })

  test('counts calls that the store tried again', async () => {
    const { url, losable } = await startOnLosable()
    losable.events().retried?.('connection closed')
    const name = 'pushgateway_store_retries_total'
    expect((await scrape(url)).get(name)).toBe('1')
  })
})

describe('with --store.serve-stale', () => {
  test('scrapes get the last page while the store is away, and its age; pushes are refused', async () => {
    const { url, losable } = await startOnLosable('--store.serve-stale=5m')
    await put(url, 1)
    const fresh = await send('GET', url, '/metrics')
    expect(fresh.headers['sluice-stale']).toBeUndefined()
    losable.lose()
    const stale = await send('GET', url, '/metrics')
    expect(stale.status).toBe(200)
    expect(stale.headers['sluice-stale']).toMatch(/^\d+$/)
    expect(stale.headers['sluice-revision']).toBe(fresh.headers['sluice-revision'])
    expect(pushedValues(samplesOf(stale.text))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect(samplesOf(stale.text).get('pushgateway_store_up')).toBe('0')
    expectToRetry(await put(url, 2), AWAY)
    expectToRetry(await send('GET', url, '/-/ready'), AWAY)
    losable.find()
    expect((await put(url, 3)).status).toBe(200)
    const again = await send('GET', url, '/metrics')
    expect(again.headers['sluice-stale']).toBeUndefined()
    expect(pushedValues(samplesOf(again.text))).toEqual({ 'm{instance="",job="j"}': '3' })
  })

  test('the page of a database that was moved away is shown too', async () => {
    const file = path.join(temporaryFolder(), 'groups.db')
    const { url } = await startTestApp(`--storage.url=sqlite:${file}`, '--store.serve-stale=5m')
    await put(url, 1)
    await scrape(url)
    renameSync(file, `${file}.away`)
    const { status, headers, text } = await send('GET', url, '/metrics')
    expect([status, headers['sluice-stale']]).toEqual([200, expect.stringMatching(/^\d+$/)])
    expect(pushedValues(samplesOf(text))).toEqual({ 'm{instance="",job="j"}': '1' })
    expectToRetry(await send('GET', url, '/-/ready'), file)
  })

  test('a page that is older than that is not shown', async () => {
    const { url, losable } = await startOnLosable('--store.serve-stale=200ms')
    await scrape(url)
    losable.lose()
    expect(await statusOf(url, '/metrics')).toBe(200)
    await waitFor('the page to be too old', async () => {
      return (await statusOf(url, '/metrics')) === 503 || undefined
    })
  })

  test('nothing is shown where nothing was ever read', async () => {
    const losable = createLosableStore()
    losable.lose()
    const { url } = await startTestAppWith(losable, '--store.serve-stale=1h')
    expectToRetry(await send('GET', url, '/metrics'), AWAY)
  })

  test('a store that cannot be read for another reason is not hidden', async () => {
    const { url, losable } = await startOnLosable('--store.serve-stale=1h')
    losable.lose(new StoreError('corrupt', 'a group cannot be read'))
    expectToRetry(await send('GET', url, '/metrics'), 'a group cannot be read')
  })

  test('the last page is shown too when the store does not answer, before Prometheus gives up', async () => {
    const { url, losable } = await startOnLosable('--store.serve-stale=1h')
    await put(url, 1)
    await scrape(url)
    losable.hang()
    const startedAt = performance.now()
    const { status, headers, text } = await send('GET', url, '/metrics', patience(1))
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect([status, headers['sluice-stale']]).toEqual([200, expect.stringMatching(/^\d+$/)])
    expect(samplesOf(text).get('pushgateway_store_up')).toBe('0')
  })
})

describe('a scrape of a store that does not answer', () => {
  test('is answered 503 before Prometheus gives up', async () => {
    const { url, losable } = await startOnLosable('--storage.timeout=1h')
    losable.hang()
    const startedAt = performance.now()
    const answer = await send('GET', url, '/metrics', patience(1))
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expectToRetry(answer, 'did not answer within 0.5 s')
  })

  test('is answered 503 after --storage.timeout', async () => {
    const { url, losable } = await startOnLosable('--storage.timeout=50ms')
    losable.hang()
    for (const page of ['/metrics', '/', '/api/v1/metrics']) {
      expectToRetry(await send('GET', url, page), 'did not answer within 0.05 s')
    }
  })

  test('leaves the question to those that wait longer, and does not ask again', async () => {
    const { url, losable } = await startOnLosable('--web.own-metrics=separate')
    await put(url, 1)
    losable.hang()
    const before = losable.calls.length
    const patient = send('GET', url, '/metrics')
    await waitFor('the question', () => losable.calls.length > before || undefined)
    expectToRetry(await send('GET', url, '/metrics', patience(0.2)), 'within 0.1 s')
    expectToRetry(await send('GET', url, '/metrics', patience(0.2)), 'within 0.1 s')
    expect(losable.calls.slice(before)).toEqual(['changes'])
    losable.find()
    expect((await patient).status).toBe(200)
  })

  test.each([
    [undefined, Infinity],
    ['', Infinity],
    ['soon', Infinity],
    ['-1', Infinity],
    ['0', Infinity],
    ['10', 9_500],
    ['1.5', 1_000],
    ['1', 500],
    ['0.4', 200],
  ])('with a timeout of %p s waits %p ms', (seconds, waitMs) => {
    const headers = seconds === undefined ? {} : { 'x-prometheus-scrape-timeout-seconds': seconds }
    expect(waitMsOf({ headers })).toBe(waitMs)
  })
})
