import { expect, test } from '@jest/globals'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import zlib from 'node:zlib'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { useCertificates } from '../../../support/certificates.ts'
import { closeAfterTest, temporaryFolder } from '../../../support/cleanup.ts'
import { lockDatabase } from '../../../support/database-lock.ts'
import { within } from '../../../support/deadline.ts'
import { send, waitFor } from '../../../support/http.ts'
import { describeWith } from '../../../support/programs.ts'
import { handshake, tlsSection } from '../../../support/tls.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../../../support/web-config.ts'

interface StreamAnswer {
  readonly status: number
  readonly headers: http2.IncomingHttpHeaders
  readonly body: Buffer
}

// Frames by hand: Node's own client completes a request before it resets it (RFC 9113, RFC 7541).
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4]
const END_HEADERS = 4

function frame(type: number, flags: number, payload: Buffer, stream = 1): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

function settings(): Buffer {
  return frame(SETTINGS, 0, Buffer.alloc(0), 0)
}

/** Each name and value as a literal of its own. */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const literal = (text: string): Buffer =>
    Buffer.from(`${String.fromCharCode(text.length)}${text}`)
  const entries = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.from([0]), literal(name), literal(value)]),
  )
  return Buffer.concat(entries)
}

function connect(url: string): http2.ClientHttp2Session {
  const session = http2.connect(url, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  closeAfterTest(() => void session.destroy())
  return session
}

function ask(
  session: http2.ClientHttp2Session,
  method: string,
  target: string,
  { headers = {}, body }: { headers?: http2.OutgoingHttpHeaders; body?: string | Buffer } = {},
): Promise<StreamAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': method, ':path': target, ...headers },
      { endStream: body === undefined },
    )
    const chunks: Buffer[] = []
    let received: http2.IncomingHttpHeaders = {}
    stream.on('response', (head) => (received = head))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('end', () =>
      resolve({
        status: Number(received[':status']),
        headers: received,
        body: Buffer.concat(chunks),
      }),
    )
    if (body !== undefined) stream.end(body)
  })
}

