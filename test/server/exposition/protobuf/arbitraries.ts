/** Random families with all that protobuf carries, and random changes of bytes. */
import fc from 'fast-check'
import type {
  Exemplar,
  HistogramMetric,
  Label,
  MetricFamily,
  NativeBuckets,
  NativeHistogram,
  Timestamp,
} from '../../../../server/metrics/metric-family.ts'
import { anyText } from '../text/arbitraries.ts'
import * as wire from './wire.ts'

const anyName = fc.oneof(
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/),
  anyText.filter((text) => text !== ''),
)

const value = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, Infinity, -Infinity, NaN, 1e6))
const bound = fc.oneof(fc.double(), fc.constantFrom(0.5, 1, Infinity))
/** Of 64 bits, as far as doubles can tell them apart. */
const count = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53, 2 ** 63, 2 ** 64 - 2 ** 11))
const floatCount = fc.double({ min: 0, noNaN: true }).map((number) => number + 0)
const positive = fc.double({ min: Number.MIN_VALUE, noNaN: true })

const timestamp: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.oneof(fc.maxSafeInteger(), fc.nat(), fc.constantFrom(0, -1)),
  nanos: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
})

function labels(special?: string): fc.Arbitrary<Label[]> {
  return fc
    .uniqueArray(fc.record({ name: anyName, value: anyText }), {
      maxLength: 3,
      selector: ({ name }) => name,
    })
    .filter((all) => all.every(({ name }) => name !== special && name !== '__name__'))
}

const exemplar: fc.Arbitrary<Exemplar> = fc.record(
  {
    labels: fc.array(fc.record({ name: anyText, value: anyText }), { maxLength: 2 }),
    value,
    timestamp,
  },
  { requiredKeys: ['labels', 'value'] },
)

const span = fc.record({ offset: fc.nat(2 ** 31 - 1), length: fc.nat(3) })

function side(counts: fc.Arbitrary<number>): fc.Arbitrary<NativeBuckets> {
  return fc.tuple(fc.array(span, { maxLength: 3 }), fc.integer()).chain(([spans, first]) => {
    const length = spans.reduce((total, one) => total + one.length, 0)
    return fc.record({
      // Only the first one may lie before where the last one ended.
      spans: fc.constant(spans.map((one, i) => (i === 0 ? { ...one, offset: first } : one))),
      counts: fc.array(counts, { minLength: length, maxLength: length }),
    })
  })
}

function native(counts: fc.Arbitrary<number>): fc.Arbitrary<NativeHistogram> {
  return fc.record({
    schema: fc.integer({ min: -4, max: 8 }),
    zeroThreshold: positive,
    zeroCount: counts,
    negative: side(counts),
    positive: side(counts),
    exemplars: fc.array(exemplar, { maxLength: 2 }),
  })
}

function totalOf({ zeroCount, negative, positive: upper }: NativeHistogram): number {
  return [zeroCount, ...negative.counts, ...upper.counts].reduce((a, b) => a + b, 0)
}

function buckets(counts: fc.Arbitrary<number>) {
  return fc.array(
    fc.record(
      { upperBound: bound, cumulativeCount: counts, exemplar },
      { requiredKeys: ['upperBound', 'cumulativeCount'] },
    ),
    { maxLength: 3 },
  )
}

const created = fc.option(timestamp, { nil: undefined })

const base = fc
  .record({ labels: labels('le'), sum: value, created })
  .map(({ created: time, ...rest }) => (time === undefined ? rest : { ...rest, created: time }))

const integerHistogram = fc
  .tuple(base, buckets(count), count)
  .map(([rest, all, total]): HistogramMetric => ({ ...rest, buckets: all, count: total }))

const floatHistogram = fc
  .tuple(base, buckets(floatCount), positive, fc.option(native(floatCount), { nil: undefined }))
  .map(([rest, all, total, sparse]): HistogramMetric => {
    const metric = { ...rest, buckets: all, count: total, hasFloatCounts: true }
    return sparse === undefined ? metric : { ...metric, native: sparse }
  })

const nativeHistogram = fc
  .tuple(base, buckets(fc.oneof(count, floatCount)), native(fc.nat()), fc.nat())
  .map(([rest, all, sparse, more]): HistogramMetric => {
    const beyond = Number.isNaN(rest.sum) ? more : 0
    return { ...rest, buckets: all, count: totalOf(sparse) + beyond, native: sparse }
  })

function distinct<Metric extends { labels: Label[] }>(
  metric: fc.Arbitrary<Metric>,
): fc.Arbitrary<Metric[]> {
  return fc.uniqueArray(metric, {
    minLength: 1,
    maxLength: 3,
    selector: (one) =>
      JSON.stringify(one.labels.map(({ name, value: text }) => [name, text]).sort()),
  })
}

