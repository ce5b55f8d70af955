import { describe, expect, test } from '@jest/globals'
import zlib from 'node:zlib'
import { parseContentEncoding } from '../../../../server/http/bodies/encodings/content-encoding.ts'
import { startTestApp } from '../../../support/app.ts'
import { COMPRESSIONS, compressInOrder, KNOWS_ZSTD } from '../../../support/encodings.ts'
import { send, waitFor, type Answer } from '../../../support/http.ts'
import { pushedValues, scrape } from '../../../support/page.ts'
import { connectTo, rawRequest, type RawConnection } from '../../../support/raw-connection.ts'
import { chunk, IDENTIFIER, snappySync, uncompressedChunk } from '../../../support/snappy.ts'

const JOB = '/metrics/job/j'

function put(url: string, encoding: string, body: Buffer): Promise<Answer> {
  return send('PUT', url, JOB, { headers: { 'Content-Encoding': encoding }, body })
}

async function expectRefused(url: string, encoding: string, bomb: Buffer): Promise<void> {
  await send('PUT', url, JOB, { body: 'before 1\n' })
  const before = process.memoryUsage().rss
  const answer = await put(url, encoding, bomb)
  expect(answer.status).toBe(413)
  expect(answer.text).toContain('--push.max-body-bytes')
  expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  expect(pushedValues(await scrape(url))).toEqual({ 'before{instance="",job="j"}': '1' })
}

/** Fifty million zeros: small enough to send, too large to have. */
const ZEROS = Buffer.alloc(50_000_000)

describe('a small body that would become too large', () => {
  test.each(COMPRESSIONS)('in %s is cut off with 413 and changes nothing', async (_, name, by) => {
    const { url } = await startTestApp('--push.max-body-bytes=8000000')
    const bomb = by(ZEROS)
    expect(bomb.length).toBeLessThan(8_000_000)
    await expectRefused(url, name, bomb)
  })

  test.each([
    'gzip, gzip',
    'gzip, snappy',
    'snappy, gzip',
    'deflate, deflate',
    'gzip, deflate, snappy',
    'gzip, gzip, gzip, gzip',
    ...(KNOWS_ZSTD ? ['zstd, gzip'] : []),
  ])('in %s, one in the other, is too', async (name) => {
    const { url } = await startTestApp('--push.max-body-bytes=8000000')
    await expectRefused(url, name, compressInOrder(name, ZEROS))
  })

  test('is refused for what lies between two compressions too, though it ends up small', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000000')
    const padded = Buffer.concat([
      snappySync('m 1\n'),
      Buffer.alloc(4 * 500_000, chunk(0xfe, Buffer.alloc(0))),
    ])
    await expectRefused(url, 'snappy, gzip', zlib.gzipSync(padded))
  })

  test('in gzip members, each large, is not unpacked first', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=2000000')
    const member = zlib.gzipSync(ZEROS.subarray(0, 10_000_000))
    const bomb = Buffer.alloc(150 * member.length, member)
    expect(bomb.length).toBeLessThan(2_000_000)
    await expectRefused(url, 'gzip', bomb)
  })

  test('in many small gzip members is cut off at the limit too', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=100000')
    const member = zlib.gzipSync(Buffer.alloc(10_000, '\n'))
    await expectRefused(url, 'gzip', Buffer.alloc(1000 * member.length, member))
  })

  test.each(COMPRESSIONS)('in %s is unpacked no further than the limit', async (_, name, by) => {
    const encoding = parseContentEncoding(name)
    if (encoding.kind !== 'known') throw new Error(`${name} is not known`)
    const limit = 1_000_000
    let unpacked = 0
    const take = (bytes: number): void => {
      unpacked += bytes
      if (unpacked > limit) throw new Error('enough')
    }
    await expect(encoding.steps[0]!(by(ZEROS), take)).rejects.toThrow('enough')
    // One piece beyond it, which zlib and snappy make of at most 64 kB.
    expect(unpacked).toBeLessThanOrEqual(limit + 65_536)
  })

  test('is a push like others when it stays just within the limit', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=1000000')
    const body = `m 1\n#${'a'.repeat(999_994)}\n`
    for (const [, name, by] of COMPRESSIONS) {
      expect((await put(url, name, by(body))).status).toBe(200)
      expect((await put(url, name, by(`${body}\n`))).status).toBe(413)
    }
  })
})

