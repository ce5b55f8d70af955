import { describe, expect, test } from '@jest/globals'
import zlib from 'node:zlib'
import { startTestApp } from '../../../support/app.ts'
import { send, waitFor, type Answer } from '../../../support/http.ts'
import { pushed, pushedValues, scrape } from '../../../support/page.ts'
import { connectTo, rawRequest } from '../../../support/raw-connection.ts'

const JOB = '/metrics/job/j'
const STORED = { 'm{instance="",job="j"}': '1' }

async function valuesOn(url: string): Promise<Record<string, string>> {
  return pushedValues(await scrape(url))
}

/** The last line is long so that the body is compressed well. */
function bodyOf(byteLength: number): string {
  return `m 1\n#${'a'.repeat(byteLength - 6)}\n`
}

function putGzip(url: string, body: Buffer, encoding = 'gzip'): Promise<Answer> {
  return send('PUT', url, JOB, { headers: { 'Content-Encoding': encoding }, body })
}

describe('the Content-Type of a push', () => {
  test.each([
    ['curl -d', 'application/x-www-form-urlencoded'],
    ['HTTPie', 'application/json'],
    ['a browser form', 'multipart/form-data; boundary=x'],
    ['the text format', 'text/plain; version=0.0.4; charset=utf-8'],
    ['another charset', 'text/plain; charset=utf-16'],
    ['OpenMetrics', 'application/openmetrics-text; version=1.0.0'],
    ['bytes', 'application/octet-stream'],
    ['rubbish', ';;;=/"'],
    ['nothing', ''],
  ])('of %s does not matter: the body is the text format', async (_, type) => {
    const { url } = await startTestApp()
    for (const method of ['PUT', 'POST']) {
      const headers = { 'Content-Type': type }
      expect((await send(method, url, JOB, { headers, body: 'm 1\n' })).status).toBe(200)
      expect(await valuesOn(url)).toEqual(STORED)
      await send('DELETE', url, JOB, { headers })
    }
  })

  test('may be missing', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { body: 'm 1\n' }))
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('of a form does not decode the plus and percent signs of the body', async () => {
    const { url } = await startTestApp()
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    await send('POST', url, JOB, { headers, body: 'm{a="b+c%20d&e=f"} +Inf\n' })
    expect(await valuesOn(url)).toEqual({ 'm{a="b+c%20d&e=f",instance="",job="j"}': '+Inf' })
  })
})

