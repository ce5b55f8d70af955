import { describe, expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { send } from '../../support/http.ts'
import { pushed, pushedValues, scrape } from '../../support/page.ts'
import { connectTo, rawRequest } from '../../support/raw-connection.ts'

const PUSH_METHODS = 'DELETE, OPTIONS, POST, PUT'

describe('methods', () => {
  test.each(['GET', 'HEAD', 'PATCH', 'TRACE', 'PROPFIND', 'SEARCH'])(
    '%s of a group is answered 405 with the methods that are allowed',
    async (method) => {
      const { url } = await startTestApp()
      await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
      const before = pushed(await scrape(url))
      const { status, headers } = await send(method, url, '/metrics/job/j')
      expect([status, headers.allow]).toEqual([405, PUSH_METHODS])
      expect(pushed(await scrape(url))).toEqual(before)
    },
  )

  test('OPTIONS of a group is answered 200 with the methods that are allowed', async () => {
    const { url } = await startTestApp()
    const { status, headers, text } = await send('OPTIONS', url, '/metrics/job/j')
    expect([status, headers.allow, text]).toEqual([200, PUSH_METHODS, ''])
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([
    ['POST', '/metrics'],
    ['PUT', '/metrics'],
    ['DELETE', '/metrics'],
    ['PATCH', '/metrics'],
    ['PUT', '/'],
    ['DELETE', '/'],
    ['POST', '/-/healthy'],
    ['PUT', '/-/ready'],
    ['POST', '/api/v1/status'],
    ['PUT', '/api/v1/metrics'],
    ['DELETE', '/api/v1/metrics'],
    ['POST', '/static/app.js'],
  ])('%s %s is answered 405 with the methods that are allowed', async (method, path) => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const { status, headers, text } = await send(method, url, path)
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
    expect(text).toContain(method)
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test.each([
    '/metrics',
    '/',
    '/-/healthy',
    '/-/ready',
    '/api/v1/status',
    '/api/v1/metrics',
    '/static/app.js',
    '/static/style.css',
    '/static/icon.svg',
  ])('HEAD %s is answered as GET is, without a body', async (path) => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const got = await send('GET', url, path)
    const headed = await send('HEAD', url, path)
    expect([headed.status, headed.text]).toEqual([200, ''])
    for (const header of ['content-type', 'cache-control', 'vary', 'content-security-policy']) {
      expect([header, headed.headers[header]]).toEqual([header, got.headers[header]])
    }
  })

  test('methods are told apart by case: "put" is none', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('put', '/metrics/job/j', { body: 'm 1\n' }))
    expect([400, 405, 501]).toContain((await connection.answer()).status)
    expect(pushed(await scrape(url))).toEqual({})
  })
})

describe('paths', () => {
  test.each([
    '/nope',
    '/metricsx',
    '/metrics/',
    '/metrics/foo',
    '/Metrics',
    '/METRICS/job/j',
    '/api',
    '/api/v1',
    '/api/v1/',
    '/api/v1/nope',
    '/api/v1/admin/wipe',
    '/api/v1/status/',
    '/-/',
    '/-/ready/',
    '/static/',
    '/static/nope.js',
    '/static/../package.json',
    '/static/..%2f..%2fpackage.json',
    '/static/%2e%2e/pages.js',
    '//metrics',
    '/%zz',
    '/%',
    '/%FF',
    '/metrics%2Fjob%2Fj',
  ])('%s is answered 404, whatever the method, and nothing is stored', async (path) => {
    const { url } = await startTestApp()
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
      const { status, headers } = await send(method, url, path, {
        body: method === 'PUT' || method === 'POST' ? 'm 1\n' : '',
      })
      expect([method, status]).toEqual([method, 404])
      expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    }
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([
    '/metrics/instance/i',
    '/metrics/instance/i/job/j',
    '/metrics/job',
    '/metrics/jobs/j',
  ])(
    'a push to %s, which does not begin with a job, is answered 4xx and nothing is stored',
    async (path) => {
      const { url } = await startTestApp()
      for (const method of ['PUT', 'POST', 'DELETE']) {
        const { status } = await send(method, url, path, { body: 'm 1\n' })
        expect([400, 404]).toContain(status)
      }
      expect(pushed(await scrape(url))).toEqual({})
    },
  )

  test('a query string is ignored everywhere', async () => {
    const { url } = await startTestApp()
    for (const path of ['/metrics?x=/y', '/-/ready?x=1', '/-/healthy?', '/api/v1/status?a&b']) {
      expect((await send('GET', url, path)).status).toBe(200)
    }
  })

  test('answers do not say which framework made them', async () => {
    const { url } = await startTestApp()
    for (const path of ['/', '/metrics', '/nope', '/%zz', '/metrics/job/%zz']) {
      const { headers, text } = await send('GET', url, path)
      expect(headers['x-powered-by']).toBeUndefined()
      expect(text.toLowerCase()).not.toContain('express')
      expect(text).not.toContain('node_modules')
    }
  })
})

describe('health', () => {
  test('/-/healthy and /-/ready say OK', async () => {
    const { url } = await startTestApp()
    for (const path of ['/-/healthy', '/-/ready']) {
      const { status, text, headers } = await send('GET', url, path)
      expect([status, text.trim(), headers['content-length']]).toEqual([200, 'OK', '2'])
    }
  })

  test('a group whose last push failed makes the gateway no less ready', async () => {
    const { url } = await startTestApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1 5\n' })
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    expect((await send('GET', url, '/-/ready')).status).toBe(200)
  })

  test('/-/quit is forbidden without --web.enable-lifecycle, and GET of it is no method', async () => {
    const gateway = await startTestApp()
    const { url } = gateway
    expect((await send('PUT', url, '/-/quit')).status).toBe(403)
    expect((await send('POST', url, '/-/quit')).status).toBe(403)
    const got = await send('GET', url, '/-/quit')
    expect([got.status, got.headers.allow]).toEqual([405, 'POST, PUT'])
    expect(gateway.quits()).toBe(0)
    expect((await send('GET', url, '/-/ready')).status).toBe(200)
  })

  test('/-/quit with --web.enable-lifecycle is answered 200 and asks for the end once', async () => {
    const gateway = await startTestApp('--web.enable-lifecycle')
    const { url } = gateway
    expect((await send('GET', url, '/-/quit')).status).toBe(405)
    expect(gateway.quits()).toBe(0)
    const { status, headers } = await send('PUT', url, '/-/quit')
    expect([status, headers.connection, gateway.quits()]).toEqual([200, 'close', 1])
    expect((await send('POST', url, '/-/quit')).status).toBe(200)
    expect(gateway.quits()).toBe(2)
  })
})

describe('prefixes', () => {
  async function expectServedUnder(url: string, prefix: string): Promise<void> {
    for (const path of ['/', '/-/ready', '/-/healthy', '/api/v1/status', '/static/app.js']) {
      expect([path, (await send('GET', url, prefix + path)).status]).toEqual([path, 200])
    }
    const path = `${prefix}/metrics/job/j`
    expect((await send('PUT', url, path, { body: 'm 1\n' })).status).toBe(200)
    expect(pushedValues(await scrape(url, `${prefix}/metrics`))).toEqual({
      'm{instance="",job="j"}': '1',
    })
    expect((await send('OPTIONS', url, `${prefix}/api/v1/status`)).status).toBe(200)
    expect((await send('PUT', url, `${prefix}/api/v1/admin/wipe`)).status).toBe(202)
    expect(pushed(await scrape(url, `${prefix}/metrics`))).toEqual({})
  }

  async function expectNothingUnder(url: string, prefix: string): Promise<void> {
    for (const path of ['/', '/-/ready', '/metrics', '/api/v1/status', '/static/app.js']) {
      expect([path, (await send('GET', url, prefix + path)).status]).toEqual([path, 404])
    }
    for (const method of ['PUT', 'POST', 'DELETE']) {
      expect((await send(method, url, `${prefix}/metrics/job/j`)).status).toBe(404)
    }
  }

  test.each([
    ['/pg', '/pg'],
    ['pg', '/pg'],
    ['/pg/', '/pg'],
    ['//a/b//', '/a/b'],
    ['/metrics', '/metrics'],
    ['/metrics/job', '/metrics/job'],
    ['/', ''],
  ])('--web.route-prefix=%s puts everything under "%s"', async (flag, prefix) => {
    const { url } = await startTestApp(`--web.route-prefix=${flag}`, '--web.enable-admin-api')
    await expectServedUnder(url, prefix)
    await expectNothingUnder(url, '/other')
    if (prefix === '/pg') await expectNothingUnder(url, '')
    if (prefix === '/pg') await expectNothingUnder(url, '/PG')
  })

  test.each([
    ['/a:b', '/axyz'],
    ['/a*b', '/axyz'],
    ['/{a}', '/a'],
    ['/a.b', '/axb'],
    ['/a+b', '/aab'],
    ['/c++/gw', '/ccc/gw'],
    ['/a(b)', '/ab'],
    ['/a!b', '/ab'],
    ['/a[b]', '/ab'],
    ['/a%20b', '/a+b'],
  ])(
    '--web.route-prefix=%s means exactly that path, though a router might read a pattern',
    async (prefix, unlike) => {
      const { url } = await startTestApp(`--web.route-prefix=${prefix}`, '--web.enable-admin-api')
      await expectServedUnder(url, prefix)
      await expectNothingUnder(url, unlike)
    },
  )

  test('the path of --web.external-url is the prefix, where no other is given', async () => {
    const { url } = await startTestApp(
      '--web.external-url=https://example.org/gw/',
      '--web.enable-admin-api',
    )
    await expectServedUnder(url, '/gw')
    await expectNothingUnder(url, '')
  })

  test('--web.route-prefix=/ beside an external URL keeps the routes where they are', async () => {
    const { url } = await startTestApp(
      '--web.external-url=https://example.org/gw',
      '--web.route-prefix=/',
      '--web.enable-admin-api',
    )
    await expectServedUnder(url, '')
    await expectNothingUnder(url, '/gw')
  })

  test.each([
    [['--web.route-prefix=/pg'], '/pg', '/pg/'],
    [['--web.route-prefix=/int', '--web.external-url=http://h/ext/'], '/int', '/ext/'],
  ])('with %j, %s leads to the page at %s', async (flags, path, location) => {
    const { url } = await startTestApp(...flags)
    const { status, headers } = await send('GET', url, path)
    expect([status, headers.location]).toEqual([301, location])
    expect((await send('POST', url, path)).status).toBe(405)
  })

  test('links on the page have the prefix of the external URL, routes their own', async () => {
    const { url } = await startTestApp(
      '--web.external-url=https://example.org/ext',
      '--web.route-prefix=/int',
      '--web.enable-admin-api',
    )
    await expectServedUnder(url, '/int')
    await expectNothingUnder(url, '/ext')
    await send('PUT', url, '/int/metrics/job/j', { body: 'm 1\n' })
    const { text } = await send('GET', url, '/int/')
    const links = [...text.matchAll(/(?:href|src|action|data-path)="([^"]*)"/g)].map(
      ([, link]) => link,
    )
    expect(links.length).toBeGreaterThan(5)
    for (const link of links) expect(link).toMatch(/^\/ext\//)
    expect(text).not.toContain('/int')
  })
})

describe('--web.telemetry-path', () => {
  test('moves the page and nothing else', async () => {
    const { url } = await startTestApp('--web.telemetry-path=/scrape/me')
    expect((await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })).status).toBe(200)
    expect(pushedValues(await scrape(url, '/scrape/me'))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect((await send('GET', url, '/metrics')).status).toBe(404)
    expect((await send('PUT', url, '/scrape/me/job/j', { body: 'm 1\n' })).status).toBe(404)
    const { text } = await send('GET', url, '/')
    expect(text).toContain('href="/scrape/me"')
  })

  test('together with a prefix is under the prefix', async () => {
    const { url } = await startTestApp('--web.telemetry-path=/t', '--web.route-prefix=/pg')
    await send('PUT', url, '/pg/metrics/job/j', { body: 'm 1\n' })
    expect(pushedValues(await scrape(url, '/pg/t'))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect((await send('GET', url, '/t')).status).toBe(404)
  })

  test.each(['/metrics/all', '/metrics/job', '/metrics/jobs/all'])(
    'may be %s, under the pushes',
    async (path) => {
      const { url } = await startTestApp(`--web.telemetry-path=${path}`)
      await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
      expect(pushedValues(await scrape(url, path))).toEqual({ 'm{instance="",job="j"}': '1' })
      expect((await send('HEAD', url, `${path}?x=1`)).status).toBe(200)
      expect([404, 405]).toContain((await send('PUT', url, path, { body: 'm 2\n' })).status)
      expect(pushedValues(await scrape(url, path))).toEqual({ 'm{instance="",job="j"}': '1' })
    },
  )

  test('may be the path of a group, which is pushed to all the same', async () => {
    const { url } = await startTestApp('--web.telemetry-path=/metrics/job/all')
    expect((await send('PUT', url, '/metrics/job/all', { body: 'm 1\n' })).status).toBe(200)
    expect(pushedValues(await scrape(url, '/metrics/job/all'))).toEqual({
      'm{instance="",job="all"}': '1',
    })
    expect((await send('DELETE', url, '/metrics/job/all')).status).toBe(202)
    expect(pushed(await scrape(url, '/metrics/job/all'))).toEqual({})
  })

  test.each([
    ['/metrics:all', '/metricsxyz'],
    ['/metrics+all', '/metricssall'],
    ['/metrics*', '/metricss'],
    ['/metrics(all)', '/metricsall'],
    ['/{metrics}', '/metrics'],
    ['/me.trics', '/mextrics'],
  ])('means exactly %s, though a router might read a pattern', async (path, unlike) => {
    const { url } = await startTestApp(`--web.telemetry-path=${path}`)
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    expect(pushedValues(await scrape(url, path))).toEqual({ 'm{instance="",job="j"}': '1' })
    for (const other of [unlike, `${path}x`, `/x${path}`, `${path}/`]) {
      expect([other, (await send('GET', url, other)).status]).toEqual([other, 404])
    }
  })
})
