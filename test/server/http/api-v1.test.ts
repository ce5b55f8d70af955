import { describe, expect, test } from '@jest/globals'
import path from 'node:path'
import { startTestApp } from '../../support/app.ts'
import { temporaryFolder } from '../../support/cleanup.ts'
import { send, waitFor } from '../../support/http.ts'
import { pushed, scrape } from '../../support/page.ts'
import { connectTo, rawRequest } from '../../support/raw-connection.ts'

interface Family {
  readonly time_stamp: string
  readonly type: string
  readonly help?: string
  readonly metrics: readonly Record<string, unknown>[]
}

type Group = Readonly<Record<string, unknown>>

interface StatusData {
  readonly build_information: Readonly<Record<string, unknown>>
  readonly flags: Readonly<Record<string, unknown>>
  readonly start_time: string
}

const API_HEADERS = {
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Date',
  'cache-control': 'no-cache, no-store, must-revalidate',
}

async function readApi<Data>(url: string, apiPath: string): Promise<Data> {
  const { status, text } = await send('GET', url, apiPath)
  expect(status).toBe(200)
  const answer = JSON.parse(text) as { status: string; data: Data }
  expect(answer.status).toBe('success')
  return answer.data
}

async function readGroups(url: string): Promise<Group[]> {
  return readApi<Group[]>(url, '/api/v1/metrics')
}

/** The only group there is, and a family of it. */
async function readFamily(url: string, name: string): Promise<Family> {
  const groups = await readGroups(url)
  expect(groups).toHaveLength(1)
  expect(Object.keys(groups[0]!)).toContain(name)
  return groups[0]![name] as Family
}

function microseconds(stamp: string): number {
  expect(stamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  return Date.parse(stamp)
}

describe('everything under /api/v1', () => {
  test.each(['/api/v1/status', '/api/v1/metrics'])(
    'GET and HEAD of %s are JSON with the headers that let pages of other hosts read it',
    async (apiPath) => {
      const { url } = await startTestApp()
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await send(method, url, apiPath)
        expect(status).toBe(200)
        expect(headers).toMatchObject({ 'content-type': 'application/json', ...API_HEADERS })
      }
    },
  )

  test.each(['/api/v1/status', '/api/v1/metrics', '/api/v1/admin/wipe'])(
    'OPTIONS of %s has those headers too',
    async (apiPath) => {
      const { url } = await startTestApp('--web.enable-admin-api')
      const { status, headers, text } = await send('OPTIONS', url, apiPath)
      expect([status, text]).toEqual([200, ''])
      expect(headers).toMatchObject(API_HEADERS)
    },
  )
})

describe('/api/v1/status', () => {
  test('says what was built, which flags are set and when it was started', async () => {
    const before = Date.now()
    const { url } = await startTestApp('--web.enable-admin-api')
    const data = await readApi<StatusData>(url, '/api/v1/status')
    expect(Object.keys(data).sort()).toEqual(['build_information', 'flags', 'start_time'])
    expect(Object.keys(data.build_information).sort()).toEqual([
      'branch',
      'buildDate',
      'buildUser',
      'goVersion',
      'revision',
      'version',
    ])
    for (const value of Object.values(data.build_information)) expect(typeof value).toBe('string')
    for (const value of Object.values(data.flags)) expect(typeof value).toBe('string')
    expect(microseconds(data.start_time)).toBeGreaterThanOrEqual(before)
    expect(microseconds(data.start_time)).toBeLessThanOrEqual(Date.now())
  })

  test('has the flags of the original, in its spelling', async () => {
    const { url } = await startTestApp('--web.enable-admin-api')
    const { flags } = await readApi<StatusData>(url, '/api/v1/status')
    expect(flags).toMatchObject({
      'web.listen-address': '127.0.0.1:0',
      'web.telemetry-path': '/metrics',
      'web.external-url': '',
      'web.route-prefix': '',
      'web.enable-admin-api': 'true',
      'web.enable-lifecycle': 'false',
      'push.disable-consistency-check': 'false',
      'push.enable-utf8-names': 'false',
      'persistence.file': '',
      'persistence.interval': '5m0s',
      'log.level': 'info',
      'log.format': 'logfmt',
    })
  })

  test('shows flags as they were given', async () => {
    const { url } = await startTestApp(
      '--web.enable-lifecycle',
      '--push.enable-utf8-names',
      '--persistence.interval=90s',
      '--log.level=debug',
      '--log.format=json',
    )
    const { flags } = await readApi<StatusData>(url, '/api/v1/status')
    expect(flags).toMatchObject({
      'web.enable-admin-api': 'false',
      'web.enable-lifecycle': 'true',
      'push.enable-utf8-names': 'true',
      'persistence.interval': '1m30s',
      'log.level': 'debug',
      'log.format': 'json',
    })
  })
})

