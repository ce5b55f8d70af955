import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { NativeHistogram } from '../../../server/metrics/metric-family.ts'
import { boundedBuckets } from '../../../server/metrics/native-buckets.ts'

const NOTHING = { spans: [], counts: [] }

function histogram(given: Partial<NativeHistogram>): NativeHistogram {
  return {
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    negative: NOTHING,
    positive: NOTHING,
    exemplars: [],
    ...given,
  }
}

/** `(lower, upper] count`, the brackets saying which bound is part of it. */
function shown(native: NativeHistogram): string[] {
  return boundedBuckets(native).map(
    ({ lower, upper, lowerInclusive, upperInclusive, count }) =>
      `${lowerInclusive ? '[' : '('}${lower}, ${upper}${upperInclusive ? ']' : ')'} ${count}`,
  )
}

describe('the buckets of a native histogram', () => {
  test('are powers of two at schema 0, the one with index 0 ending at 1', () => {
    const positive = { spans: [{ offset: 0, length: 3 }], counts: [1, 2, 3] }
    expect(shown(histogram({ positive }))).toEqual(['(0.5, 1] 1', '(1, 2] 2', '(2, 4] 3'])
  })

  test('are wider at negative schemas and narrower at positive ones', () => {
    const positive = { spans: [{ offset: 1, length: 1 }], counts: [1] }
    expect(shown(histogram({ schema: -2, positive }))).toEqual(['(1, 16] 1'])
    expect(shown(histogram({ schema: 1, positive }))).toEqual([`(1, ${Math.SQRT2}] 1`])
  })

  test('skip what lies between spans', () => {
    const positive = {
      spans: [
        { offset: 0, length: 1 },
        { offset: 2, length: 1 },
      ],
      counts: [1, 2],
    }
    expect(shown(histogram({ positive }))).toEqual(['(0.5, 1] 1', '(4, 8] 2'])
  })

  test('go from the most negative over the closed zero bucket to the most positive', () => {
    const side = { spans: [{ offset: 0, length: 2 }], counts: [1, 2] }
    expect(
      shown(histogram({ negative: side, positive: side, zeroThreshold: 0.25, zeroCount: 7 })),
    ).toEqual(['[-2, -1) 2', '[-1, -0.5) 1', '[-0.25, 0.25] 7', '(0.5, 1] 1', '(1, 2] 2'])
  })

  test('are left out where they counted nothing', () => {
    const positive = { spans: [{ offset: 0, length: 3 }], counts: [1, 0, 3] }
    expect(shown(histogram({ positive }))).toEqual(['(0.5, 1] 1', '(2, 4] 3'])
  })

  test('end with the largest number, then infinity', () => {
    const positive = { spans: [{ offset: 1024, length: 2 }], counts: [1, 2] }
    expect(boundedBuckets(histogram({ positive })).map(({ upper }) => upper)).toEqual([
      Number.MAX_VALUE,
      Infinity,
    ])
  })

  test('touch each other, at every schema and index', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -4, max: 8 }),
        fc.integer({ min: -1000, max: 1000 }),
        (schema, offset) => {
          const positive = { spans: [{ offset, length: 2 }], counts: [1, 1] }
          const [first, second] = boundedBuckets(histogram({ schema, positive }))
          expect(second!.lower).toBe(first!.upper)
          expect(first!.lower).toBeLessThanOrEqual(first!.upper)
        },
      ),
    )
  })
})
