/** Native histograms: sparse buckets, described by spans. */
import { describe, expect, test } from '@jest/globals'
import { parseProtobuf } from '../../../../server/exposition/protobuf/decode.ts'
import type { HistogramMetric } from '../../../../server/metrics/metric-family.ts'
import * as wire from './wire.ts'
import { double, integer, message, signed, span, zigzag } from './wire.ts'

function read(...fields: readonly Buffer[]): HistogramMetric {
  const [family] = parseProtobuf(wire.histogram(...fields), { utf8Names: false })
  if (family?.type !== 'histogram') throw new Error('it is no histogram')
  return family.metrics[0]!
}

const NOTHING = { spans: [], counts: [] }

/** Counts 2, 5 and 1, which are written as what each has more than the one before. */
const DELTAS = [2, 3, -4]
const SPANS = [span(12, -1, 2), span(12, 3, 1)]

const EXPECTED = {
  schema: 3,
  zeroThreshold: 0.25,
  zeroCount: 2,
  negative: { spans: [{ offset: 0, length: 1 }], counts: [4] },
  positive: {
    spans: [
      { offset: -1, length: 2 },
      { offset: 3, length: 1 },
    ],
    counts: [2, 5, 1],
  },
  exemplars: [],
}

const HEAD = [integer(1, 14), signed(5, 3), double(6, 0.25), integer(7, 2)]
const NEGATIVE = [span(9, 0, 1), signed(10, 4)]

describe('a native histogram of integers', () => {
  test.each([
    ['one by one', DELTAS.map((delta) => signed(13, delta))],
    ['packed', [message(13, ...DELTAS.map(zigzag))]],
    ['both', [message(13, zigzag(2)), signed(13, 3), message(13), message(13, zigzag(-4))]],
  ])('has the counts that its differences add up to: %s', (_, deltas) => {
    expect(read(...HEAD, ...NEGATIVE, ...SPANS, ...deltas)).toEqual({
      labels: [],
      buckets: [],
      sum: 0,
      count: 14,
      native: EXPECTED,
    })
  })

  test('may have classic buckets too', () => {
    const metric = read(integer(1, 1), integer(7, 1), message(3, integer(1, 1), double(2, 1)))
    expect(metric.buckets).toEqual([{ upperBound: 1, cumulativeCount: 1 }])
    expect(metric.native).toMatchObject({ zeroCount: 1, positive: NOTHING })
  })

  test('is told by counts of its own kind only: a whole zero count beside a float count is none', () => {
    expect(read(integer(7, 5), double(4, 1)).native).toBeUndefined()
    expect(read(double(8, 5), double(4, 5)).native).toMatchObject({ zeroCount: 5 })
  })

  test('keeps its exemplars', () => {
    const exemplar = message(16, double(2, 3), wire.time(3, 1, 2))
    expect(read(double(6, 0.1), exemplar, exemplar).native?.exemplars).toEqual([
      { labels: [], value: 3, timestamp: { seconds: 1, nanos: 2 } },
      { labels: [], value: 3, timestamp: { seconds: 1, nanos: 2 } },
    ])
  })

  test.each([5, 2])(
    'is taken as it is, as by the original, though its count of %i is not that of its buckets',
    (count) => {
      const metric = read(integer(1, count), integer(7, 3))
      expect([metric.count, metric.native?.zeroCount]).toEqual([count, 3])
    },
  )

  test('is told from an empty classic one by an empty span', () => {
    expect(read(span(12, 0, 0)).native).toEqual({
      schema: 0,
      zeroThreshold: 0,
      zeroCount: 0,
      negative: NOTHING,
      positive: { spans: [{ offset: 0, length: 0 }], counts: [] },
      exemplars: [],
    })
  })

  test('whose counts no double can hold becomes one of floats, of which Prometheus does not ask that they add up', () => {
    const count = 2n ** 53n + 3n
    const metric = read(
      integer(1, count),
      span(12, 0, 3),
      ...[1n, count - 3n, -count + 3n].map((delta) => signed(13, delta)),
      integer(7, 1),
    )
    expect(metric.hasFloatCounts).toBe(true)
    expect(metric.native?.positive.counts).toEqual([1, 2 ** 53, 1])
  })

  test('may lie as far out as spans reach', () => {
    const far = 2 ** 31 - 1
    const metric = read(
      integer(1, 2),
      span(12, -(2 ** 31), 1),
      span(12, far, 1),
      signed(13, 1),
      signed(13, 0),
    )
    expect(metric.native?.positive.spans).toEqual([
      { offset: -(2 ** 31), length: 1 },
      { offset: far, length: 1 },
    ])
  })
})

