import { describe, expect, test } from '@jest/globals'
import path from 'node:path'
import zlib from 'node:zlib'
import { startTestApp } from '../../support/app.ts'
import { temporaryFolder } from '../../support/cleanup.ts'
import { send } from '../../support/http.ts'
import { pushed, pushedValues, samplesOf, scrape } from '../../support/page.ts'
import { runToEnd } from '../../support/processes.ts'
import { describeWith, needProgram } from '../../support/programs.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../../support/web-config.ts'

const PAGE = '/-/metrics'
const SEPARATE = '--web.own-metrics=separate'
const PROTOBUF =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const FORMATS = ['text/plain', 'application/openmetrics-text;version=1.0.0', PROTOBUF]

const STORE_METRICS = [
  'pushgateway_store_up',
  'pushgateway_store_round_trip_seconds',
  'pushgateway_store_revision',
  'pushgateway_store_conflicts_total',
  'pushgateway_store_retries_total',
  'pushgateway_view_revision',
  'pushgateway_view_age_seconds',
  'pushgateway_groups',
  'pushgateway_series',
  'pushgateway_stored_bytes',
]

describe(PAGE, () => {
  test('has what this process says of itself and of its store, and nothing that was pushed', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const page = await scrape(url, PAGE)
    expect([...page.keys()]).toEqual(expect.arrayContaining(STORE_METRICS))
    expect(page.get('pushgateway_store_up')).toBe('1')
    expect(page.has('process_cpu_seconds_total')).toBe(true)
    expect(pushed(page)).toEqual({})
  })

  test.each([
    ['text/plain; version=0.0.4', 'text/plain', /^# HELP [a-z]+_/],
    ['application/openmetrics-text', 'application/openmetrics-text;version=1.0.0', /# EOF\n$/],
    ['application/vnd.google.protobuf', PROTOBUF, /pushgateway_store_up/],
  ])('comes as %s when that is asked for', async (type, accept, body) => {
    const { url } = await startTestApp()
    const { headers, text } = await send('GET', url, PAGE, { headers: { Accept: accept } })
    expect(headers['content-type']).toMatch(new RegExp(`^${type}`))
    expect(headers.vary).toBe('Accept, Accept-Encoding')
    expect(text).toMatch(body)
  })

  test('is compressed when asked for, and as long as its head says', async () => {
    const { url } = await startTestApp()
    const headers = { 'Accept-Encoding': 'gzip' }
    const answer = await send('GET', url, PAGE, { headers })
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    const page = samplesOf(zlib.gunzipSync(answer.body).toString())
    expect(page.get('pushgateway_store_up')).toBe('1')
  })

  test('is only read: HEAD has no body, other methods are refused', async () => {
    const { url } = await startTestApp()
    const head = await send('HEAD', url, PAGE)
    expect([head.status, head.text]).toEqual([200, ''])
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const { status, headers } = await send(method, url, PAGE)
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
    }
  })

  test('is behind the route prefix, and the password that everything is behind', async () => {
    const { flag } = writeWebConfig(`basic_auth_users:\n  alice: ${HASH_OF_ABC}\n`)
    const { url } = await startTestApp(flag, '--web.route-prefix=/sluice')
    expect((await send('GET', url, `/sluice${PAGE}`)).status).toBe(401)
    const headers = { Authorization: basic('alice', 'abc') }
    expect((await send('GET', url, `/sluice${PAGE}`, { headers })).status).toBe(200)
    expect((await send('GET', url, PAGE, { headers })).status).toBe(404)
  })

  test('does not count itself as a request, as no scrape does', async () => {
    const { url } = await startTestApp()
    await scrape(url, PAGE)
    const counted = [...(await scrape(url, PAGE)).keys()].filter((series) =>
      series.startsWith('pushgateway_http_requests_total'),
    )
    expect(counted).toEqual([])
  })

  test('is answered however many requests there are', async () => {
    const { url } = await startTestApp('--web.max-requests=1')
    const answers = await Promise.all(Array.from({ length: 10 }, () => send('GET', url, PAGE)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  })
})

describe('the page that is scraped', () => {
  test('carries own metrics with memory: and a file, and with --web.own-metrics=page', async () => {
    const file = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    for (const flags of [[], [file], ['--web.own-metrics=page']]) {
      const { url } = await startTestApp(...flags)
      expect([...(await scrape(url)).keys()]).toEqual(expect.arrayContaining(STORE_METRICS))
    }
  })

  test('has nothing but the groups with --web.own-metrics=separate', async () => {
    const { url } = await startTestApp(SEPARATE)
    expect((await send('GET', url, '/metrics')).text).toBe('')
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const page = await scrape(url)
    expect(Object.fromEntries(page)).toEqual(pushed(page))
    expect([...page.keys()].map((series) => series.split('{')[0])).toEqual([
      'm',
      'push_failure_time_seconds',
      'push_time_seconds',
    ])
    expect((await scrape(url, PAGE)).get('pushgateway_groups')).toBe('1')
  })

  test('then still reserves the names of own metrics', async () => {
    const { url } = await startTestApp(SEPARATE)
    const body = '# TYPE pushgateway_store_up counter\npushgateway_store_up 1\n'
    expect((await send('PUT', url, '/metrics/job/j', { body })).status).toBe(400)
  })

  test.each(FORMATS)('is then the same at every replica, byte by byte, as %s', async (accept) => {
    const flags = [`--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`, SEPARATE]
    const [a, b] = [await startTestApp(...flags), await startTestApp(...flags)]
    for (let i = 0; i < 20; i++) {
      const body = `# TYPE h histogram\nh_bucket{le="1"} ${i}\nh_sum 1\nh_count ${i}\nm{i="${i}"} ${i}\n`
      await send('PUT', [a, b][i % 2]!.url, `/metrics/job/j${i % 7}`, { body })
      if (i % 5 === 0) await scrape(a.url)
    }
    await send('DELETE', b.url, '/metrics/job/j3')
    for (const encoding of ['identity', 'gzip']) {
      const headers = { Accept: accept, 'Accept-Encoding': encoding }
      const [x, y] = await Promise.all(
        [a, b].map(({ url }) => send('GET', url, '/metrics', { headers })),
      )
      expect(x!.headers['sluice-revision']).toBe(y!.headers['sluice-revision'])
      expect(x!.body.length).toBeGreaterThan(100)
      if (encoding === 'identity') expect(x!.body.equals(y!.body)).toBe(true)
      else expect(zlib.gunzipSync(x!.body).equals(zlib.gunzipSync(y!.body))).toBe(true)
    }
  })
})

describe('metrics of the store', () => {
  test('count groups, samples and bytes as the store has them, the same at every replica', async () => {
    const flags = [`--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`]
    const [a, b] = [await startTestApp(...flags), await startTestApp(...flags)]
    const sizes = async (url: string) => {
      const page = await scrape(url)
      return ['groups', 'series', 'stored_bytes'].map((name) => page.get(`pushgateway_${name}`))
    }
    expect(await sizes(a.url)).toEqual(['0', '0', '0'])
    const family = '# TYPE m untyped\nm{instance="",job="j"} 1\n'
    await send('PUT', a.url, '/metrics/job/j', { body: 'm 1\n' })
    expect(await sizes(b.url)).toEqual(['1', '1', String(family.length)])
    await send('POST', b.url, '/metrics/job/j', { body: 'm 2\nn{x="1"} 1\nn{x="2"} 1\n' })
    await send('PUT', b.url, '/metrics/job/k', { body: '' })
    expect((await sizes(a.url)).slice(0, 2)).toEqual(['2', '3'])
    expect(await sizes(a.url)).toEqual(await sizes(b.url))
    for (const job of ['j', 'k']) await send('DELETE', a.url, `/metrics/job/${job}`)
    expect(await sizes(b.url)).toEqual(['0', '0', '0'])
  })

  test('say how far the page is behind the store', async () => {
    const { url } = await startTestApp(SEPARATE)
    const revisions = async () => {
      const page = await scrape(url, PAGE)
      return ['store', 'view'].map((of) => Number(page.get(`pushgateway_${of}_revision`)))
    }
    const [before = 0] = await revisions()
    for (let i = 0; i < 3; i++) await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    expect(await revisions()).toEqual([before + 3, before])
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect(await revisions()).toEqual([before + 3, before + 3])
    const age = Number((await scrape(url, PAGE)).get('pushgateway_view_age_seconds'))
    expect(age).toBeGreaterThan(0)
  })

  test('time calls by operation and result', async () => {
    const { url } = await startTestApp()
    for (let i = 0; i < 3; i++) await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    await send('DELETE', url, '/metrics/job/j')
    const page = await scrape(url)
    const name = 'pushgateway_store_call_duration_seconds'
    expect(page.get(`${name}_count{operation="apply",result="ok"}`)).toBe('4')
    expect(page.get(`${name}_bucket{operation="apply",result="ok",le="+Inf"}`)).toBe('4')
  })
})

describeWith('promtool', `promtool check metrics takes ${PAGE}`, () => {
  test('after pushes, a refused one and a deleted group', async () => {
    const { url } = await startTestApp(SEPARATE)
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    await send('PUT', url, '/metrics/job/j', { body: 'm 1 5\n' })
    await send('DELETE', url, '/metrics/job/j')
    const { text } = await send('GET', url, PAGE)
    const { status, stdout, stderr } = await runToEnd(
      needProgram('promtool'),
      ['check', 'metrics'],
      { input: text },
    )
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})
