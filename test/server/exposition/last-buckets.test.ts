import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { haveLastBuckets } from '../../../server/exposition/stored-family.ts'
import { completeBuckets, renderFamilySamples } from '../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../server/metrics/metric-family.ts'

const label = fc.record({
  name: fc.constantFrom('a', 'zle', 'le_', 'p.d'),
  value: fc.constantFrom('', 'x', '+Inf', '",le="+Inf"} 1', '\nh_sum 1', '{a,le="+Inf"} '),
})
const bucket = fc.record({
  upperBound: fc.constantFrom(1, 2.5, Infinity),
  cumulativeCount: fc.nat(9),
})
const histogram: fc.Arbitrary<MetricFamily> = fc.record({
  name: fc.constantFrom('h', 'h_sum', 'h_bucket', 'h.d'),
  type: fc.constant('histogram' as const),
  help: fc.constant(undefined),
  metrics: fc.array(
    fc.record({
      labels: fc.uniqueArray(label, { selector: ({ name }) => name, maxLength: 2 }),
      buckets: fc.uniqueArray(bucket, { selector: ({ upperBound }) => upperBound, maxLength: 3 }),
      sum: fc.nat(9),
      count: fc.nat(9),
    }),
    { maxLength: 3 },
  ),
})

test('what is said to have its last buckets has them', () => {
  let complete = 0
  fc.assert(
    fc.property(histogram, (family) => {
      if (!haveLastBuckets(Buffer.from(renderFamilySamples(family)))) return
      complete++
      expect(completeBuckets(family)).toBe(family)
    }),
    { numRuns: 2000 },
  )
  expect(complete).toBeGreaterThan(20)
})

describe('usual histograms', () => {
  test.each<[what: string, lines: string, expected: boolean]>([
    ['of one metric', 'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n', true],
    [
      'of two metrics',
      'h_bucket{a="1",le="+Inf"} 2\nh_sum{a="1"} 1\nh_count{a="1"} 2\nh_bucket{a="2",le="+Inf"} 2\nh_sum{a="2"} 1\nh_count{a="2"} 2\n',
      true,
    ],
    ['without the bucket', 'h_bucket{le="1"} 1\nh_sum 1\nh_count 2\n', false],
    ['without buckets', 'h_sum 1\nh_count 2\n', false],
    ['of a label that ends in le', 'h_bucket{zle="+Inf"} 2\nh_sum 1\nh_count 2\n', false],
    ['of nothing', '', false],
  ])('%s', (_, lines, expected) => {
    expect(haveLastBuckets(Buffer.from(lines))).toBe(expected)
  })
})
