import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Pieces } from '../../../../server/http/bodies/pieces.ts'

function joined(pieces: readonly Buffer[]): Buffer {
  const all = new Pieces()
  for (const piece of pieces) all.add(piece)
  return all.join()
}

test('pieces of any size are joined in their order', () => {
  const anySize = fc.oneof(fc.nat(3), fc.constantFrom(1023, 1024, 1025, 16_383, 16_384, 16_385))
  const anyPiece = fc
    .tuple(anySize, fc.nat(255))
    .map(([length, fill]) => Buffer.from(Array.from({ length }, (_, i) => (i + fill) & 0xff)))
  fc.assert(
    fc.property(fc.array(anyPiece, { maxLength: 40 }), (pieces) => {
      expect(joined(pieces).equals(Buffer.concat(pieces))).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('small pieces fill one block after the other', () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251))
  const pieces = Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1))
  expect(joined(pieces).equals(bytes)).toBe(true)
})

test('a single piece is not copied', () => {
  const piece = Buffer.from('m 1\n')
  expect(joined([piece])).toBe(piece)
})

test('no pieces are no bytes', () => {
  expect(joined([])).toHaveLength(0)
  expect(joined([Buffer.alloc(0)])).toHaveLength(0)
})

test('a million pieces of one byte take little more than a megabyte', () => {
  const before = process.memoryUsage()
  const pieces = new Pieces()
  for (let i = 0; i < 1_000_000; i++) pieces.add(Buffer.from([i & 0xff]))
  const { heapUsed, external } = process.memoryUsage()
  expect(pieces.join()).toHaveLength(1_000_000)
  // A hundred megabytes, where each piece is kept; what was not collected yet is in it too.
  expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(60_000_000)
})
