import { describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { joinGzip, joinPlain, RopePart, type Rope } from '../../../server/view/rope.ts'

const anyParts = fc.array(
  fc.oneof(
    fc.constant(Buffer.alloc(0)),
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.string({ maxLength: 20 }).map((text) => Buffer.from(text.repeat(50))),
  ),
  { maxLength: 6 },
)

function partsOf(buffers: readonly Buffer[]): RopePart[] {
  return buffers.map((buffer) => new RopePart(buffer))
}

function bytesOf({ parts, byteLength }: Rope): Buffer {
  const bytes = Buffer.concat(parts)
  expect(bytes.length).toBe(byteLength)
  return bytes
}

/** Unzips one gzip member, which must be all there is. */
function gunzipMember(bytes: Buffer): Buffer {
  const { buffer, engine } = zlib.gunzipSync(bytes, { info: true }) as unknown as {
    buffer: Buffer
    engine: zlib.Gunzip
  }
  expect(engine.bytesWritten).toBe(bytes.length)
  // A second member would begin with a header of its own; raw inflate stops where the first ends.
  const raw = zlib.inflateRawSync(bytes.subarray(10), { info: true }) as unknown as {
    buffer: Buffer
    engine: zlib.InflateRaw
  }
  expect(raw.engine.bytesWritten).toBe(bytes.length - 10 - 8)
  expect(raw.buffer.equals(buffer)).toBe(true)
  return buffer
}

test('joined plain parts are the parts in order', () => {
  fc.assert(
    fc.property(anyParts, (buffers) => {
      expect(bytesOf(joinPlain(partsOf(buffers))).equals(Buffer.concat(buffers))).toBe(true)
    }),
  )
})

test('joined gzip parts are one gzip member of all the parts in order', () => {
  fc.assert(
    fc.property(anyParts, (buffers) => {
      const unzipped = gunzipMember(bytesOf(joinGzip(partsOf(buffers))))
      expect(unzipped.equals(Buffer.concat(buffers))).toBe(true)
    }),
    { numRuns: 300 },
  )
})

describe('a gzip rope', () => {
  test.each<[what: string, buffers: Buffer[]]>([
    ['of no parts is an empty file', []],
    ['of empty parts is an empty file', [Buffer.alloc(0), Buffer.alloc(0)]],
    ['of one byte is that byte', [Buffer.from('x')]],
    ['may begin and end with empty parts', [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(0)]],
    ['may hold large parts', [Buffer.alloc(300_000, 'm 1\n'), Buffer.alloc(1 << 20, 0)]],
    [
      'may hold what does not compress',
      [Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 255))],
    ],
    ['may hold a gzip file', [zlib.gzipSync('x'), zlib.gzipSync('y')]],
  ])('%s', (_, buffers) => {
    expect(gunzipMember(bytesOf(joinGzip(partsOf(buffers)))).equals(Buffer.concat(buffers))).toBe(
      true,
    )
  })

  test('may use a part twice, and one part may be in several ropes', () => {
    const part = new RopePart(Buffer.from('again and again\n'))
    const other = new RopePart(Buffer.from('other\n'))
    expect(gunzipMember(bytesOf(joinGzip([part, other, part]))).toString()).toBe(
      'again and again\nother\nagain and again\n',
    )
    expect(gunzipMember(bytesOf(joinGzip([other, part]))).toString()).toBe(
      'other\nagain and again\n',
    )
    expect(bytesOf(joinPlain([part])).toString()).toBe('again and again\n')
  })

  test('is the same bytes for the same parts', () => {
    const rope = (): Buffer => bytesOf(joinGzip(partsOf([Buffer.from('a\n'), Buffer.from('b\n')])))
    expect(rope().equals(rope())).toBe(true)
  })

  test('is smaller than what it holds', () => {
    const page = Array.from({ length: 2000 }, (_, i) => `m{instance="i${i}",job="j"} ${i}\n`).join(
      '',
    )
    expect(joinGzip([new RopePart(Buffer.from(page))]).byteLength).toBeLessThan(page.length / 4)
  })
})

test.each([
  ['compresses well', Buffer.alloc(60_000, 'up 1\n')],
  ['does not compress', randomBytes(60_000)],
  ['is short', Buffer.from('up 1\n')],
])('compressed, a part that %s takes no more memory than its bytes', (_, plain) => {
  const { deflated } = new RopePart(plain).deflate()
  expect(deflated.buffer.byteLength).toBe(deflated.length)
})

test('a part is compressed once', () => {
  const part = new RopePart(Buffer.from('x'.repeat(1000)))
  expect(part.deflate()).toBe(part.deflate())
})
