/** A push in protobuf with families of every type, and what only some formats carry. */
import { encodeFamily, encodeLength } from '../../server/exposition/protobuf/encode.ts'
import type { MetricFamily } from '../../server/metrics/metric-family.ts'
import type { RequestOptions } from '../support/http.ts'

export const NOW = { seconds: Math.floor(Date.now() / 1000), nanos: 0 }
const EXEMPLAR = { labels: [{ name: 'trace_id', value: 'abc' }], value: 1, timestamp: NOW }

const FAMILIES: readonly MetricFamily[] = [
  {
    name: 'runs_total',
    type: 'counter',
    help: 'Runs.',
    metrics: [{ labels: [], value: 3, exemplar: EXEMPLAR, created: NOW }],
  },
  {
    name: 'plain_counter',
    type: 'counter',
    help: 'A counter without _total.',
    metrics: [{ labels: [], value: 4 }],
  },
  // Its bound is not whole: of what it reads as protobuf, Prometheus 2 itself makes `le="1.0"` of 1.
  {
    name: 'classic',
    type: 'histogram',
    help: 'Classic.',
    metrics: [{ labels: [], buckets: [{ upperBound: 1.5, cumulativeCount: 1 }], sum: 3, count: 2 }],
  },
  {
    name: 'native',
    type: 'histogram',
    help: 'Native.',
    metrics: [
      {
        labels: [],
        buckets: [],
        sum: 6,
        count: 4,
        native: {
          schema: 0,
          zeroThreshold: 0.001,
          zeroCount: 1,
          negative: { spans: [], counts: [] },
          positive: { spans: [{ offset: 0, length: 2 }], counts: [1, 2] },
          exemplars: [],
        },
      },
    ],
  },
  {
    name: 'sizes',
    type: 'summary',
    help: 'Sizes.',
    metrics: [{ labels: [], quantiles: [{ quantile: 0.5, value: 7 }], sum: 8, count: 9 }],
  },
]

const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/** Of a PUT or POST. */
export function everyType(): Required<Pick<RequestOptions, 'headers' | 'body'>> {
  const messages = FAMILIES.map(encodeFamily)
  const body = Buffer.concat(messages.flatMap((message) => [encodeLength(message.length), message]))
  return { headers: { 'Content-Type': PROTOBUF }, body }
}
