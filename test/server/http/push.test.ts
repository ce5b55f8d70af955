import { describe, expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { send, type Answer } from '../../support/http.ts'
import { pushed, pushedValues, scrape } from '../../support/page.ts'

function put(url: string, path: string, body: string | Buffer): Promise<Answer> {
  return send('PUT', url, path, { body })
}

function post(url: string, path: string, body: string | Buffer): Promise<Answer> {
  return send('POST', url, path, { body })
}

async function valuesOn(url: string): Promise<Record<string, string>> {
  return pushedValues(await scrape(url))
}

describe('what a push does', () => {
  test('what was pushed is on the page when the push is answered', async () => {
    const { url } = await startTestApp()
    const answer = await put(url, '/metrics/job/j/instance/i', 'm 1\n')
    expect(answer.status).toBe(200)
    expect(answer.body.length).toBe(0)
    const page = await send('GET', url, '/metrics')
    expect(page.text).toContain('m{instance="i",job="j"} 1\n')
  })

  test('an accepted push is answered 200 with an empty body whose length is said', async () => {
    const { url } = await startTestApp()
    for (const method of ['PUT', 'POST']) {
      const { status, headers, text } = await send(method, url, '/metrics/job/j', { body: 'm 1\n' })
      expect([status, text, headers['content-length']]).toEqual([200, '', '0'])
    }
  })

  test('PUT replaces all families of the group', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'a 1\nb 2\n')
    await put(url, '/metrics/job/j', 'b 3\nc 4\n')
    expect(await valuesOn(url)).toEqual({
      'b{instance="",job="j"}': '3',
      'c{instance="",job="j"}': '4',
    })
  })

  test('POST replaces the families it names and keeps the others', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'a{k="1"} 1\na{k="2"} 2\nb 2\n')
    await post(url, '/metrics/job/j', 'a{k="3"} 3\nc 4\n')
    expect(await valuesOn(url)).toEqual({
      'a{instance="",job="j",k="3"}': '3',
      'b{instance="",job="j"}': '2',
      'c{instance="",job="j"}': '4',
    })
  })

  test('POST creates a group that is not there', async () => {
    const { url } = await startTestApp()
    expect((await post(url, '/metrics/job/j', 'm 1\n')).status).toBe(200)
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('a push touches no other group', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j/zone/a', 'm 1\n')
    const before = pushed(await scrape(url))
    await put(url, '/metrics/job/j/zone/b', 'm 2\n')
    await put(url, '/metrics/job/i/zone/a', 'm 3\n')
    await put(url, '/metrics/job/j', 'n 4\n')
    expect(pushed(await scrape(url))).toMatchObject(before)
  })

  test('an empty PUT leaves the group with nothing but its push times', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'm 1\n')
    expect((await put(url, '/metrics/job/j', '')).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url))).sort()).toEqual([
      'push_failure_time_seconds{instance="",job="j"}',
      'push_time_seconds{instance="",job="j"}',
    ])
  })

  test('an empty POST moves the push time and nothing else', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'm 1\n')
    const before = pushed(await scrape(url))
    expect((await post(url, '/metrics/job/j', '')).status).toBe(200)
    const after = pushed(await scrape(url))
    const pushTime = 'push_time_seconds{instance="",job="j"}'
    expect(Number(after[pushTime])).toBeGreaterThan(Number(before[pushTime]))
    expect({ ...after, [pushTime]: '' }).toEqual({ ...before, [pushTime]: '' })
  })

  test('labels of the body that are in the path too are those of the path', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j/zone/path', 'm{job="body",zone="body",instance="body"} 1\n')
    expect(await valuesOn(url)).toEqual({ 'm{instance="body",job="j",zone="path"}': '1' })
  })

  test('a query string is no part of the group', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j?job=k/zone/a', 'm 1\n')
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('X-HTTP-Method-Override is not listened to', async () => {
    const { url } = await startTestApp()
    const headers = { 'X-HTTP-Method-Override': 'DELETE' }
    await send('POST', url, '/metrics/job/j', { headers, body: 'm 1\n' })
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('with the consistency check off a push is answered 202', async () => {
    const { url } = await startTestApp('--push.disable-consistency-check')
    expect((await put(url, '/metrics/job/j', 'm 1\n')).status).toBe(202)
    expect((await post(url, '/metrics/job/j', 'n 1\n')).status).toBe(202)
    expect(await valuesOn(url)).toEqual({
      'm{instance="",job="j"}': '1',
      'n{instance="",job="j"}': '1',
    })
  })

  test('with the consistency check off, what cannot be read is still answered 400', async () => {
    const { url } = await startTestApp('--push.disable-consistency-check')
    expect((await put(url, '/metrics/job/j', 'm x\n')).status).toBe(400)
    expect((await put(url, '/metrics/job/j/odd', 'm 1\n')).status).toBe(400)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('with the consistency check off, contradictions leave the page valid and other jobs able to push', async () => {
    const { url } = await startTestApp('--push.disable-consistency-check')
    expect((await put(url, '/metrics/job/a', '# TYPE m counter\nm 1\n')).status).toBe(202)
    expect((await put(url, '/metrics/job/b', '# TYPE m gauge\nm 2\n')).status).toBe(202)
    expect((await put(url, '/metrics/job/c', 'n 1\nn 2\n')).status).toBe(202)
    const page = await send('GET', url, '/metrics')
    expect(page.status).toBe(200)
    expect(page.text.match(/^# TYPE m /gm)).toHaveLength(1)
    expect(await valuesOn(url)).toMatchObject({ 'm{instance="",job="a"}': '1' })
    expect((await put(url, '/metrics/job/d', 'o 1\n')).status).toBe(202)
    expect(await valuesOn(url)).toMatchObject({ 'o{instance="",job="d"}': '1' })
  })
})

describe('deletes', () => {
  test('DELETE removes exactly the group of its path', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'm 1\n')
    await put(url, '/metrics/job/j/instance/i', 'm 2\n')
    const { status, text, headers } = await send('DELETE', url, '/metrics/job/j')
    expect([status, text, headers['content-length']]).toEqual([202, '', '0'])
    expect(await valuesOn(url)).toEqual({ 'm{instance="i",job="j"}': '2' })
  })

  test('DELETE finds its group whatever the order of labels and whether in base64 or not', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j/a/1/b/2', 'm 1\n')
    await send('DELETE', url, '/metrics/job@base64/ag/b@base64/Mg==/a/1')
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([
    ['a group that was never there', '/metrics/job/unknown'],
    ['a group with labels that was never there', '/metrics/job/unknown/instance/i/zone/z'],
  ])('DELETE of %s is answered 202', async (_, path) => {
    const { url } = await startTestApp()
    expect((await send('DELETE', url, path)).status).toBe(202)
    expect((await send('DELETE', url, path)).status).toBe(202)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([
    ['with a body', {}, 'm{ not even metrics'],
    ['with a large body', {}, 'x'.repeat(3_000_000)],
    ['with a body over the limit of pushes', { 'Content-Length': '5000' }, 'x'.repeat(5000)],
    ['with Content-Length: 0', { 'Content-Length': '0' }, ''],
    ['said to be gzip, without a body', { 'Content-Encoding': 'gzip' }, ''],
    ['said to be gzip, which it is not', { 'Content-Encoding': 'gzip' }, 'nope'],
    ['with a Content-Type', { 'Content-Type': 'application/vnd.google.protobuf' }, ''],
  ])('DELETE %s deletes and is answered 202', async (_, headers, body) => {
    const { url } = await startTestApp('--push.max-body-bytes=4096')
    await put(url, '/metrics/job/j', 'm 1\n')
    const length = { 'Content-Length': Buffer.byteLength(body) }
    const answer = await send('DELETE', url, '/metrics/job/j', {
      headers: { ...length, ...headers },
      body,
    })
    expect(answer.status).toBe(202)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('DELETE of a bad path is answered 400 with the cause', async () => {
    const { url } = await startTestApp()
    const answer = await send('DELETE', url, '/metrics/job/j/odd')
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('odd number')])
  })

  test('with the consistency check off DELETE is still answered 202', async () => {
    const { url } = await startTestApp('--push.disable-consistency-check')
    expect((await send('DELETE', url, '/metrics/job/j')).status).toBe(202)
  })
})

describe('pushes that cannot be read', () => {
  const unreadable: [title: string, path: string, body: string | Buffer, cause: RegExp][] = [
    ['no last line feed', '/metrics/job/j', 'm 1', /unexpected end of input/],
    ['CRLF', '/metrics/job/j', 'm 1\r\n', /CRLF/],
    ['a value that is none', '/metrics/job/j', 'ok 1\nm abc\n', /line 2.*"abc"/],
    ['a type that is none', '/metrics/job/j', '# TYPE m info\nm 1\n', /unknown metric type "info"/],
    ['a second TYPE', '/metrics/job/j', 'm 1\n# TYPE m gauge\n', /second TYPE line.*"m"/],
    ['a brace left open', '/metrics/job/j', 'm{a="b" 1\n', /label value "b"/],
    ['a label twice', '/metrics/job/j', 'm{a="b",a="c"} 1\n', /duplicate label name "a"/],
    ['__name__ as a label', '/metrics/job/j', 'm{__name__="x"} 1\n', /__name__/],
    ['braces without a name', '/metrics/job/j', '{} 1\n', /line 1/],
    ['binary rubbish', '/metrics/job/j', Buffer.from([0, 255, 254, 10]), /line 1/],
    ['an absurd protobuf length', '/metrics/job/j', Buffer.alloc(12, 0xff), /line 1/],
    ['a label without value', '/metrics/job/j/a', 'm 1\n', /odd number of components/],
    ['a reserved label', '/metrics/job/j/__a/b', 'm 1\n', /improper label name "__a"/],
    ['a label that is no name', '/metrics/job/j/a-b/c', 'm 1\n', /improper label name "a-b"/],
    ['no job', '/metrics/job//a/b', 'm 1\n', /job name is required|empty path segment/],
    ['an empty job in base64', '/metrics/job@base64/=', 'm 1\n', /job name is required/],
    ['a job that is not UTF-8', '/metrics/job/%FF', 'm 1\n', /UTF-8/],
    ['base64 that is not UTF-8', '/metrics/job@base64/_w', 'm 1\n', /UTF-8/],
    ['base64 of the other alphabet', '/metrics/job@base64/a+b=', 'm 1\n', /base64/],
    ['a broken escape', '/metrics/job/%zz', 'm 1\n', /escape/],
    ['an empty segment', '/metrics/job/j//b', 'm 1\n', /empty path segment/],
    ['a dot', '/metrics/job/j/a/.', 'm 1\n', /"\."/],
    ['two dots, escaped', '/metrics/job/j/a/%2E%2E', 'm 1\n', /"\.\."/],
  ]

  test.each(unreadable)(
    'with %s: 400, the cause in the answer, no trace in what was stored',
    async (_title, path, body, cause) => {
      const { url } = await startTestApp()
      await put(url, '/metrics/job/j', 'before 1\n')
      const before = pushed(await scrape(url))
      for (const method of ['PUT', 'POST']) {
        const answer = await send(method, url, path, { body })
        expect(answer.status).toBe(400)
        expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
        expect(answer.headers['x-content-type-options']).toBe('nosniff')
        expect(answer.text).toMatch(cause)
      }
      expect(pushed(await scrape(url))).toEqual(before)
    },
  )

  test.each(unreadable.filter(([, path]) => path !== '/metrics/job/j'))(
    'DELETE to a path with %s is answered 400 and deletes nothing',
    async (_title, path) => {
      const { url } = await startTestApp()
      await put(url, '/metrics/job/j', 'before 1\n')
      expect((await send('DELETE', url, path)).status).toBe(400)
      expect(await valuesOn(url)).toEqual({ 'before{instance="",job="j"}': '1' })
    },
  )
})

describe('pushes that are read and rejected', () => {
  const rejected: [title: string, body: string, cause: RegExp][] = [
    ['timestamps', 'm 1 1700000000000\n', /timestamps.*"m"/],
    ['a series twice', 'm{a="1"} 1\nm{a="1"} 2\n', /m\{.*a="1".*\}/],
    ['a type that another group has otherwise', '# TYPE held gauge\nheld 1\n', /"held".*counter/],
    ['a name that a histogram elsewhere reserves', 'h_bucket 1\n', /"h_bucket"/],
    ['a reserved label', 'm{__a="b"} 1\n', /"__a"/],
    [
      'a metric of the gateway with another type',
      'process_cpu_seconds_total 1\n',
      /gateway itself/,
    ],
  ]

  test.each(rejected)(
    'for %s: 400 with the cause; the group keeps what it had, only its failure time moves',
    async (_title, body, cause) => {
      const { url } = await startTestApp()
      await put(
        url,
        '/metrics/job/holder',
        '# TYPE held counter\nheld 1\n# TYPE h histogram\nh_sum 1\n',
      )
      await put(url, '/metrics/job/j', 'kept 1\n')
      const before = pushed(await scrape(url))
      for (const method of ['PUT', 'POST']) {
        const answer = await send(method, url, '/metrics/job/j', { body })
        expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(cause)])
      }
      const after = pushed(await scrape(url))
      const failureTime = 'push_failure_time_seconds{instance="",job="j"}'
      expect(before[failureTime]).toBe('0')
      expect(Number(after[failureTime])).toBeGreaterThan(1.7e9)
      expect({ ...after, [failureTime]: '0' }).toEqual(before)
    },
  )

  test('a rejected push to a new group creates it, never pushed and with a failure time', async () => {
    const { url } = await startTestApp()
    expect((await put(url, '/metrics/job/j/zone/z', 'm 1 5\n')).status).toBe(400)
    const page = pushed(await scrape(url))
    expect(page['push_time_seconds{instance="",job="j",zone="z"}']).toBe('0')
    expect(Number(page['push_failure_time_seconds{instance="",job="j",zone="z"}'])).toBeGreaterThan(
      1.7e9,
    )
    expect(Object.keys(page)).toHaveLength(2)
  })

  test('a good push after a rejected one moves the push time beyond the failure time, which stays', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/j', 'm 1 5\n')
    const failure = pushed(await scrape(url))['push_failure_time_seconds{instance="",job="j"}']
    expect((await put(url, '/metrics/job/j', 'm 1\n')).status).toBe(200)
    const page = pushed(await scrape(url))
    expect(page['push_failure_time_seconds{instance="",job="j"}']).toBe(failure)
    expect(Number(page['push_time_seconds{instance="",job="j"}'])).toBeGreaterThan(Number(failure))
  })

  test('a push that clashed is accepted when the group it clashed with is gone', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/a', '# TYPE m counter\nm 1\n')
    expect((await put(url, '/metrics/job/b', '# TYPE m gauge\nm 1\n')).status).toBe(400)
    await send('DELETE', url, '/metrics/job/a')
    expect(await valuesOn(url)).toEqual({})
    expect((await put(url, '/metrics/job/b', '# TYPE m gauge\nm 1\n')).status).toBe(200)
  })
})

describe('what spoils the original', () => {
  /** Whatever was sent, the page is served and both an old and a new group can be pushed to. */
  async function expectSound(url: string): Promise<void> {
    expect((await send('GET', url, '/metrics')).status).toBe(200)
    expect((await send('GET', url, '/api/v1/metrics')).status).toBe(200)
    expect((await send('GET', url, '/')).status).toBe(200)
    for (const path of ['/metrics/job/old', '/metrics/job/new/instance/i']) {
      expect((await put(url, path, 'sound 1\n')).status).toBe(200)
      expect((await post(url, path, 'sound 2\n')).status).toBe(200)
    }
    expect(await valuesOn(url)).toMatchObject({
      'sound{instance="",job="old"}': '2',
      'sound{instance="i",job="new"}': '2',
    })
  }

  const poisons: [title: string, pushes: [path: string, body: string | Buffer][]][] = [
    [
      'values that are not UTF-8',
      [
        ['/metrics/job/x/zone/%FF', 'm 1 5\n'],
        ['/metrics/job/%C3', 'm 1 5\n'],
        ['/metrics/job/x/zone@base64/wyg', 'm 1 5\n'],
        ['/metrics/job/x', Buffer.from('m{a="\xff"} 1\n', 'latin1')],
        ['/metrics/job/x', Buffer.from('# HELP m \xff\nm 1 5\n', 'latin1')],
        ['/metrics/job/x', Buffer.from('# HELP m \xff\nm 1\n', 'latin1')],
      ],
    ],
    [
      'a bare group and its twin with an empty instance',
      [
        ['/metrics/job/x', 'm 1\n'],
        ['/metrics/job/x/instance@base64/=', 'm 2\n'],
        ['/metrics/job/x/instance@base64/=', 'n 2\n'],
        ['/metrics/job/x/instance@base64/=', 'n 2 5\n'],
      ],
    ],
    [
      'the twin first',
      [
        ['/metrics/job/x/instance@base64/=', 'm 2 5\n'],
        ['/metrics/job/x', 'm 1 5\n'],
        ['/metrics/job/x', ''],
      ],
    ],
    [
      'push times of its own',
      [
        ['/metrics/job/x', 'push_time_seconds 1\npush_failure_time_seconds 2\n'],
        [
          '/metrics/job/x',
          '# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 2\n',
        ],
        ['/metrics/job/x', '# TYPE push_time_seconds histogram\npush_time_seconds_sum 2\n'],
        ['/metrics/job/x', 'push_time_seconds 1 5\n'],
      ],
    ],
    [
      'families without samples, of changing types',
      [
        ['/metrics/job/x', '# HELP m h\n# TYPE m counter\n'],
        ['/metrics/job/y', '# TYPE m gauge\n'],
        ['/metrics/job/z', '# TYPE sound histogram\n'],
      ],
    ],
    [
      'no name in the braces, and rubbish lengths',
      [
        ['/metrics/job/x', '{} 1\n'],
        ['/metrics/job/x', '{a="b"} 1\n'],
        ['/metrics/job/x', Buffer.alloc(20, 0xff)],
      ],
    ],
    [
      'a histogram whose grouping key has le, and a summary whose key has quantile',
      [
        ['/metrics/job/x/le/1', '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'],
        ['/metrics/job/x/quantile/1', '# TYPE s summary\ns{quantile="1"} 1\ns_sum 1\ns_count 1\n'],
        ['/metrics/job/y/le/1', 'plain 1\n'],
      ],
    ],
    [
      'series of another group by way of labels in the body',
      [
        ['/metrics/job/x/zone/z', 'm 1\n'],
        ['/metrics/job/x', 'm{zone="z"} 2\n'],
        ['/metrics/job/x', 'push_time_seconds{zone="z"} 2\n'],
      ],
    ],
    [
      'names that JavaScript objects know',
      [
        [
          '/metrics/job/__proto__/constructor/prototype',
          '__proto__ 1\nconstructor 1\ntoString 1\n',
        ],
        ['/metrics/job/hasOwnProperty', 'valueOf{constructor="a",hasOwnProperty="b"} 1\n'],
      ],
    ],
  ]

  test.each(poisons)('%s: the page stays whole and later pushes work', async (_title, pushes) => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/old', 'sound 1\n')
    for (const [path, body] of pushes) {
      const { status } = await put(url, path, body)
      expect([200, 400]).toContain(status)
      expect([200, 400]).toContain((await post(url, path, body)).status)
    }
    await expectSound(url)
  })

  test.each(poisons)(
    '%s, with UTF-8 names and without checks: the page stays whole and later pushes work',
    async (_title, pushes) => {
      const { url } = await startTestApp(
        '--push.enable-utf8-names',
        '--push.disable-consistency-check',
      )
      await put(url, '/metrics/job/old', 'sound 1\n')
      for (const [path, body] of pushes) await put(url, path, body)
      expect((await send('GET', url, '/metrics')).status).toBe(200)
      expect((await put(url, '/metrics/job/new', 'sound 2\n')).status).toBe(202)
      expect(await valuesOn(url)).toMatchObject({ 'sound{instance="",job="new"}': '2' })
    },
  )

  test('names that decode to reserved ones are refused with the cause', async () => {
    const { url } = await startTestApp('--push.enable-utf8-names')
    for (const name of ['U______name____', 'U______a', 'U___5f__5f_a', '__name__']) {
      const answer = await put(url, `/metrics/job/x/${name}/v`, 'm 1 5\n')
      expect([name, answer.status]).toEqual([name, 400])
      expect(answer.text).toContain('improper label name')
    }
    expect(pushed(await scrape(url))).toEqual({})
    await expectSound(url)
  })

  test('pushed push times never take the place of the real ones', async () => {
    const { url } = await startTestApp()
    await put(url, '/metrics/job/x', 'push_time_seconds 1\npush_failure_time_seconds 2\nm 3\n')
    const page = pushed(await scrape(url))
    expect(Number(page['push_time_seconds{instance="",job="x"}'])).toBeGreaterThan(1.7e9)
    expect(page['push_failure_time_seconds{instance="",job="x"}']).toBe('0')
    expect(page['m{instance="",job="x"}']).toBe('3')
  })

  test.each([
    ['an empty segment', '/metrics/job/x//zone/z'],
    ['a dot', '/metrics/job/x/zone/.'],
    ['two dots', '/metrics/job/x/zone/../..'],
    ['slashes at the start', '//metrics/job/x'],
    ['a slash behind /metrics', '/metrics//job/x'],
    ['upper case', '/Metrics/Job/x'],
    ['a slash behind the page', '/metrics/'],
  ])(
    'a push with %s in its path is never answered with a redirect or a success',
    async (_, path) => {
      const { url } = await startTestApp()
      for (const method of ['PUT', 'POST']) {
        const { status, headers } = await send(method, url, path, { body: 'm 1\n' })
        expect(status).toBeGreaterThanOrEqual(400)
        expect(headers.location).toBeUndefined()
      }
      expect(pushed(await scrape(url))).toEqual({})
    },
  )
})