test('a body of very many chunks without content, small when it was sent, takes little memory', async () => {
  const { url } = await startTestApp()
  const empty = uncompressedChunk(Buffer.alloc(0))
  const frames = Buffer.concat([IDENTIFIER, Buffer.alloc(empty.length * 4_000_000, empty)])
  const before = process.memoryUsage().rss
  expect((await put(url, 'snappy, gzip', zlib.gzipSync(frames))).status).toBe(200)
  // The frames themselves are 32 MB, held twice while they are put together.
  expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000)
})

describe('many bodies at a time', () => {
  // Above a quarter of the 64 MiB that are held in any case.
  const BYTES_MAX = 17_000_000
  /** So many of the largest are held at a time. */
  const HELD = 4

  /** All of a body but its last byte. */
  async function halfPush(url: string, job: string): Promise<RawConnection> {
    const connection = await connectTo(url)
    const headers = [`Content-Length: ${BYTES_MAX}`]
    connection.write(rawRequest('PUT', `/metrics/job/${job}`, { headers }))
    connection.write(`m 1\n#${'x'.repeat(BYTES_MAX - 6)}`)
    return connection
  }

  /** Waits until the halves have come in: then not even a few bytes more are taken. */
  async function waitUntilFull(url: string): Promise<Answer> {
    return waitFor('the budget to be used up', async () => {
      const answer = await send('PUT', url, '/metrics/job/probe', { body: '#'.repeat(1000) + '\n' })
      return answer.status === 503 ? answer : undefined
    })
  }

  test('beyond the budget are answered 503, and served again when others are done', async () => {
    const { url } = await startTestApp(`--push.max-body-bytes=${BYTES_MAX}`)
    const halves: RawConnection[] = []
    for (let i = 0; i < HELD; i++) halves.push(await halfPush(url, `half${i}`))
    const refused = await waitUntilFull(url)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(refused.text).toContain('bytes of bodies are being read already')
    for (const half of halves) {
      half.write('\n')
      expect((await half.answer()).status).toBe(200)
    }
    const body = `m 1\n#${'x'.repeat(BYTES_MAX - 6)}\n`
    expect((await send('PUT', url, JOB, { body })).status).toBe(200)
  })

  test('count with what they become, not only with what was sent', async () => {
    const { url } = await startTestApp(`--push.max-body-bytes=${BYTES_MAX}`)
    const halves: RawConnection[] = []
    for (let i = 0; i < HELD - 1; i++) halves.push(await halfPush(url, `half${i}`))
    const body = Buffer.from(`m 1\n${'\n'.repeat(BYTES_MAX - 4)}`)
    for (const [, name, compress] of COMPRESSIONS) {
      // Without the halves there is room for it; with them, not for both forms of it.
      const answer = await waitFor('the halves to have come in', async () => {
        const given = await put(url, name, compress(body))
        return given.status === 503 ? given : undefined
      })
      expect(answer.text).toContain('bytes of bodies are being read already')
    }
    expect((await send('PUT', url, JOB, { body: 'small 1\n' })).status).toBe(200)
    for (const half of halves) half.destroy()
    await waitFor('the halves to be given up', async () => {
      return (await put(url, 'gzip', zlib.gzipSync(body))).status === 200 || undefined
    })
  })

  test('that are all bombs are all refused, with bounded memory', async () => {
    const { url } = await startTestApp('--push.max-body-bytes=8000000')
    const bomb = zlib.gzipSync(ZEROS)
    const before = process.memoryUsage().rss
    const answers = await Promise.all(Array.from({ length: 60 }, () => put(url, 'gzip', bomb)))
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000)
    const statuses = new Set(answers.map(({ status }) => status))
    statuses.delete(413)
    statuses.delete(503)
    expect([...statuses]).toEqual([])
    expect((await put(url, 'gzip', zlib.gzipSync('m 1\n'))).status).toBe(200)
  })
})
