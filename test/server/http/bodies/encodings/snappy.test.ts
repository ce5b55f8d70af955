import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compress } from 'snappyjs'
import { decompressSnappy } from '../../../../../server/http/bodies/encodings/decompress.ts'
import { readSnappyFrames } from '../../../../../server/http/bodies/encodings/snappy.ts'
import {
  BLOCK_BYTES,
  chunk,
  compressedChunk,
  dataChunk,
  IDENTIFIER,
  snappySync,
  uncompressedChunk,
} from '../../../../support/snappy.ts'

function read(stream: Buffer): Buffer {
  return Buffer.concat([...readSnappyFrames(stream)].map(({ content }) => content))
}

/** Bytes that no compression makes smaller, always the same. */
function incompressible(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  // Long and repetitive: copies of all lengths, near and far, also into themselves.
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 200_000 }))
    .map(([pattern, length]) => Buffer.alloc(length, Buffer.from(pattern))),
  fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { minLength: 1, maxLength: 20 }).map((cuts) => {
    const source = incompressible(6000)
    return Buffer.concat(cuts.map(([start, length]) => source.subarray(start, start + length)))
  }),
)

const anySkipped = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0x80, max: 0xfe }), fc.constant(0xfe)),
    fc.uint8Array({ maxLength: 50 }),
  )
  .map(([type, data]) => chunk(type, Buffer.from(data)))

