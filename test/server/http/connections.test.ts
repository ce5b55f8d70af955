import express from 'express'
import { describe, expect, test } from '@jest/globals'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { AFTERWARDS, serverOptions } from '../../../server/http/sockets/server-options.ts'
import { startTestApp } from '../../support/app.ts'
import { closeAfterTest, temporaryFolder } from '../../support/cleanup.ts'
import { lockDatabase } from '../../support/database-lock.ts'
import { send, waitFor } from '../../support/http.ts'
import { pushed, pushedValues, samplesOf, scrape } from '../../support/page.ts'
import { startGateway } from '../../support/program.ts'
import { connectTo, rawRequest } from '../../support/raw-connection.ts'

const JOB = '/metrics/job/j'

function put(body: string, ...headers: string[]): string {
  return rawRequest('PUT', JOB, { body, headers })
}

function deleteGroup(): string {
  return rawRequest('DELETE', JOB)
}

async function valuesOn(url: string): Promise<Record<string, string>> {
  return pushedValues(await scrape(url))
}

/** A gateway whose pushes wait until the lock is let go of. */
async function startLockedGateway(
  ...flags: string[]
): Promise<{ url: string; release: () => void }> {
  const file = path.join(temporaryFolder(), 'groups.db')
  const { url } = await startGateway([`--storage.url=sqlite:${file}`, ...flags])
  return { url, release: lockDatabase(file) }
}

describe('requests that do not wait for answers (pipelining)', () => {
  test.each(['memory:', 'sqlite:'])(
    'PUT, DELETE and PUT on one connection take effect in their order (%s)',
    async (store) => {
      const file = store === 'sqlite:' ? path.join(temporaryFolder(), 'groups.db') : ''
      const { url } = await startTestApp(`--storage.url=${store}${file}`)
      const connection = await connectTo(url)
      for (let round = 0; round < 10; round++) {
        connection.write(put('a 1\n') + deleteGroup() + put(`b ${round}\n`))
        const answers = [
          await connection.answer(),
          await connection.answer(),
          await connection.answer(),
        ]
        expect(answers.map(({ status }) => status)).toEqual([200, 202, 200])
        expect(await valuesOn(url)).toEqual({ 'b{instance="",job="j"}': String(round) })
        connection.write(put('c 1\n') + deleteGroup())
        expect([(await connection.answer()).status, (await connection.answer()).status]).toEqual([
          200, 202,
        ])
        expect(pushed(await scrape(url))).toEqual({})
      }
    },
  )

  test('many pushes to one group on one connection leave the last one', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const requests = Array.from({ length: 200 }, (_, i) => put(`m ${i}\n`))
    connection.write(requests.join(''))
    for (let answered = 0; answered < requests.length; answered++) {
      expect((await connection.answer()).status).toBe(200)
    }
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '199' })
  })

  test('a refused push among them does not hold up or reorder the others', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(
      put('m 1\n') +
        rawRequest('PUT', '/metrics/job/j/odd', { body: 'm 1\n' }) +
        put('m{\n') +
        put('m 1 5\n') +
        deleteGroup() +
        put('m 2\n'),
    )
    const statuses: number[] = []
    while (statuses.length < 6) statuses.push((await connection.answer()).status)
    expect(statuses).toEqual([200, 400, 400, 400, 202, 200])
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '2' })
  })

  test('a scrape behind a push shows that push', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(put('m 1\n') + rawRequest('GET', '/metrics'))
    expect((await connection.answer()).status).toBe(200)
    const page = await connection.answer()
    expect(page.status).toBe(200)
    expect(samplesOf(page.text).get('m{instance="",job="j"}')).toBe('1')
  })

  test('a wipe behind a push deletes what that pushed', async () => {
    const { url, release } = await startLockedGateway('--web.enable-admin-api')
    const connection = await connectTo(url)
    connection.write(put('m 1\n') + rawRequest('PUT', '/api/v1/admin/wipe'))
    await scrape(url)
    release()
    expect((await connection.answer()).status).toBe(200)
    expect((await connection.answer()).status).toBe(202)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('a client that goes away before the answers does not use up --web.max-requests', async () => {
    const { url, release } = await startLockedGateway('--web.max-requests=4')
    for (let round = 0; round < 3; round++) {
      const connection = await connectTo(url)
      connection.write(put('m 1\n') + put('m 2\n') + put('m 3\n'))
      connection.destroy()
      await waitFor('the gateway to have read them', async () => {
        return (await send('GET', url, '/-/healthy')).status === 200 || undefined
      })
    }
    release()
    const accepted = await waitFor(
      'a push to be accepted',
      async () => {
        const { status } = await send('PUT', url, JOB, { body: 'm 4\n' })
        return status === 200 || undefined
      },
      3_000,
    )
    expect(accepted).toBe(true)
  })
})