describe('a native histogram of floats', () => {
  const head = [double(4, 5), signed(5, 3), double(8, 0.5)]

  test.each([
    ['one by one', [double(14, 1.5), double(14, 3)]],
    ['packed', [message(14, wire.float64(1.5), wire.float64(3))]],
  ])('has its counts as they are: %s', (_, counts) => {
    expect(read(...head, span(12, 0, 2), ...counts)).toEqual({
      labels: [],
      buckets: [],
      sum: 0,
      count: 5,
      hasFloatCounts: true,
      native: {
        schema: 3,
        zeroThreshold: 0,
        zeroCount: 0.5,
        negative: NOTHING,
        positive: { spans: [{ offset: 0, length: 2 }], counts: [1.5, 3] },
        exemplars: [],
      },
    })
  })

  test.each([1e30, Infinity, NaN])('may count %d in a bucket', (count) => {
    const metric = read(double(4, 5), span(9, 0, 1), double(11, count))
    expect(metric.native?.negative.counts).toEqual([count])
  })
})

function failureOf(...fields: readonly Buffer[]): string {
  try {
    read(...fields)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('accepted')
}

describe('a native histogram is refused', () => {
  test.each<[what: string, fields: readonly Buffer[], says: string]>([
    [
      'whose spans describe more buckets than it has',
      [span(12, 0, 2), signed(13, 1)],
      'describe 2 buckets, it has 1',
    ],
    [
      'whose spans describe fewer',
      [span(9, 0, 1), signed(10, 1), signed(10, 1)],
      'describe 1 buckets, it has 2',
    ],
    ['that has buckets but no spans', [signed(13, 1)], 'describe 0 buckets, it has 1'],
    [
      'of floats that has its buckets as integers',
      [double(4, 1), span(12, 0, 1), signed(13, 1)],
      'describe 1 buckets, it has 0',
    ],
    [
      'of integers that has its buckets as floats',
      [integer(1, 1), span(12, 0, 1), double(14, 1)],
      'describe 1 buckets, it has 0',
    ],
    [
      'whose spans overlap',
      [integer(1, 2), span(12, 0, 1), span(12, -1, 1), signed(13, 1), signed(13, 0)],
      'overlapping spans',
    ],
    ['with a bucket below 0', [span(12, 0, 2), signed(13, 1), signed(13, -2)], 'less than 0'],
    [
      'of floats with a bucket below 0',
      [double(4, 1), span(12, 0, 1), double(14, -1)],
      'less than 0',
    ],
    [
      'with a bucket beyond 64 bits',
      [span(12, 0, 2), signed(13, 2n ** 63n - 1n), signed(13, 2n ** 63n - 1n)],
      'too much',
    ],
    ['of too fine a resolution', [signed(5, 9), integer(7, 1)], 'schema 9'],
    ['of too coarse a resolution', [signed(5, -5), integer(7, 1)], 'schema -5'],
  ])('%s', (_, fields, says) => {
    const failure = failureOf(...fields)
    expect(failure).toContain('in message 1 (byte 0): metric family "h": ')
    expect(failure).toContain(says)
  })

  test('at once, however many buckets its spans describe', () => {
    const spans = Array.from({ length: 10_000 }, () => span(12, 2 ** 31 - 1, 2 ** 32 - 1))
    expect(failureOf(...spans, signed(13, 1))).toContain(
      `describe ${10_000 * (2 ** 32 - 1)} buckets, it has 1`,
    )
  })

  test('when what is packed ends in the middle', () => {
    expect(failureOf(span(12, 0, 1), message(14, Buffer.alloc(9)))).toContain('it ends too early')
    expect(failureOf(span(12, 0, 1), message(13, Buffer.from([0x80])))).toContain(
      'it ends too early',
    )
    expect(failureOf(span(12, 0, 1), message(13, Buffer.alloc(11, 0xff)))).toContain('varint')
  })

  test('when its counts have another wire type', () => {
    expect(failureOf(double(13, 1))).toContain('field 13 has wire type 1 instead of 0')
    expect(failureOf(integer(14, 1))).toContain('field 14 has wire type 0 instead of 1')
  })
})