const scalar = fc.record({ labels: labels(), value })
const counter = fc.record(
  { labels: labels(), value, exemplar, created: timestamp },
  { requiredKeys: ['labels', 'value'] },
)
const summary = fc.record(
  {
    labels: labels('quantile'),
    quantiles: fc.array(fc.record({ quantile: bound, value }), { maxLength: 3 }),
    sum: value,
    count: fc.oneof(count, fc.constant(2 ** 64)),
    created: timestamp,
  },
  { requiredKeys: ['labels', 'quantiles', 'sum', 'count'] },
)
const histogram = fc.oneof(integerHistogram, floatHistogram, nativeHistogram)

const head = fc
  .record({
    name: anyName,
    // What text drops does not come back from a store: blanks before a HELP, an empty one.
    help: fc.option(anyText, { nil: undefined }).map((text) => {
      const kept = text?.replace(/^[ \t]+/, '')
      return kept === '' ? undefined : kept
    }),
    unit: fc.option(fc.constantFrom('seconds', 'm/s', '%'), { nil: undefined }),
  })
  .map(({ unit, ...rest }) => (unit === undefined ? rest : { ...rest, unit }))

/** Families of all types with one to three metrics of different labels, as the decoder gives them. */
export const anyFamily: fc.Arbitrary<MetricFamily> = fc.oneof(
  fc
    .tuple(head, distinct(counter))
    .map(([first, metrics]): MetricFamily => ({ ...first, type: 'counter', metrics })),
  fc
    .tuple(head, fc.constantFrom('gauge' as const, 'untyped' as const), distinct(scalar))
    .map(([first, type, metrics]): MetricFamily => ({ ...first, type, metrics })),
  fc
    .tuple(head, distinct(summary))
    .map(([first, metrics]): MetricFamily => ({ ...first, type: 'summary', metrics })),
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        head,
        fc.constantFrom('histogram' as const, 'gaugehistogram' as const),
        distinct(histogram),
      )
      .map(([first, type, metrics]): MetricFamily => ({ ...first, type, metrics })),
  },
)

const someCount = fc.nat(3)
const someFloat = fc.constantFrom(0, 0.5, 1, 2, -1, NaN, Infinity)
const someSpan = (field: number) =>
  fc.tuple(fc.integer({ min: -1, max: 2 }), fc.nat(2)).map(([o, l]) => wire.span(field, o, l))

/** Histograms of any fields in any order, about half of which can be read. */
export const anyHistogramBody: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: someCount.map((number) => wire.integer(1, number)) },
      { weight: 2, arbitrary: someFloat.map((number) => wire.double(4, number)) },
      fc.constantFrom(1, NaN).map((number) => wire.double(2, number)),
      fc
        .tuple(someCount, someFloat)
        .map(([number, float]) => wire.message(3, wire.integer(1, number), wire.double(4, float))),
      fc.constantFrom(0, 3).map((schema) => wire.signed(5, schema)),
      someFloat.map((number) => wire.double(6, number)),
      someCount.map((number) => wire.integer(7, number)),
      someFloat.map((number) => wire.double(8, number)),
      ...[9, 12].flatMap((field) => [
        someSpan(field),
        fc.integer({ min: -1, max: 1 }).map((number) => wire.signed(field + 1, number)),
        someFloat.map((number) => wire.double(field + 2, number)),
      ]),
    ),
    { maxLength: 8 },
  )
  .map((fields) => wire.histogram(...fields))

export interface ByteEdit {
  readonly kind: 'set' | 'drop' | 'double' | 'cut'
  /** As a part of the length. */
  readonly at: number
  readonly byte: number
}

export const anyByteEdits: fc.Arbitrary<ByteEdit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'set', 'set', 'drop', 'double', 'cut'),
    // Not fc.double, most of which are next to 0.
    at: fc.nat(9999).map((part) => part / 10_000),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 3 },
)

export function edited(bytes: Buffer, edits: readonly ByteEdit[]): Buffer {
  let result = bytes
  for (const { kind, at, byte } of edits) {
    const i = Math.floor(at * result.length)
    const [before, after] = [result.subarray(0, i), result.subarray(i + 1)]
    if (kind === 'set') result = Buffer.concat([before, Buffer.from([byte]), after])
    else if (kind === 'drop') result = Buffer.concat([before, after])
    else if (kind === 'double')
      result = Buffer.concat([result.subarray(0, i + 1), result.subarray(i)])
    else result = before
  }
  return result
}
