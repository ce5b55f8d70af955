/** What the values of metrics mean, one rule a row; decode.test.ts runs them. */
import type { HistogramMetric, MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { EXEMPLAR, exemplarIn, TIME, timeIn, type AcceptedCase } from './accepted.ts'
import * as wire from './wire.ts'
import { counter, double, family, integer, message, metric } from './wire.ts'

const NAN_WITH_PAYLOAD = Buffer.from('010203040506f8ff', 'hex')

function counterOf(value: number): MetricFamily[] {
  return [{ name: 'm', help: undefined, type: 'counter', metrics: [{ labels: [], value }] }]
}

const NUMBERS: readonly AcceptedCase[] = [
  ...[-0, Infinity, -Infinity, NaN, 5e-324, Number.MAX_VALUE].map((value) => ({
    what: `the value ${Object.is(value, -0) ? '-0' : value}`,
    body: family('m', metric(counter(value))),
    families: counterOf(value),
  })),
  {
    what: 'a NaN of any bits',
    body: family('m', metric(message(3, wire.tag(1, 1), NAN_WITH_PAYLOAD))),
    families: counterOf(NaN),
  },
  ...[2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n].map((count) => ({
    what: `the count ${count}, as the nearest double`,
    body: family('m', wire.SUMMARY, metric(message(4, integer(1, count)))),
    families: [
      {
        name: 'm',
        help: undefined,
        type: 'summary' as const,
        metrics: [{ labels: [], quantiles: [], sum: 0, count: Number(count) }],
      },
    ],
  })),
]

function histogramOf(given: Partial<HistogramMetric>): MetricFamily[] {
  const value = { labels: [], buckets: [], sum: 0, count: 0, ...given }
  return [{ name: 'h', help: undefined, type: 'histogram', metrics: [value] }]
}

const CLASSIC_HISTOGRAMS: readonly AcceptedCase[] = [
  {
    what: 'a classic histogram, its buckets in their order',
    body: wire.histogram(
      integer(1, 3),
      double(2, 4.5),
      message(3, integer(1, 3), double(2, Infinity)),
      message(3, integer(1, 1), double(2, 1), exemplarIn(3)),
      timeIn(15),
    ),
    families: histogramOf({
      buckets: [
        { upperBound: Infinity, cumulativeCount: 3 },
        { upperBound: 1, cumulativeCount: 1, exemplar: EXEMPLAR },
      ],
      sum: 4.5,
      count: 3,
      created: TIME,
    }),
  },
  { what: 'a histogram without a field', body: wire.histogram(), families: histogramOf({}) },
  {
    what: 'a classic histogram of floats',
    body: wire.histogram(double(4, 2.5), message(3, double(4, 1.5), double(2, 1))),
    families: histogramOf({
      buckets: [{ upperBound: 1, cumulativeCount: 1.5 }],
      count: 2.5,
      hasFloatCounts: true,
    }),
  },
  {
    what: 'counts that are NaN, as pushed as text',
    body: wire.histogram(double(4, NaN), message(3, double(4, NaN), double(2, 1))),
    families: histogramOf({ buckets: [{ upperBound: 1, cumulativeCount: NaN }], count: NaN }),
  },
  {
    what: 'a classic histogram that says the resolution of a native one, but has no spans',
    body: wire.histogram(
      integer(1, 3),
      wire.signed(5, 0),
      double(6, 0),
      integer(7, 0),
      message(3, integer(1, 3), double(2, 1)),
    ),
    families: histogramOf({ buckets: [{ upperBound: 1, cumulativeCount: 3 }], count: 3 }),
  },
  {
    what: 'a gauge histogram',
    body: family('h', wire.GAUGE_HISTOGRAM, metric(message(7, integer(1, 1), double(2, -2)))),
    families: [
      {
        name: 'h',
        help: undefined,
        type: 'gaugehistogram',
        metrics: [{ labels: [], buckets: [], sum: -2, count: 1 }],
      },
    ],
  },
]

export const ACCEPTED_VALUES: readonly AcceptedCase[] = [...NUMBERS, ...CLASSIC_HISTOGRAMS]