describe('a connection that is kept', () => {
  test('serves on after every kind of refusal', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const large = `m 1\n#${'x'.repeat(500_000)}\n`
    const refused: [request: string, status: number][] = [
      [rawRequest('PUT', '/metrics/job/j/odd', { body: 'm 1\n' }), 400],
      [rawRequest('PUT', '/metrics/job/j/odd', { body: large }), 400],
      [rawRequest('PUT', '/metrics/job/%FF', { body: large }), 400],
      [put('m 1'), 400],
      [put('m 1 5\n'), 400],
      [put('nope', 'Content-Encoding: gzip'), 400],
      [rawRequest('PUT', '/nowhere', { body: large }), 404],
      [rawRequest('PUT', '/metrics', { body: large }), 405],
      [rawRequest('PATCH', JOB, { body: large }), 405],
      [rawRequest('PUT', '/-/quit', { body: large }), 403],
      [rawRequest('GET', '/nowhere'), 404],
    ]
    for (const [request, status] of refused) {
      connection.write(request)
      const answer = await connection.answer()
      expect([request.slice(0, 30), answer.status]).toEqual([request.slice(0, 30), status])
      expect(answer.headers.get('connection')).toBe('keep-alive')
      connection.write(put('m 1\n'))
      expect((await connection.answer()).status).toBe(200)
    }
    expect(connection.rest()).toBe('')
  })

  test('may be idle for longer than a balancer keeps it, and is closed at last', async () => {
    expect(AFTERWARDS.timeout).toBeGreaterThanOrEqual(75_000)
    // The same server in a hurry.
    const idleMs = 400
    const options = { ...serverOptions(express()), timeout: idleMs }
    const server = http.createServer(options, (_, response) => response.end())
    Object.assign(server, AFTERWARDS, { timeout: idleMs })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closeAfterTest(() => new Promise((resolve) => server.close(resolve)))
    const connection = await connectTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    connection.write(put('m 1\n'))
    const { headers } = await connection.answer()
    const answeredAt = performance.now()
    expect([headers.get('connection'), headers.get('keep-alive')]).toEqual([
      'keep-alive',
      undefined,
    ])
    await connection.closed()
    expect(performance.now() - answeredAt).toBeGreaterThan(0.9 * idleMs)
  })

  test('is closed when the client asks for that', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(put('m 1\n', 'Connection: close'))
    const answer = await connection.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await connection.closed()
  })

  test('is closed with an answer when what comes in is no HTTP', async () => {
    const gateway = await startTestApp()
    const { url } = gateway
    for (const bytes of [
      '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const connection = await connectTo(url)
      connection.write(bytes)
      expect((await connection.answer()).status).toBe(400)
      await connection.closed()
    }
    expect(gateway.log().filter((line) => line.includes('level=error'))).toEqual([])
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
  })
})

