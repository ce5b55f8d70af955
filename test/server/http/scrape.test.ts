import { describe, expect, test } from '@jest/globals'
import path from 'node:path'
import zlib from 'node:zlib'
import { startTestApp } from '../../support/app.ts'
import { temporaryFolder } from '../../support/cleanup.ts'
import { send } from '../../support/http.ts'
import { pushedValues, samplesOf, scrape } from '../../support/page.ts'

describe('the head of a scrape', () => {
  test('names the text format with its version, charset and escaping', async () => {
    const { url } = await startTestApp()
    const { status, headers } = await send('GET', url, '/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toBe(
      'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    )
  })

  test.each([
    ['Prometheus 2.42', openMetrics2(), 'underscores'],
    ['VictoriaMetrics', 'text/plain;version=0.0.4;q=1,*/*;q=0.1', 'underscores'],
    [
      'one that asks for UTF-8 names',
      'text/plain;version=0.0.4;escaping=allow-utf-8',
      'allow-utf-8',
    ],
    ['one that asks for dots', 'text/plain; version=0.0.4; escaping=dots', 'dots'],
    ['one that asks for values', 'text/plain;escaping="values";q=0.4', 'values'],
    ['one that asks for an escaping that is none', 'text/plain;escaping=nope', 'underscores'],
    ['one that takes JSON only', 'application/json', 'underscores'],
    ['one that sends rubbish', ';;,=q=,q=x', 'underscores'],
  ])('is that of text 0.0.4 for %s', async (_, accept, escaping) => {
    const { url } = await startTestApp()
    const { status, headers } = await send('GET', url, '/metrics', { headers: { Accept: accept } })
    expect(status).toBe(200)
    expect(headers['content-type']).toBe(
      `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`,
    )
  })

  test('is that of text 1.0.0, with names in quotes, for Prometheus 3.5', async () => {
    const { url } = await startTestApp('--push.enable-utf8-names')
    await send('PUT', url, '/metrics/job/j', { body: '{"a.b"} 1\n' })
    const accept =
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
    const { headers, text } = await send('GET', url, '/metrics', { headers: { Accept: accept } })
    expect(headers['content-type']).toBe(
      'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    )
    expect(text).toContain('{"a.b",instance="",job="j"} 1\n')
  })

  test('says that it varies by Accept and Accept-Encoding, compressed or not', async () => {
    const { url } = await startTestApp()
    for (const encoding of ['gzip', 'identity']) {
      const headers = { 'Accept-Encoding': encoding }
      const { vary } = (await send('GET', url, '/metrics', { headers })).headers
      expect(vary).toMatch(/Accept\b(?!-)/)
      expect(vary).toContain('Accept-Encoding')
    }
  })
})

describe('the body of a scrape', () => {
  test.each([
    undefined,
    'identity',
    'br, deflate',
    'gzip;q=0',
    'gzip;q=0, *',
    'identity, gzip;q=0.5',
    '',
  ])(
    'is not compressed when Accept-Encoding is %j, and as long as its head says',
    async (encoding) => {
      const { url } = await startTestApp()
      const headers = encoding === undefined ? {} : { 'Accept-Encoding': encoding }
      const answer = await send('GET', url, '/metrics', { headers })
      expect(answer.headers['content-encoding']).toBeUndefined()
      expect(answer.headers['content-length']).toBe(String(answer.body.length))
      expect(answer.text).toMatch(/^# HELP /)
      expect(answer.text).toMatch(/\n$/)
    },
  )

  test.each([
    'gzip',
    'deflate, gzip;q=0.5, br',
    'GZIP',
    '*',
    'gzip;q=1.0, identity; q=0',
    'x-gzip;q=0, gzip',
    'identity, gzip',
  ])('is gzip when Accept-Encoding is %j, and as long as its head says', async (encoding) => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const headers = { 'Accept-Encoding': encoding }
    const answer = await send('GET', url, '/metrics', { headers })
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    const text = zlib.gunzipSync(answer.body).toString()
    expect(pushedValues(samplesOf(text))).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('of thousands of groups is the same compressed or not', async () => {
    const { url } = await startTestApp()
    for (let i = 0; i < 300; i++) {
      const body = Array.from({ length: 10 }, (_, k) => `m{k="${k}",v="é${i}"} ${i * k}\n`).join('')
      await send('PUT', url, `/metrics/job/j${i % 7}/instance/${i}`, { body: `${body}n_${i} 1\n` })
    }
    const plain = pushedValues(await scrape(url))
    const headers = { 'Accept-Encoding': 'gzip' }
    const { body } = await send('GET', url, '/metrics', { headers })
    expect(pushedValues(samplesOf(zlib.gunzipSync(body).toString()))).toEqual(plain)
    expect(Object.keys(plain)).toHaveLength(3300)
  })

  test('says with HEAD how long it is with GET', async () => {
    const { url } = await startTestApp()
    for (const encoding of ['gzip', 'identity']) {
      const headers = { 'Accept-Encoding': encoding }
      const headed = await send('HEAD', url, '/metrics', { headers })
      expect([headed.status, headed.body.length]).toEqual([200, 0])
      expect(Number(headed.headers['content-length'])).toBeGreaterThan(100)
      expect(headed.headers['content-encoding']).toBe(encoding === 'gzip' ? 'gzip' : undefined)
    }
  })

  test('has each family once, with its samples together', async () => {
    const { url } = await startTestApp()
    for (const job of ['a', 'b', 'c']) {
      await send('PUT', url, `/metrics/job/${job}`, { body: '# TYPE m counter\nm 1\nn 1\n' })
    }
    const { text } = await send('GET', url, '/metrics')
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    const families = text
      .split('\n')
      .filter((line) => /^[mn][ {]/.test(line))
      .map((line) => line[0])
    expect(families.join('')).toBe('mmmnnn')
  })

  test('has no timestamps', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const { text } = await send('GET', url, '/metrics')
    for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
      expect(line.replace(/\{.*\}/, '').split(' ')).toHaveLength(2)
    }
  })

  test('shows one HELP where groups disagree, and the gateway says so once', async () => {
    const gateway = await startTestApp()
    const { url } = gateway
    await send('PUT', url, '/metrics/job/b', { body: '# HELP m second\nm 1\n' })
    await send('PUT', url, '/metrics/job/a', { body: '# HELP m first\nm 2\n' })
    for (let round = 0; round < 3; round++) {
      const { text, status } = await send('GET', url, '/metrics')
      expect(status).toBe(200)
      expect(text.match(/^# HELP m .*$/gm)).toEqual(['# HELP m first'])
      expect(pushedValues(samplesOf(text))).toEqual({
        'm{instance="",job="a"}': '2',
        'm{instance="",job="b"}': '1',
      })
      await send('POST', url, '/metrics/job/b', { body: `# HELP m again ${round}\nm 1\n` })
    }
    expect(gateway.log().filter((line) => line.includes('HELP'))).toHaveLength(1)
    expect((await scrape(url)).get('pushgateway_help_inconsistent_families')).toBe('1')
  })

  test('shows the other HELP when the group of the first is gone', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: '# HELP m first\nm 2\n' })
    await send('PUT', url, '/metrics/job/b', { body: '# HELP m second\nm 1\n' })
    await send('DELETE', url, '/metrics/job/a')
    const { text } = await send('GET', url, '/metrics')
    expect(text.match(/^# HELP m .*$/gm)).toEqual(['# HELP m second'])
  })

  test('shows everything acknowledged before, under many pushes at a time', async () => {
    const file = path.join(temporaryFolder(), 'groups.db')
    const { url } = await startTestApp(`--storage.url=sqlite:${file}`)
    const pushers = Array.from({ length: 8 }, async (_, pusher) => {
      for (let i = 1; i <= 15; i++) {
        const body = `m ${i}\n`
        const { status } = await send('PUT', url, `/metrics/job/j/p/${pusher}`, { body })
        expect(status).toBe(200)
        const shown = (await scrape(url)).get(`m{instance="",job="j",p="${pusher}"}`)
        expect(shown).toBe(String(i))
      }
    })
    await Promise.all(pushers)
  })
})

describe('metrics of the gateway itself', () => {
  test('stand on the page', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'x 1\n' })
    await send('POST', url, '/metrics/job/j', { body: 'x y\n' })
    await send('PUT', url, '/metrics/job/j', { body: 'x 1 5\n' })
    await send('DELETE', url, '/metrics/job/j')
    await send('GET', url, '/nope')
    const page = await scrape(url)
    const requests = Object.fromEntries(
      [...page].filter(([series]) => series.startsWith('pushgateway_http_requests_total')),
    )
    expect(requests).toEqual({
      'pushgateway_http_requests_total{code="200",handler="push",method="put"}': '1',
      'pushgateway_http_requests_total{code="400",handler="push",method="post"}': '1',
      'pushgateway_http_requests_total{code="400",handler="push",method="put"}': '1',
      'pushgateway_http_requests_total{code="202",handler="delete",method="delete"}': '1',
      'pushgateway_http_requests_total{code="404",handler="other",method="get"}': '1',
    })
    expect(page.get('pushgateway_pushes_rejected_total{rule="timestamp"}')).toBe('1')
    expect(page.get('pushgateway_http_push_size_bytes_count{method="put"}')).toBe('2')
    expect(page.get('pushgateway_http_push_size_bytes_sum{method="put"}')).toBe('10')
    expect(page.has('pushgateway_http_push_duration_seconds_count{method="put"}')).toBe(true)
    expect(page.has('process_cpu_seconds_total')).toBe(true)
    expect([...page.keys()].some((series) => series.startsWith('pushgateway_build_info{'))).toBe(
      true,
    )
  })

  test('of another type cannot be pushed; of the same type they can, under the gateway’s HELP', async () => {
    const { url } = await startTestApp()
    for (const body of [
      '# TYPE process_cpu_seconds_total gauge\nprocess_cpu_seconds_total 1\n',
      'process_start_time_seconds 1\n',
      '# TYPE pushgateway_http_requests_total gauge\npushgateway_http_requests_total 1\n',
      'pushgateway_http_push_size_bytes_sum 1\n',
    ]) {
      expect((await send('PUT', url, '/metrics/job/j', { body })).status).toBe(400)
    }
    const body =
      '# HELP process_cpu_seconds_total mine\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 7\n'
    expect((await send('PUT', url, '/metrics/job/j', { body })).status).toBe(200)
    const { text } = await send('GET', url, '/metrics')
    expect(text).not.toContain('mine')
    expect(text.match(/^# (HELP|TYPE) process_cpu_seconds_total /gm)).toHaveLength(2)
    const page = samplesOf(text)
    expect(page.get('process_cpu_seconds_total{instance="",job="j"}')).toBe('7')
    expect(Number(page.get('process_cpu_seconds_total'))).toBeGreaterThan(0)
  })

  test('do not depend on what was served before: their types are claimed from the start', async () => {
    const { url } = await startTestApp()
    const body = 'pushgateway_pushes_rejected_total 1\n'
    expect((await send('PUT', url, '/metrics/job/j', { body })).status).toBe(400)
    expect((await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })).status).toBe(200)
    expect((await send('GET', url, '/metrics')).status).toBe(200)
  })

  test('of a job written with the same library can be pushed', async () => {
    const { url } = await startTestApp()
    const own = (await send('GET', url, '/metrics')).text
    const body = own
      .split('\n')
      .filter((line) => line.includes('nodejs_') || line.includes('process_'))
      .join('\n')
    const { status, text } = await send('PUT', url, '/metrics/job/node', { body: `${body}\n` })
    expect([status, text]).toEqual([200, ''])
    expect((await scrape(url)).has('process_open_fds{instance="",job="node"}')).toBe(true)
  })
})

function openMetrics2(): string {
  return 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
}