describe('/api/v1/metrics', () => {
  test('is an empty list when nothing was pushed', async () => {
    const { url } = await startTestApp()
    expect((await send('GET', url, '/api/v1/metrics')).text).toBe('{"status":"success","data":[]}')
  })

  test('shows a group: its labels, its families, and whether its last push went well', async () => {
    const before = Date.now()
    const { url } = await startTestApp()
    const body = '# HELP m the help\n# TYPE m counter\nm{x="1"} 3\nm{x="2"} 4\n'
    await send('PUT', url, '/metrics/job/a/instance/i', { body })
    const [group, ...others] = await readGroups(url)
    expect(others).toEqual([])
    expect(Object.keys(group!).sort()).toEqual([
      'labels',
      'last_push_successful',
      'm',
      'push_failure_time_seconds',
      'push_time_seconds',
    ])
    expect(group).toMatchObject({
      labels: { instance: 'i', job: 'a' },
      last_push_successful: true,
      m: {
        type: 'COUNTER',
        help: 'the help',
        metrics: [
          { labels: { instance: 'i', job: 'a', x: '1' }, value: '3' },
          { labels: { instance: 'i', job: 'a', x: '2' }, value: '4' },
        ],
      },
      push_failure_time_seconds: {
        type: 'GAUGE',
        metrics: [{ labels: { instance: 'i', job: 'a' }, value: '0' }],
      },
      push_time_seconds: { type: 'GAUGE' },
    })
    for (const name of ['m', 'push_time_seconds']) {
      const stamp = microseconds((group![name] as Family).time_stamp)
      expect(stamp).toBeGreaterThanOrEqual(before - 1)
      expect(stamp).toBeLessThanOrEqual(Date.now() + 1)
    }
    const pushTime = (group!.push_time_seconds as Family).metrics[0]!.value as string
    expect(pushTime).toMatch(/^\d\.\d+e\+09$/)
    expect(Math.abs(Number(pushTime) * 1000 - before)).toBeLessThan(60_000)
  })

  test('has the labels of the path only in "labels", and the added instance in metrics', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })
    const [group] = await readGroups(url)
    expect(group!.labels).toEqual({ job: 'a' })
    expect((group!.m as Family).metrics).toEqual([
      { labels: { instance: '', job: 'a' }, value: '1' },
    ])
  })

  test('has no help for a family without one', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })
    expect(await readFamily(url, 'm')).not.toHaveProperty('help')
  })

  test.each([
    [
      'a histogram as an object of buckets, and no bucket that was not pushed',
      '# TYPE f histogram\nf_bucket{le="0.5"} 1\nf_bucket{le="1e6"} 2\nf_sum 4.5\nf_count 3\n',
      'HISTOGRAM',
      { buckets: { '0.5': '1', '1e+06': '2' }, count: '3', sum: '4.5' },
    ],
    [
      'a histogram with +Inf',
      '# TYPE f histogram\nf_bucket{le="+Inf"} 3\nf_sum 4.5\nf_count 3\n',
      'HISTOGRAM',
      { buckets: { '+Inf': '3' }, count: '3', sum: '4.5' },
    ],
    [
      'a summary as an object of quantiles',
      '# TYPE f summary\nf{quantile="0.5"} 1.5\nf{quantile="0.9"} NaN\nf_sum 4.5\nf_count 3\n',
      'SUMMARY',
      { quantiles: { '0.5': '1.5', '0.9': 'NaN' }, count: '3', sum: '4.5' },
    ],
    ['an untyped sample', 'f -Inf\n', 'UNTYPED', { value: '-Inf' }],
    [
      'a large gauge as Go writes it',
      '# TYPE f gauge\nf 123456789\n',
      'GAUGE',
      { value: '1.23456789e+08' },
    ],
    ['a small gauge as Go writes it', '# TYPE f gauge\nf 0.00001\n', 'GAUGE', { value: '1e-05' }],
    ['NaN', 'f nan\n', 'UNTYPED', { value: 'NaN' }],
    ['six digits', 'f 100000\n', 'UNTYPED', { value: '100000' }],
  ])('shows %s', async (_title, body, type, metric) => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body })
    expect(await readFamily(url, 'f')).toMatchObject({
      type,
      metrics: [{ labels: { instance: '', job: 'a' }, ...metric }],
    })
  })

  test('keeps the time stamp of each family apart', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\nn 1\n' })
    const old = await readFamily(url, 'n')
    await send('POST', url, '/metrics/job/a', { body: 'm 2\n' })
    expect((await readFamily(url, 'n')).time_stamp).toBe(old.time_stamp)
    expect((await readFamily(url, 'm')).time_stamp > old.time_stamp).toBe(true)
    expect((await readFamily(url, 'push_time_seconds')).time_stamp > old.time_stamp).toBe(true)
  })

  test('says that the last push failed, until one goes well', async () => {
    const { url } = await startTestApp()
    const lastPush = async (): Promise<unknown> =>
      (await readGroups(url)).map((group) => group.last_push_successful)
    await send('PUT', url, '/metrics/job/a', { body: 'm 1 5\n' })
    expect(await lastPush()).toEqual([false])
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })
    expect(await lastPush()).toEqual([true])
    await send('PUT', url, '/metrics/job/a', { body: 'm 1 5\n' })
    expect(await lastPush()).toEqual([false])
  })

  test('shows every legal family name, those included that JavaScript objects know', async () => {
    const { url } = await startTestApp()
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '_', ':']
    await send('PUT', url, '/metrics/job/a', { body: names.map((name) => `${name} 1\n`).join('') })
    const { text } = await send('GET', url, '/api/v1/metrics')
    for (const name of names) expect(text).toContain(`"${name}":{"time_stamp"`)
  })

  test('shows label values and help of any content', async () => {
    const { url } = await startTestApp()
    const value = 'a"b\\c\nd é \u{1f600} </script> \u0001'
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    const encoded = Buffer.from(value).toString('base64url')
    await send('PUT', url, `/metrics/job@base64/${encoded}/instance/i`, {
      body: `# HELP m x\\\\y\\nz é\nm{v="${escaped}"} 1\n`,
    })
    const [group] = await readGroups(url)
    expect(group!.labels).toEqual({ job: value, instance: 'i' })
    expect(group!.m).toMatchObject({
      help: 'x\\y\nz é',
      metrics: [{ labels: { job: value, instance: 'i', v: value } }],
    })
  })

  test('a family called "labels" gives way, as in the original', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: 'labels 1\nlast_push_successful 2\n' })
    const [group] = await readGroups(url)
    expect(group).toMatchObject({ labels: { job: 'a' }, last_push_successful: true })
  })

  test('lists thousands of groups whole', async () => {
    const { url } = await startTestApp()
    for (let i = 0; i < 400; i++) {
      const body = Array.from({ length: 20 }, (_, k) => `m{k="${k}"} ${i}\n`).join('')
      await send('PUT', url, `/metrics/job/a/instance/${i}`, { body })
    }
    const groups = await readGroups(url)
    expect(groups).toHaveLength(400)
    for (const group of groups) expect((group.m as Family).metrics).toHaveLength(20)
  })

  test('a reader that goes away in the middle costs nothing but its own answer', async () => {
    const gateway = await startTestApp('--web.max-requests=2')
    const { url } = gateway
    const body = Array.from({ length: 3000 }, (_, k) => `m{k="${k}",x="${'y'.repeat(200)}"} 1\n`)
    for (let i = 0; i < 10; i++) {
      await send('PUT', url, `/metrics/job/a/instance/${i}`, { body: body.join('') })
    }
    for (let i = 0; i < 4; i++) {
      const connection = await connectTo(url)
      connection.write(rawRequest('GET', '/api/v1/metrics'))
      await waitFor('the answer to begin', () => connection.rest() !== '' || undefined)
      connection.destroy()
      await waitFor('the gateway to take others', async () => {
        return (await send('GET', url, '/nope')).status === 404 || undefined
      })
    }
    expect(await readGroups(url)).toHaveLength(10)
    expect(gateway.log().filter((line) => line.includes('level=error'))).toEqual([])
  })
})