describe('unusual requests that clients send', () => {
  test('a path of 100 kB', async () => {
    const { url } = await startTestApp()
    const value = 'v'.repeat(100_000)
    expect((await send('PUT', url, `${JOB}/a/${value}`, { body: 'm 1\n' })).status).toBe(200)
    expect(await valuesOn(url)).toEqual({ [`m{a="${value}",instance="",job="j"}`]: '1' })
    expect((await send('DELETE', url, `${JOB}/a/${value}`)).status).toBe(202)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('a path of 10,000 labels', async () => {
    const { url } = await startTestApp()
    const labels = Array.from({ length: 10_000 }, (_, i) => `/l${i}/v`).join('')
    expect((await send('PUT', url, `${JOB}${labels}`, { body: 'm 1\n' })).status).toBe(200)
    expect(Object.keys(await valuesOn(url))).toHaveLength(1)
  })

  test('a head beyond all limits is answered 431 and the connection closed', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', `${JOB}/a/${'v'.repeat(2_000_000)}`))
    expect((await connection.answer()).status).toBe(431)
    await connection.closed()
  })

  test.each([
    'http://gateway.example',
    'HTTP://Gateway.Example:9091',
    'https://user:secret@gateway.example',
    'http://[::1]:9091',
  ])('a request target with a host, as sent to proxies: %s/...', async (origin) => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', `${origin}${JOB}?x=http://y/`, { body: 'm 1\n' }))
    expect((await connection.answer()).status).toBe(200)
    connection.write(rawRequest('GET', `${origin}/metrics`))
    expect((await connection.answer()).text).toContain('m{instance="",job="j"} 1\n')
  })

  test.each(['http://gateway.example', 'http://gateway.example?search=x'])(
    'a request target that is nothing but a host is the start page: %s',
    async (target) => {
      const { url } = await startTestApp()
      const connection = await connectTo(url)
      connection.write(rawRequest('GET', target))
      const answer = await connection.answer()
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'text/html; charset=utf-8',
      ])
      expect(answer.text).toContain('Nothing has been pushed yet')
    },
  )

  test('OPTIONS * of a balancer is answered in plain text and not in HTML of a framework', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('OPTIONS', '*'))
    const { status, text } = await connection.answer()
    expect([200, 204, 404, 405]).toContain(status)
    expect(text).not.toContain('<')
  })

  test('HTTP/1.0: a push with a length is stored, and the connection closed after the answer', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(`PUT ${JOB} HTTP/1.0\r\nContent-Length: 4\r\n\r\nm 1\n`)
    const answer = await connection.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await connection.closed()
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('HTTP/1.0 with keep-alive: the connection is kept or closed, as the answer says', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    for (let round = 0; round < 3; round++) {
      connection.write(
        `PUT ${JOB} HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nm ${round}\n`,
      )
      const answer = await connection.answer()
      expect(answer.status).toBe(200)
      if (answer.headers.get('connection') !== 'keep-alive') return connection.closed()
    }
  })

  test.each(['/metrics', '/api/v1/metrics', '/'])(
    'HTTP/1.0: GET %s is answered without chunks and ended by closing',
    async (path) => {
      const { url } = await startTestApp()
      await send('PUT', url, JOB, { body: 'm 1\n' })
      const connection = await connectTo(url)
      connection.write(`GET ${path} HTTP/1.0\r\n\r\n`)
      const answer = await connection.answer()
      expect([answer.status, answer.headers.get('transfer-encoding')]).toEqual([200, undefined])
      expect(answer.text).toMatch(/\}$|\n$|<\/html> ?$/)
      await connection.closed()
      expect(connection.rest()).toBe('')
    },
  )

  test('HTTP/1.1 without a Host is refused', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write('GET /metrics HTTP/1.1\r\n\r\n')
    expect((await connection.answer()).status).toBe(400)
  })

  test.each([
    ['with a length', rawRequest('PUT', JOB, { body: 'm 1\n', headers: upgradeToH2c() })],
    [
      'in chunks',
      `${rawRequest('PUT', JOB, { headers: ['Transfer-Encoding: chunked', ...upgradeToH2c()] })}4\r\nm 1\n\r\n0\r\n\r\n`,
    ],
  ])('a push of java.net.http that offers h2c is answered as HTTP/1.1, %s', async (_, request) => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    for (let round = 0; round < 2; round++) {
      connection.write(request)
      const answer = await connection.answer()
      expect([answer.version, answer.status]).toEqual(['HTTP/1.1', 200])
    }
    expect(await valuesOn(url)).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('an offer of a websocket is not taken: the page is served', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const headers = ['Connection: Upgrade', 'Upgrade: websocket']
    connection.write(rawRequest('GET', '/-/healthy', { headers }))
    expect((await connection.answer()).status).toBe(200)
  })

  test('CONNECT closes the connection and nothing else', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write('CONNECT gateway:9091 HTTP/1.1\r\nHost: gateway:9091\r\n\r\n')
    await connection.closed()
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
  })
})

function upgradeToH2c(): string[] {
  return [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    'User-Agent: Java-http-client/17',
  ]
}