describe('a gzip body', () => {
  const member = zlib.gzipSync('m 1\n')
  const badCrc = Buffer.from(member)
  badCrc[badCrc.length - 8]! ^= 1
  const badLength = Buffer.from(member)
  badLength[badLength.length - 4]! ^= 1

  test.each(['gzip', 'GZIP', 'GZip', ' gzip '])(
    'is decompressed when called %j',
    async (encoding) => {
      const { url } = await startTestApp()
      expect((await putGzip(url, member, encoding)).status).toBe(200)
      expect(await valuesOn(url)).toEqual(STORED)
    },
  )

  test('may have several members', async () => {
    const { url } = await startTestApp()
    const members = [member, zlib.gzipSync(''), zlib.gzipSync('n 2\n')]
    expect((await putGzip(url, Buffer.concat(members))).status).toBe(200)
    expect(await valuesOn(url)).toEqual({ ...STORED, 'n{instance="",job="j"}': '2' })
  })

  test('may have a line that begins in one member and ends in the next', async () => {
    const { url } = await startTestApp()
    const members = [zlib.gzipSync('m '), zlib.gzipSync('1\n')]
    expect((await putGzip(url, Buffer.concat(members))).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('may be gzip of nothing', async () => {
    const { url } = await startTestApp()
    expect((await putGzip(url, zlib.gzipSync(''))).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(2)
  })

  test('may come in chunks that cut it anywhere', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const headers = ['Content-Encoding: gzip', 'Transfer-Encoding: chunked']
    connection.write(rawRequest('PUT', JOB, { headers }))
    for (const byte of member) {
      connection.write(
        Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
      )
    }
    connection.write('0\r\n\r\n')
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test.each([
    ['that is no gzip', Buffer.from('m 1\n')],
    ['that is zlib', zlib.deflateSync('m 1\n')],
    ['that is empty', Buffer.alloc(0)],
    ['that is half a header', member.subarray(0, 5)],
    ['cut inside its data', member.subarray(0, 12)],
    ['cut inside its trailer', member.subarray(0, -1)],
    ['without its trailer', member.subarray(0, -8)],
    ['with a wrong checksum', badCrc],
    ['with a wrong length', badLength],
    ['with rubbish behind it', Buffer.concat([member, Buffer.from('x')])],
    ['with a zero byte behind it', Buffer.concat([member, Buffer.alloc(1)])],
    ['with zero bytes and a member behind it', Buffer.concat([member, Buffer.alloc(3), member])],
    ['with half a member behind it', Buffer.concat([member, member.subarray(0, 11)])],
    ['with one byte of a member behind it', Buffer.concat([member, member.subarray(0, 1)])],
    ['whose second member has a wrong checksum', Buffer.concat([member, badCrc])],
    ['compressed twice', zlib.gzipSync(member)],
  ])('%s is answered 400 and leaves no trace', async (_, body) => {
    const { url } = await startTestApp()
    const answer = await putGzip(url, body)
    expect(answer.status).toBe(400)
    expect(answer.text).not.toBe('')
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('that cannot be decompressed says so in its answer', async () => {
    const { url } = await startTestApp()
    expect((await putGzip(url, badCrc)).text).toMatch(/gzip.*check/)
  })
})

describe('how a body is sent', () => {
  test('in chunks, extensions and trailers included', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('POST', JOB, { headers: ['Transfer-Encoding: chunked'] }))
    connection.write('2;name=value\r\nm \r\n1\r\n1\r\n1\r\n\n\r\n0\r\nTrailer: t\r\n\r\n')
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('in no chunk at all: an empty push', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: ['Transfer-Encoding: chunked'] }))
    connection.write('0\r\n\r\n')
    expect((await connection.answer()).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(2)
  })

  test('without length or chunks: an empty push', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB))
    expect((await connection.answer()).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(2)
  })

  test('byte by byte', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    for (const byte of rawRequest('PUT', JOB, { body: 'm{a="é"} 1\n' })) connection.write(byte)
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual({ 'm{a="é",instance="",job="j"}': '1' })
  })

  test('after Expect: 100-continue was answered with 100', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const headers = ['Expect: 100-continue', 'Content-Length: 4']
    connection.write(rawRequest('PUT', JOB, { headers }))
    expect((await connection.answer()).status).toBe(100)
    expect(pushed(await scrape(url))).toEqual({})
    connection.write('m 1\n')
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('with Expect: 100-continue and the body at once', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: ['Expect: 100-continue'], body: 'm 1\n' }))
    expect((await connection.answer()).status).toBe(100)
    expect((await connection.answer()).status).toBe(200)
  })

  test('with an expectation that is not known: 417, and nothing is stored', async () => {
    const { url } = await startTestApp()
    const headers = { Expect: 'the-unexpected' }
    expect((await send('PUT', url, JOB, { headers, body: 'm 1\n' })).status).toBe(417)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('with both a length and chunks: refused, and nothing is stored', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    const headers = ['Transfer-Encoding: chunked', 'Content-Length: 4']
    connection.write(`${rawRequest('PUT', JOB, { headers })}4\r\nm 1\n\r\n0\r\n\r\n`)
    expect((await connection.answer()).status).toBe(400)
    await connection.closed()
    expect(pushed(await scrape(url))).toEqual({})
  })
})

