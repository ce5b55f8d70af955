/** What fuzzing begins with: the corpora of the parsers' tests, and bodies made for it. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { encodeFamily, encodeLength } from '../../server/exposition/protobuf/encode.ts'
import type { MetricFamily } from '../../server/metrics/metric-family.ts'

const EXPOSITIONS = path.join(import.meta.dirname, '../server/exposition')

/** The bodies in the corpora of one format: `text` or `openmetrics`. */
export function corpusBodies(format: string): Buffer[] {
  const folder = path.join(EXPOSITIONS, format)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('corpus'))
    .filter((entry) => /\.(txt|om|prom|canonical)$/.test(entry.name))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)))
}

const TIME = { seconds: 1_600_000_000, nanos: 500_000_000 }
const EXEMPLAR = { labels: [{ name: 'trace_id', value: 'a' }], value: 0.5, timestamp: TIME }

/** Of every type, with everything a family can have. */
export const FAMILIES: readonly MetricFamily[] = [
  {
    name: 'c_seconds_total',
    type: 'counter',
    help: 'Says "much".',
    unit: 'seconds',
    metrics: [
      { labels: [], value: 3, exemplar: EXEMPLAR, created: TIME },
      { labels: [{ name: 'a', value: 'b' }], value: 2 ** 60 },
    ],
  },
  {
    name: 'g',
    type: 'gauge',
    help: undefined,
    metrics: [
      { labels: [{ name: 'instance', value: '' }], value: -1.5 },
      { labels: [{ name: 'zone', value: 'x' }], value: NaN },
    ],
  },
  { name: 'ü.ntyped', type: 'untyped', help: 'A\\B\nC', metrics: [{ labels: [], value: 1e-9 }] },
  {
    name: 's',
    type: 'summary',
    help: 'S',
    metrics: [
      {
        labels: [{ name: 'a', value: 'é"\\\n' }],
        quantiles: [
          { quantile: 0.5, value: 1 },
          { quantile: NaN, value: 2 },
        ],
        sum: 3,
        count: 4,
        created: TIME,
      },
    ],
  },
  {
    name: 'h',
    type: 'histogram',
    help: 'H',
    metrics: [
      {
        labels: [],
        buckets: [
          { upperBound: 1, cumulativeCount: 1, exemplar: EXEMPLAR },
          { upperBound: Infinity, cumulativeCount: 2 },
        ],
        sum: 3,
        count: 2,
      },
      {
        labels: [{ name: 'a', value: '' }],
        buckets: [{ upperBound: 1, cumulativeCount: 1.5 }],
        sum: 3,
        count: 2.5,
        hasFloatCounts: true,
      },
    ],
  },
  {
    name: 'n',
    type: 'histogram',
    help: 'Native.',
    metrics: [
      {
        labels: [],
        buckets: [],
        sum: 6,
        count: 10,
        native: {
          schema: 0,
          zeroThreshold: 0.001,
          zeroCount: 1,
          negative: { spans: [{ offset: -2, length: 1 }], counts: [3] },
          positive: {
            spans: [
              { offset: 0, length: 2 },
              { offset: 3, length: 1 },
            ],
            counts: [1, 2, 3],
          },
          exemplars: [EXEMPLAR],
        },
      },
    ],
  },
  {
    name: 'gh',
    type: 'gaugehistogram',
    help: undefined,
    metrics: [{ labels: [], buckets: [{ upperBound: 0, cumulativeCount: 1 }], sum: -1, count: 1 }],
  },
]

/** A family alone, and all in one body. */
export function protobufBodies(): Buffer[] {
  const bodies = FAMILIES.map((family) => {
    const message = encodeFamily(family)
    return Buffer.concat([encodeLength(message.length), message])
  })
  return [...bodies, Buffer.concat(bodies)]
}

export const OPENMETRICS_BODIES: readonly Buffer[] = [
  '# TYPE c counter\n# UNIT c seconds\n# HELP c C\nc_total 1 # {trace_id="a"} 0.5 1.5\nc_created 1.6e9\n# EOF\n',
  '# TYPE h histogram\nh_bucket{le="1.0"} 1 # {} 0.5\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\nh_created 1\n# EOF\n',
  '# TYPE g gaugehistogram\ng_bucket{le="+Inf"} 2\ng_gcount 2\ng_gsum -3\n# EOF\n',
  '# TYPE i info\ni_info{version="1"} 1\n# TYPE s stateset\ns{s="a"} 1\ns{s="b"} 0\n# EOF\n',
  '# TYPE q summary\nq{quantile="0.5"} 1\nq_sum 1\nq_count 1\nq_created 5\n# TYPE u unknown\nu 1 1.5\n# EOF\n',
  '# TYPE "ü" counter\n{"ü_total","ä"="ö"} 1 # {"ß"="x"} 1 -0.5\n# EOF\n',
].map((text) => Buffer.from(text))

export const TEXT_BODIES: readonly Buffer[] = [
  '# HELP m A help\\\\ of \\n lines.\n# TYPE m counter\nm{a="b\\"\\\\\\n",c="é"} 1 \n',
  '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count -1\ns{quantile="nan"} 1\n',
  '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\nh_bucket{a="b",le="1"} 1\n',
  '# TYPE "ü.x" gaugehistogram\n{"ü.x_bucket","le"="1"} 1\n{"ü.x_count"} 1\n{"ü.x",a="b",} 1\n',
  'm 1\r\nm{a="1"} 2',
  'push_time_seconds 1\ngo_info 2\nm{job="x",instance="y",__name="z"} 1 1234567890\n',
].map((text) => Buffer.from(text))