describe('framed snappy', () => {
  test('is what was compressed, for whatever bytes', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(read(snappySync(bytes)).equals(bytes)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['60 bytes, whose literal has its length in the tag', incompressible(60)],
    ['61 bytes, whose literal has one byte of length', incompressible(61)],
    ['257 bytes, whose literal has two bytes of length', incompressible(257)],
    ['a chunk as large as it may be', incompressible(BLOCK_BYTES)],
    ['one byte more', incompressible(BLOCK_BYTES + 1)],
    ['a megabyte of zeros', Buffer.alloc(2 ** 20)],
    ['a megabyte that cannot be compressed', incompressible(2 ** 20)],
  ])('of %s is read', (_, bytes) => {
    expect(read(snappySync(bytes)).equals(bytes)).toBe(true)
  })

  test('may have chunks of all kinds, and others between them that say nothing', () => {
    const anyPart = fc.oneof(
      anyBytes
        .map((bytes) => bytes.subarray(0, BLOCK_BYTES))
        .chain((bytes) =>
          fc
            .constantFrom(compressedChunk, uncompressedChunk)
            .map((make) => ({ bytes, part: make(bytes) })),
        ),
      anySkipped.map((part) => ({ bytes: Buffer.alloc(0), part })),
      fc.constant({ bytes: Buffer.alloc(0), part: IDENTIFIER }),
    )
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 12 }), (parts) => {
        const stream = Buffer.concat([IDENTIFIER, ...parts.map(({ part }) => part)])
        const bytes = Buffer.concat(parts.map((part) => part.bytes))
        expect(read(stream).equals(bytes)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('may have literals and copies with longer lengths and offsets than they need', () => {
    const content = Buffer.from('abcdabcd')
    const block = Buffer.concat([
      Buffer.from([0x88, 0x00]),
      Buffer.from([63 << 2, 3, 0, 0, 0]),
      Buffer.from('abcd'),
      Buffer.from([((4 - 1) << 2) | 3, 4, 0, 0, 0]),
    ])
    const stream = Buffer.concat([IDENTIFIER, dataChunk(0, content, block)])
    expect(read(stream).equals(content)).toBe(true)
  })

  test('without any chunk is nothing, not even a stream', () => {
    expect(read(Buffer.alloc(0))).toHaveLength(0)
  })
})

describe('a damaged stream is refused with what is wrong', () => {
  const good = snappySync('m 1\nm{a="b"} 2\n')
  const abcd = Buffer.from('abcd')

  /** A stream of one compressed chunk: this block, said to be `content`. */
  function streamOf(block: readonly number[], content: Buffer = abcd): Buffer {
    return Buffer.concat([IDENTIFIER, dataChunk(0, content, Buffer.from(block))])
  }

  const LITERAL_ABCD = [3 << 2, ...abcd]

  test.each<[title: string, stream: Buffer, reason: string]>([
    ['plain text', Buffer.from('m 1\n'), 'the stream identifier is missing'],
    ['a chunk without identifier before it', good.subarray(10), 'the stream identifier is missing'],
    [
      'padding before the identifier',
      Buffer.concat([chunk(0xfe, abcd), good]),
      'the stream identifier is missing',
    ],
    [
      'raw snappy without frames',
      compress(Buffer.from('m 1\n')),
      'the stream identifier is missing',
    ],
    ['another identifier', chunk(0xff, Buffer.from('sNaPpy')), 'the stream identifier is damaged'],
    ['a shorter identifier', chunk(0xff, Buffer.from('sNaPp')), 'the stream identifier is damaged'],
    [
      'a second identifier that is damaged',
      Buffer.concat([good, chunk(0xff, Buffer.from('sNaPpYy'))]),
      'the stream identifier is damaged',
    ],
    [
      'a chunk too short for a checksum',
      Buffer.concat([IDENTIFIER, chunk(0, Buffer.from('abc'))]),
      'a chunk is too short for its checksum',
    ],
    [
      'an uncompressed chunk with the checksum of other data',
      Buffer.concat([IDENTIFIER, dataChunk(1, abcd, Buffer.from('abce'))]),
      'a chunk does not fit its checksum',
    ],
    [
      'a compressed chunk with the checksum of other data',
      Buffer.concat([IDENTIFIER, dataChunk(0, abcd, compress(Buffer.from('abce')))]),
      'a chunk does not fit its checksum',
    ],
    [
      'an uncompressed chunk of one byte too many',
      Buffer.concat([IDENTIFIER, uncompressedChunk(Buffer.alloc(BLOCK_BYTES + 1))]),
      'a chunk is too large',
    ],
    [
      'a compressed chunk of one byte too many',
      Buffer.concat([IDENTIFIER, compressedChunk(Buffer.alloc(BLOCK_BYTES + 1))]),
      'a chunk is too large',
    ],
    ['a block that says 2 GB', streamOf([0xff, 0xff, 0xff, 0xff, 0x07, 0]), 'a chunk is too large'],
    ['a block without a length', streamOf([]), 'a block ends inside its length'],
    ['a block of half a length', streamOf([0x80, 0x80]), 'a block ends inside its length'],
    [
      'a length of more bytes than a varint has',
      streamOf([...Array<number>(10).fill(0x80), 4, ...LITERAL_ABCD]),
      'the length of a block is no varint',
    ],
    [
      'a length of thousands of bytes',
      streamOf([...Array<number>(5000).fill(0x80), 4, ...LITERAL_ABCD]),
      'the length of a block is no varint',
    ],
    [
      'a block shorter than it says',
      streamOf([5, ...LITERAL_ABCD]),
      'a block is shorter than it says',
    ],
    ['a block that is empty and says it is not', streamOf([4]), 'a block is shorter than it says'],
    [
      'a literal longer than the block says',
      streamOf([3, ...LITERAL_ABCD]),
      'a block is longer than it says',
    ],
    [
      'a copy longer than the block says',
      streamOf([7, ...LITERAL_ABCD, (3 << 2) | 2, 4, 0]),
      'a block is longer than it says',
    ],
    ['a literal that is cut off', streamOf([4, 3 << 2, 97, 98]), 'a block ends inside a literal'],
    [
      'a literal of 4 GB',
      streamOf([4, 63 << 2, 255, 255, 255, 255, 97]),
      'a block ends inside a literal',
    ],
    [
      'a literal whose length is cut off',
      streamOf([4, 61 << 2, 1]),
      'a block ends inside an element',
    ],
    [
      'a copy that is cut off',
      streamOf([8, ...LITERAL_ABCD, (3 << 2) | 3, 4, 0]),
      'a block ends inside an element',
    ],
    [
      'a copy from before the beginning',
      streamOf([8, ...LITERAL_ABCD, (3 << 2) | 2, 5, 0]),
      'a block copies from before its beginning',
    ],
    [
      'a short copy from before the beginning',
      streamOf([8, ...LITERAL_ABCD, 1, 5]),
      'a block copies from before its beginning',
    ],
    [
      'a copy from where it begins itself',
      streamOf([8, ...LITERAL_ABCD, (3 << 2) | 2, 0, 0]),
      'a block copies from before its beginning',
    ],
    [
      'a copy at the very beginning',
      streamOf([4, 1, 1]),
      'a block copies from before its beginning',
    ],
  ])('%s', (_, stream, reason) => {
    expect(() => read(stream)).toThrow(new Error(reason))
  })

  test.each(Array.from({ length: 0x7f - 0x02 + 1 }, (_, i) => 0x02 + i))(
    'a chunk of the reserved type %i, which may not be skipped',
    (type) => {
      const hex = type.toString(16).padStart(2, '0')
      const stream = Buffer.concat([good, chunk(type, Buffer.alloc(0))])
      expect(() => read(stream)).toThrow(new Error(`chunk type 0x${hex} is unknown`))
    },
  )

  test('a stream that ends anywhere but behind a chunk', () => {
    const stream = Buffer.concat([good, chunk(0xfe, abcd), uncompressedChunk(abcd)])
    const ends = [0, IDENTIFIER.length, good.length, good.length + 8, stream.length]
    for (let end = 0; end <= stream.length; end++) {
      if (ends.includes(end)) {
        expect(() => read(stream.subarray(0, end))).not.toThrow()
      } else {
        expect(() => read(stream.subarray(0, end))).toThrow(
          /^the stream ends inside a chunk( header)?$/,
        )
      }
    }
  })

  test('one flipped bit of a data chunk', () => {
    const content = Buffer.from('m{a="abcabcabcabcabcabc"} 1\n')
    for (const make of [compressedChunk, uncompressedChunk]) {
      const stream = Buffer.concat([IDENTIFIER, make(content)])
      for (let bit = (IDENTIFIER.length + 4) * 8; bit < stream.length * 8; bit++) {
        const damaged = Buffer.from(stream)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        // An overlong length or offset may say the same: then nothing is wrong with it.
        let outcome: Buffer | undefined
        try {
          outcome = read(damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
        if (outcome !== undefined) expect(outcome.equals(content)).toBe(true)
      }
    }
  })
})

describe('decompression of snappy', () => {
  test('counts every piece before it goes on, and ends at once when it is refused', async () => {
    const stream = snappySync(Buffer.alloc(10 * BLOCK_BYTES))
    const taken: number[] = []
    const take = (bytes: number): void => {
      taken.push(bytes)
      if (taken.length === 3) throw new Error('enough')
    }
    await expect(decompressSnappy(stream, take)).rejects.toThrow('enough')
    expect(taken.filter((bytes) => bytes > 0).length).toBeLessThanOrEqual(3)
    expect(taken).toHaveLength(3)
  })

  test('gives others a turn, also between chunks without content', async () => {
    const empty = uncompressedChunk(Buffer.alloc(0))
    for (const body of [
      snappySync(Buffer.alloc(4 * 2 ** 20)),
      Buffer.concat([IDENTIFIER, Buffer.alloc(empty.length * 500_000, empty)]),
      Buffer.concat([IDENTIFIER, Buffer.alloc(4 * 1_000_000, chunk(0xfe, Buffer.alloc(0)))]),
    ]) {
      let turns = 0
      let isDone = false
      const count = (): void => {
        turns++
        if (!isDone) setImmediate(count)
      }
      setImmediate(count)
      await decompressSnappy(body, () => undefined)
      isDone = true
      expect(turns).toBeGreaterThan(2)
    }
  })

  test('keeps nothing of a million chunks without content', async () => {
    const empty = uncompressedChunk(Buffer.alloc(0))
    const body = Buffer.concat([IDENTIFIER, Buffer.alloc(empty.length * 1_000_000, empty)])
    const before = process.memoryUsage().heapUsed
    expect(await decompressSnappy(body, () => undefined)).toHaveLength(0)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000)
  })
})