describe('PUT /api/v1/admin/wipe', () => {
  test.each(['memory:', 'sqlite:'])(
    'deletes all groups and is answered 202 (%s)',
    async (store) => {
      const file = store === 'sqlite:' ? path.join(temporaryFolder(), 'groups.db') : ''
      const { url } = await startTestApp('--web.enable-admin-api', `--storage.url=${store}${file}`)
      for (let i = 0; i < 300; i++) {
        await send('PUT', url, `/metrics/job/a/instance/${i}`, { body: 'm 1\n' })
      }
      const answer = await send('PUT', url, '/api/v1/admin/wipe', { body: 'ignored' })
      expect([answer.status, answer.text]).toEqual([202, ''])
      expect(pushed(await scrape(url))).toEqual({})
      expect(await readGroups(url)).toEqual([])
    },
  )

  test('of an empty store is answered 202', async () => {
    const { url } = await startTestApp('--web.enable-admin-api')
    expect((await send('PUT', url, '/api/v1/admin/wipe')).status).toBe(202)
  })

  test('leaves later pushes alone', async () => {
    const { url } = await startTestApp('--web.enable-admin-api')
    await send('PUT', url, '/metrics/job/a', { body: '# TYPE m counter\nm 1\n' })
    await send('PUT', url, '/api/v1/admin/wipe')
    const body = '# TYPE m gauge\nm 2\n'
    expect((await send('PUT', url, '/metrics/job/b', { body })).status).toBe(200)
    expect(await readFamily(url, 'm')).toMatchObject({ type: 'GAUGE' })
  })

  test('is the only method: others are answered 405 and delete nothing', async () => {
    const { url } = await startTestApp('--web.enable-admin-api')
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
      const { status, headers } = await send(method, url, '/api/v1/admin/wipe')
      expect([method, status]).toEqual([method, 405])
      expect(headers.allow).toContain('PUT')
    }
    expect(await readGroups(url)).toHaveLength(1)
  })

  test('without --web.enable-admin-api is not there', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })
    expect((await send('PUT', url, '/api/v1/admin/wipe')).status).toBe(404)
    expect(await readGroups(url)).toHaveLength(1)
  })
})
