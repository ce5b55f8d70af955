import { describe, expect, test } from '@jest/globals'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { combineCrc32, shiftFactor } from '../../../server/view/crc32-combine.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))

function combined(parts: readonly Buffer[]): number {
  return parts.reduce(
    (crc, part) => combineCrc32(crc, zlib.crc32(part), shiftFactor(part.length)),
    0,
  )
}

test('the CRC of joined parts follows from the CRCs and lengths of the parts', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 6 }), (parts) => {
      expect(combined(parts)).toBe(zlib.crc32(Buffer.concat(parts)))
    }),
    { numRuns: 500 },
  )
})

describe('lengths', () => {
  test.each([0, 1, 2, 7, 8, 255, 256, 65_535, 65_536, 1_000_003])('%d bytes', (length) => {
    const [a, b] = [Buffer.from('before'), Buffer.alloc(length, 'xyz')]
    expect(combined([a, b])).toBe(zlib.crc32(Buffer.concat([a, b])))
    expect(combined([b, a])).toBe(zlib.crc32(Buffer.concat([b, a])))
  })
})

describe('beyond what can be tried out', () => {
  const length = fc.integer({ min: 0, max: 2 ** 40 })
  const crc = fc.integer({ min: 1, max: 2 ** 32 - 1 })

  test('the factor of a sum of lengths shifts as far as their factors one after the other', () => {
    fc.assert(
      fc.property(length, length, crc, (a, b, start) => {
        const stepwise = combineCrc32(combineCrc32(start, 0, shiftFactor(a)), 0, shiftFactor(b))
        expect(combineCrc32(start, 0, shiftFactor(a + b))).toBe(stepwise)
        expect(stepwise).not.toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  test('factors come again after 2^32 - 1 bytes, the polynomial being primitive', () => {
    fc.assert(
      fc.property(length, (bytes) => {
        expect(shiftFactor(bytes + 2 ** 32 - 1)).toBe(shiftFactor(bytes))
      }),
      { numRuns: 500 },
    )
  })
})

test('a CRC is an unsigned number of 32 bits', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const crc = combined([a, b])
      expect(Number.isInteger(crc) && crc >= 0 && crc < 2 ** 32).toBe(true)
    }),
  )
})
