import { describe, expect, test } from '@jest/globals'
import zlib from 'node:zlib'
import { encodeFamily, encodeLength } from '../../../../server/exposition/protobuf/encode.ts'
import { startTestApp } from '../../../support/app.ts'
import { COMPRESSIONS, compressInOrder, KNOWS_ZSTD } from '../../../support/encodings.ts'
import { send, type Answer } from '../../../support/http.ts'
import { pushed, pushedValues, scrape } from '../../../support/page.ts'
import { connectTo, rawRequest } from '../../../support/raw-connection.ts'
import { snappySync } from '../../../support/snappy.ts'

const JOB = '/metrics/job/j'
const TEXT = 'm 1\n'
const STORED = { 'm{instance="",job="j"}': '1' }
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

async function valuesOn(url: string): Promise<Record<string, string>> {
  return pushedValues(await scrape(url))
}

function put(
  url: string,
  encoding: string,
  body: string | Buffer,
  contentType = 'text/plain',
): Promise<Answer> {
  const headers = { 'Content-Encoding': encoding, 'Content-Type': contentType }
  return send('PUT', url, JOB, { headers, body })
}

describe('a compressed body', () => {
  test.each(COMPRESSIONS)('of %s is decompressed', async (_, name, compress) => {
    const { url } = await startTestApp()
    expect((await put(url, name, compress(TEXT))).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test.each(COMPRESSIONS)(
    'of %s may be called so in any case, with blanks around',
    async (_, name, compress) => {
      const { url } = await startTestApp('--push.strict-encodings')
      const capital = name.charAt(0).toUpperCase() + name.slice(1)
      for (const shown of [name.toUpperCase(), capital, ` ${name}\t`, `,${name} ,`]) {
        expect((await put(url, shown, compress(TEXT))).status).toBe(200)
        expect(await valuesOn(url)).toEqual(STORED)
        await send('DELETE', url, JOB)
      }
    },
  )

  test.each(COMPRESSIONS)('of %s may be protobuf or OpenMetrics', async (_, name, compress) => {
    const { url } = await startTestApp()
    const metrics = [{ labels: [], value: 1 }]
    const message = encodeFamily({ name: 'm', help: undefined, type: 'gauge', metrics })
    const delimited = Buffer.concat([encodeLength(message.length), message])
    expect((await put(url, name, compress(delimited), PROTOBUF)).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
    const openMetrics = '# TYPE m info\nm_info{version="1"} 1\n# EOF\n'
    const type = 'application/openmetrics-text; version=1.0.0'
    expect((await put(url, name, compress(openMetrics), type)).status).toBe(200)
    expect(await valuesOn(url)).toEqual({ 'm_info{instance="",job="j",version="1"}': '1' })
  })

  test.each(COMPRESSIONS)('of %s may hold nothing', async (_, name, compress) => {
    const { url } = await startTestApp('--push.strict-encodings')
    expect((await put(url, name, compress(''))).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(2)
  })

  test.each(COMPRESSIONS)('of %s may be large', async (_, name, compress) => {
    const { url } = await startTestApp()
    const lines = Array.from({ length: 20_000 }, (__, i) => `m{i="${i}"} ${i}\n`).join('')
    expect((await put(url, name, compress(lines))).status).toBe(200)
    expect(Object.keys(await valuesOn(url))).toHaveLength(20_000)
  })

  test.each(['gzip', 'snappy', 'deflate', 'gzip, snappy', 'snappy, gzip'])(
    'of %s that is damaged at its end is answered 400 with the name, and leaves no trace',
    async (name) => {
      const { url } = await startTestApp()
      const body = compressInOrder(name, TEXT)
      for (const damaged of [body.subarray(0, -1), Buffer.concat([body, Buffer.from('x')])]) {
        const answer = await put(url, name, damaged)
        expect(answer.status).toBe(400)
        expect(answer.text).toContain(name)
      }
      expect(pushed(await scrape(url))).toEqual({})
    },
  )
})

describe('several compressions in a row', () => {
  test.each([
    'gzip, snappy',
    'snappy, gzip',
    'deflate, gzip',
    'Snappy,DEFLATE',
    'x-gzip , snappy,deflate',
    'gzip, gzip, gzip, gzip',
  ])('%j are undone from the last to the first', async (header) => {
    const { url } = await startTestApp('--push.strict-encodings')
    expect((await put(url, header, compressInOrder(header, TEXT))).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('in another order than the header says are refused', async () => {
    const { url } = await startTestApp()
    expect((await put(url, 'gzip, snappy', compressInOrder('snappy, gzip', TEXT))).status).toBe(400)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('with identity between them are what they are without', async () => {
    const { url } = await startTestApp('--push.strict-encodings')
    const body = compressInOrder('gzip, snappy', TEXT)
    expect((await put(url, 'identity, gzip, identity, snappy', body)).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('may stand in several headers', async () => {
    const { url } = await startTestApp('--push.strict-encodings')
    const headers = { 'Content-Encoding': ['gzip', 'snappy'] }
    const body = compressInOrder('gzip, snappy', TEXT)
    expect((await send('PUT', url, JOB, { headers, body })).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test('more than four are no encoding that is known', async () => {
    const header = 'gzip, gzip, gzip, gzip, gzip'
    const body = compressInOrder(header, TEXT)
    const { url } = await startTestApp()
    const answer = await put(url, header, body)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain(JSON.stringify(header))
    expect((await put(url, header, TEXT)).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
    const { url: strict } = await startTestApp('--push.strict-encodings')
    expect((await put(strict, header, body)).status).toBe(415)
    expect(pushed(await scrape(strict))).toEqual({})
  })
})

describe('an encoding that is not known', () => {
  const UNKNOWN = ['br', 'x-custom', 'compress', 'gzip, br', 'x-snappy-framed']

  test.each(UNKNOWN)('%j is passed over: a plain body is taken', async (name) => {
    const { url } = await startTestApp()
    expect((await put(url, name, TEXT)).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test.each(UNKNOWN)('%j is named where the body cannot be read', async (name) => {
    const { url } = await startTestApp()
    const answer = await put(url, name, zlib.brotliCompressSync(TEXT))
    expect(answer.status).toBe(400)
    expect(answer.text).toMatch(/text format parsing error in line 1: .*the Content-Encoding "/)
    expect(answer.text).toContain(JSON.stringify(name.split(', ').pop()))
    expect(answer.text).toContain('gzip, deflate, snappy')
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each(UNKNOWN)('%j is answered 415 with --push.strict-encodings', async (name) => {
    const { url } = await startTestApp('--push.strict-encodings')
    const answer = await put(url, name, TEXT)
    expect(answer.status).toBe(415)
    expect(answer.text).toContain(JSON.stringify(name.split(', ').pop()))
    expect(answer.text).toContain('gzip, deflate, snappy')
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('of a delete does not matter', async () => {
    const { url } = await startTestApp('--push.strict-encodings')
    await send('PUT', url, JOB, { body: TEXT })
    const connection = await connectTo(url)
    connection.write(rawRequest('DELETE', JOB, { headers: ['Content-Encoding: br'], body: 'x' }))
    expect((await connection.answer()).status).toBe(202)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test('a connection whose request was answered 415 serves the next one', async () => {
    const { url } = await startTestApp('--push.strict-encodings')
    const connection = await connectTo(url)
    for (let round = 0; round < 2; round++) {
      const headers = ['Content-Encoding: br']
      connection.write(rawRequest('PUT', JOB, { headers, body: '#'.repeat(100_000) }))
      expect((await connection.answer()).status).toBe(415)
      connection.write(rawRequest('PUT', JOB, { body: TEXT }))
      expect((await connection.answer()).status).toBe(200)
    }
  })

  test('is named by the parse error of a protobuf body too', async () => {
    const { url } = await startTestApp()
    const answer = await put(url, 'br', zlib.brotliCompressSync(TEXT), PROTOBUF)
    expect(answer.status).toBe(400)
    expect(answer.text).toMatch(/protobuf parsing error .*the Content-Encoding "br"/)
  })
})

describe('zstd', () => {
  // The magic number, and a frame that is cut off.
  const frame = Buffer.from('28b52ffd00', 'hex')
  const plain = Buffer.from(TEXT)

  test('is known where Node has it, and elsewhere an encoding like any other', async () => {
    const { url } = await startTestApp()
    const { url: strict } = await startTestApp('--push.strict-encodings')
    expect((await put(url, 'zstd', plain)).status).toBe(200)
    const damaged = await put(url, 'zstd', frame)
    expect([damaged.status, damaged.text]).toEqual([400, expect.stringContaining('"zstd"')])
    expect((await put(strict, 'zstd', frame)).status).toBe(KNOWS_ZSTD ? 400 : 415)
  })
})

describe('a plain body that claims to be compressed', () => {
  // What the original does not know, it reads as it is.
  const TAKEN = ['deflate', 'x-gzip', 'gzip, identity', 'gzip, gzip', 'snappy, deflate', 'zstd']
  const REFUSED = ['gzip', 'GZIP', 'snappy', ' Snappy ']

  test.each(TAKEN)('as %j is taken as it is', async (name) => {
    const { url } = await startTestApp()
    expect((await put(url, name, TEXT)).status).toBe(200)
    expect(await valuesOn(url)).toEqual(STORED)
  })

  test.each(TAKEN)('as %j and cannot be parsed is told of it', async (name) => {
    const { url } = await startTestApp()
    const answer = await put(url, name, 'm\n')
    expect(answer.status).toBe(400)
    expect(answer.text).toMatch(/^text format parsing error in line 1: /)
    expect(answer.text).toContain(JSON.stringify(name))
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each(REFUSED)('as %j is answered 400', async (name) => {
    const { url } = await startTestApp()
    expect((await put(url, name, TEXT)).status).toBe(400)
    expect(pushed(await scrape(url))).toEqual({})
  })

  test.each([...TAKEN.filter((name) => name !== 'zstd'), ...REFUSED])(
    'as %j is answered 400 with --push.strict-encodings',
    async (name) => {
      const { url } = await startTestApp('--push.strict-encodings')
      const answer = await put(url, name, TEXT)
      expect(answer.status).toBe(400)
      expect(answer.text).toContain('the body is not valid ')
      expect(pushed(await scrape(url))).toEqual({})
    },
  )

  test('as identity, or as nothing, is plain also with --push.strict-encodings', async () => {
    const { url } = await startTestApp('--push.strict-encodings')
    for (const name of ['identity', 'Identity, IDENTITY', '', ' , ,']) {
      expect((await put(url, name, TEXT)).status).toBe(200)
      expect(await valuesOn(url)).toEqual(STORED)
      await send('DELETE', url, JOB)
    }
  })
})

describe('a request without a body', () => {
  const NAMES = ['gzip', 'snappy', 'deflate', 'gzip, snappy', 'br']

  test.each(NAMES)('that says nothing of one is an empty push, called %j or not', async (name) => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: [`Content-Encoding: ${name}`] }))
    expect((await connection.answer()).status).toBe(200)
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(2)
  })

  test.each([
    ['gzip', 400],
    ['snappy', 200],
    ['deflate', 200],
    ['br', 200],
  ])('that says its length is 0 and its encoding %s is answered %i', async (name, status) => {
    const { url } = await startTestApp()
    for (const headers of [['Content-Length: 0'], ['Transfer-Encoding: chunked']]) {
      const connection = await connectTo(url)
      const all = [...headers, `Content-Encoding: ${name}`]
      connection.write(rawRequest('PUT', JOB, { headers: all }))
      if (headers[0] !== 'Content-Length: 0') connection.write('0\r\n\r\n')
      expect((await connection.answer()).status).toBe(status)
    }
    expect(Object.keys(pushed(await scrape(url)))).toHaveLength(status === 200 ? 2 : 0)
  })
})

test('snappy in chunks of a transfer that cut it anywhere is put together first', async () => {
  const { url } = await startTestApp()
  const connection = await connectTo(url)
  const headers = ['Content-Encoding: snappy', 'Transfer-Encoding: chunked']
  connection.write(rawRequest('PUT', JOB, { headers }))
  for (const byte of snappySync(TEXT)) {
    connection.write(
      Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
    )
  }
  connection.write('0\r\n\r\n')
  expect((await connection.answer()).status).toBe(200)
  expect(await valuesOn(url)).toEqual(STORED)
})