describeWith('openssl', 'over HTTP/2', () => {
  const certificates = useCertificates()

  function start(...flags: string[]): Promise<TestApp> {
    return startTestApp(writeWebConfig(tlsSection(certificates().server)).flag, ...flags)
  }

  test('one connection pushes, scrapes, deletes and reads every page', async () => {
    const { url } = await start('--web.enable-admin-api', '--log.requests')
    const session = connect(url)
    const push = await ask(session, 'PUT', '/metrics/job/j', { body: 'm 1\n' })
    expect([push.status, push.body.length]).toEqual([200, 0])
    const page = await ask(session, 'GET', '/metrics', { headers: { 'accept-encoding': 'gzip' } })
    expect(page.headers['content-encoding']).toBe('gzip')
    expect(zlib.gunzipSync(page.body).toString()).toContain('m{instance="",job="j"} 1\n')
    for (const target of [
      '/',
      '/status',
      '/static/app.js',
      '/api/v1/metrics',
      '/api/v1/status',
      '/-/healthy',
      '/-/ready',
    ]) {
      expect([target, (await ask(session, 'GET', target)).status]).toEqual([target, 200])
    }
    expect((await ask(session, 'HEAD', '/metrics')).status).toBe(200)
    expect((await ask(session, 'GET', '/nothing')).status).toBe(404)
    expect((await ask(session, 'DELETE', '/metrics/job/j')).status).toBe(202)
    expect((await ask(session, 'PUT', '/api/v1/admin/wipe')).status).toBe(202)
  })

  test('a client that does not offer it is answered with HTTP/1.1', async () => {
    const { url } = await start()
    const answer = await send('GET', url, '/-/healthy', { tls: { rejectUnauthorized: false } })
    expect(answer.status).toBe(200)
    expect((await handshake(url, { ALPNProtocols: ['http/1.1'] })).alpnProtocol).toBe('http/1.1')
    expect((await handshake(url, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol).toBe('h2')
  })

  test('it is not offered with http2: false', async () => {
    const section = tlsSection(certificates().server)
    const { flag } = writeWebConfig(`${section}http_server_config: { http2: false }\n`)
    const { url } = await startTestApp(flag)
    const offer = { ALPNProtocols: ['h2', 'http/1.1'] }
    expect((await handshake(url, offer)).alpnProtocol).toBe('http/1.1')
    expect(
      (await send('GET', url, '/-/healthy', { tls: { rejectUnauthorized: false } })).status,
    ).toBe(200)
  })

  test('pushes of one connection do not wait for each other', async () => {
    const { url } = await start()
    const session = connect(url)
    const slow = session.request(
      { ':method': 'PUT', ':path': '/metrics/job/slow' },
      { endStream: false },
    )
    slow.write('m ')
    const targets = Array.from({ length: 50 }, (_, i) => `/metrics/job/j${i}`)
    const answers = await Promise.all(
      targets.map((target) => ask(session, 'PUT', target, { body: 'm 1\n' })),
    )
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const answered = new Promise<number>((resolve) =>
      slow.once('response', (head) => resolve(Number(head[':status']))),
    )
    slow.end('1\n')
    expect(await answered).toBe(200)
  })

  test('scrapes of a large page leave room for the other requests of their connection', async () => {
    const { url } = await start()
    const session = connect(url)
    const lines = Array.from({ length: 40_000 }, (_, i) => `m{l="${'x'.repeat(250)}${i}"} 1\n`)
    const pushed = await ask(session, 'PUT', '/metrics/job/large', { body: lines.join('') })
    expect(pushed.status).toBe(200)
    const scrapes = Array.from({ length: 20 }, () => ask(session, 'GET', '/metrics'))
    const first = await Promise.race(scrapes)
    expect(first.body.length).toBeGreaterThan(10_000_000)
    expect((await ask(session, 'PUT', '/metrics/job/j', { body: 'm 1\n' })).status).toBe(200)
    const statuses = (await Promise.all(scrapes)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  test('a request without a body is an empty push, whatever its Content-Encoding says', async () => {
    const { url } = await start()
    const headers = { 'content-encoding': 'gzip' }
    expect((await ask(connect(url), 'PUT', '/metrics/job/j', { headers })).status).toBe(200)
  })

  test('errors are answered as over HTTP/1.1', async () => {
    const { url } = await start('--push.max-body-bytes=1000')
    const session = connect(url)
    const odd = await ask(session, 'PUT', '/metrics/job/j/a', { body: 'm 1\n' })
    const bad = await ask(session, 'PUT', '/metrics/job/j', { body: 'm x\n' })
    const large = await ask(session, 'PUT', '/metrics/job/j', { body: Buffer.alloc(100_000) })
    const unwanted = await ask(session, 'GET', '/metrics', { body: 'no\n' })
    expect([odd, bad, large, unwanted].map(({ status }) => status)).toEqual([400, 400, 413, 200])
    expect(bad.body.toString()).toMatch(/^text format parsing error in line 1/)
  })

  test.each([
    ['resets its stream', 'open', frame(RST_STREAM, 0, Buffer.from([0, 0, 0, 8]))],
    ['goes away', 'open', undefined],
    ['resets its stream', 'password', frame(RST_STREAM, 0, Buffer.from([0, 0, 0, 8]))],
    ['goes away', 'password', undefined],
  ])('a push whose sender %s half-way leaves no trace (%s)', async (_, access, last) => {
    // While the password is compared, the body waits to be read.
    const users = access === 'open' ? '' : `basic_auth_users: { alice: ${HASH_OF_ABC} }\n`
    const { flag } = writeWebConfig(tlsSection(certificates().server) + users)
    const { url } = await startTestApp(flag, '--web.max-requests=2')
    for (let round = 0; round < 10; round++) {
      const socket = await handshake(url, { ALPNProtocols: ['h2'] })
      const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
      const head = headerBlock({
        ':method': 'PUT',
        ':scheme': 'https',
        ':authority': 'localhost',
        ':path': '/metrics/job/j',
        authorization: basic('alice', 'abc'),
      })
      const body = frame(DATA, 0, Buffer.from('m 1\n'))
      const request = [preface, settings(), frame(HEADERS, END_HEADERS, head), body]
      socket.write(Buffer.concat(last === undefined ? request : [...request, last]))
      socket.end()
      await new Promise((resolve) => socket.resume().once('close', resolve))
    }
    const page = await waitFor('room for a scrape', async () => {
      const headers = { authorization: basic('alice', 'abc') }
      const answer = await ask(connect(url), 'GET', '/metrics', { headers })
      return answer.status === 200 ? answer : undefined
    })
    expect(page.body.toString()).not.toContain('job="j"')
    expect(page.body.toString()).not.toContain('handler="push"')
  })

  test('credentials are asked for on each request', async () => {
    const section = tlsSection(certificates().server)
    const { url } = await startTestApp(
      writeWebConfig(`${section}basic_auth_users: { alice: ${HASH_OF_ABC} }\n`).flag,
    )
    const session = connect(url)
    const headers = { authorization: basic('alice', 'abc') }
    expect((await ask(session, 'GET', '/metrics')).status).toBe(401)
    expect((await ask(session, 'GET', '/metrics', { headers })).status).toBe(200)
    expect((await ask(session, 'GET', '/metrics')).status).toBe(401)
  })

  test('a method that is none is counted as unknown', async () => {
    const { url } = await start()
    const session = connect(url)
    for (const method of ['M1', 'M2', 'BREW', 'constructor', 'toString', '__proto__']) {
      expect((await ask(session, method, '/metrics/job/j')).status).toBe(405)
    }
    const page = (await ask(session, 'GET', '/metrics')).body.toString()
    const counted = page.match(/^pushgateway_http_requests_total.*code="405".*$/gm)
    expect(counted).toEqual([
      'pushgateway_http_requests_total{code="405",handler="other",method="unknown"} 6',
    ])
  })

  test('a client of HTTP/1.1 beside it may send a path of 100 kB too', async () => {
    const { url } = await start()
    const target = `/metrics/job/j/l/${'x'.repeat(100_000)}`
    const tls = { rejectUnauthorized: false }
    expect((await send('PUT', url, target, { body: 'm 1\n', tls })).status).toBe(200)
  })

  test('a stop does not wait for connections that never asked for anything', async () => {
    const { app, url } = await start()
    await handshake(url, { ALPNProtocols: ['http/1.1'] })
    await handshake(url, { ALPNProtocols: ['h2'] })
    const { hostname, port } = new URL(url)
    const silent = net.connect(Number(port), hostname)
    closeAfterTest(() => void silent.destroy())
    await new Promise((resolve) => silent.once('connect', resolve))
    await within(5_000, 'the stop', app.stop())
  })

  test('a stop answers and stores what is under way, then ends the connection', async () => {
    const file = path.join(temporaryFolder(), 'groups.db')
    const { app, url } = await start(`--storage.url=sqlite:${file}`)
    const session = connect(url)
    expect((await ask(session, 'GET', '/-/ready')).status).toBe(200)
    const release = lockDatabase(file)
    const pushed = ask(session, 'PUT', '/metrics/job/j', { body: 'm 1\n' })
    const idle = connect(url)
    expect((await ask(idle, 'GET', '/-/healthy')).status).toBe(200)
    const stopped = app.stop()
    await waitFor('the idle connection to be ended', () => idle.closed || undefined)
    release()
    expect((await pushed).status).toBe(200)
    await within(5_000, 'the stop', stopped)
    await waitFor('the connection to be ended', () => session.closed || undefined)
    const again = await start(`--storage.url=sqlite:${file}`)
    expect((await ask(connect(again.url), 'GET', '/metrics')).body.toString()).toContain('job="j"')
  })
})