describe('a body that is too large', () => {
  test('of exactly the allowed size is taken, plain and compressed', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000')
    expect((await send('PUT', url, JOB, { body: bodyOf(1000) })).status).toBe(200)
    expect((await putGzip(url, zlib.gzipSync(bodyOf(1000)))).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('of one byte more is answered 413, plain and compressed, and leaves no trace', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000')
    for (const answer of [
      await send('PUT', url, JOB, { body: bodyOf(1001) }),
      await putGzip(url, zlib.gzipSync(bodyOf(1001))),
    ]) {
      expect(answer.status).toBe(413)
      expect(answer.text).toContain('--push.max-body-bytes')
    }
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('is refused as soon as that is known, and who does not send the rest is cut off', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000')
    const announced = await connectTo(url)
    announced.write(rawRequest('PUT', JOB, { headers: ['Content-Length: 1001'] }))
    const chunked = await connectTo(url)
    chunked.write(rawRequest('PUT', JOB, { headers: ['Transfer-Encoding: chunked'] }))
    chunked.write(`3e8\r\n${bodyOf(1000)}\r\n1\r\n#\r\n`)
    for (const connection of [announced, chunked]) {
      expect((await connection.answer()).status).toBe(413)
    }
    for (const connection of [announced, chunked]) await connection.closed(10_000)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([
    ['with a length', rawRequest('PUT', JOB, { body: bodyOf(300_000) })],
    [
      'in chunks',
      `${rawRequest('PUT', JOB, { headers: ['Transfer-Encoding: chunked'] })}493e0\r\n${bodyOf(300_000)}\r\n0\r\n\r\n`,
    ],
  ])('leaves its connection as its answer promises, %s', async (_, request) => {
    const { url } = await startTestApp('--push.max-body-bytes=1000')
    const connection = await connectTo(url)
    connection.write(request)
    const answer = await connection.answer()
    expect(answer.status).toBe(413)
    if (answer.headers.get('connection') === 'close') return connection.closed()
    for (let round = 0; round < 2; round++) {
      connection.write(rawRequest('PUT', JOB, { body: 'm 1\n' }))
      expect((await connection.answer()).status).toBe(200)
      connection.write(request)
      expect((await connection.answer()).status).toBe(413)
    }
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('is refused once in the log', async () => {
    const gateway = await startTestApp('--push.max-body-bytes=1000')
    const { url } = gateway
    await send('PUT', url, JOB, { body: bodyOf(200_000) })
    expect(gateway.log().filter((line) => line.includes('push.max-body-bytes'))).toHaveLength(1)
    expect(gateway.log().filter((line) => line.includes('level=error'))).toEqual([])
  })

  test('leaves the gateway ready for the next push', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000')
    await send('PUT', url, JOB, { body: bodyOf(5000) })
    expect((await send('PUT', url, JOB, { body: 'm 1\n' })).status).toBe(200)
  })
})

describe('a client that goes away inside its body', () => {
  test.each([
    ['with a length', rawRequest('PUT', JOB, { headers: ['Content-Length: 100'] }) + 'm 1\n'],
    [
      'in chunks',
      rawRequest('PUT', JOB, { headers: ['Transfer-Encoding: chunked'] }) + '4\r\nm 1\n\r\n',
    ],
    [
      'with a path that is wrong',
      rawRequest('PUT', `${JOB}/odd`, { headers: ['Content-Length: 100'] }) + 'm 1\n',
    ],
  ])('%s leaves no trace and no error in the log', async (_title, bytes) => {
    const gateway = await startTestApp('--log.requests')
    const { url } = gateway
    await send('PUT', url, JOB, { body: 'before 1\n' })
    const before = pushed(await scrape(url))
    for (let round = 0; round < 20; round++) {
      const connection = await connectTo(url)
      connection.write(bytes)
      connection.destroy()
    }
    await waitFor('the gateway to notice', () => {
      const seen = gateway
        .log()
        .filter((line) => line.includes('msg=request ') && line.includes('PUT'))
      return seen.length === 21 || undefined
    })
    expect(pushed(await scrape(url))).toEqual(before)
    expect(gateway.log().filter((line) => line.includes('level=error'))).toEqual([])
    expect(gateway.log().filter((line) => line.includes('RequestAborted'))).toEqual([])
  })

  test('is not counted as a push that was answered 200, nor logged as one', async () => {
    const gateway = await startTestApp('--log.requests')
    const { url } = gateway
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: ['Content-Length: 100'] }))
    connection.destroy()
    const line = await waitFor('the gateway to notice', () => {
      return gateway.log().find((logged) => logged.includes('msg=request '))
    })
    expect(line).not.toContain('status=200')
    expect(line).toContain('peer=127.0.0.1')
    const accepted = 'pushgateway_http_requests_total{code="200",handler="push",method="put"}'
    expect((await scrape(url)).has(accepted)).toBe(false)
  })

  test('half-closing its side after a whole push still gets its answer', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { body: 'm 1\n' }))
    connection.end()
    expect((await connection.answer()).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })
})
