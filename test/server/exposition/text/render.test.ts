import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  completeBuckets,
  escapeFamily,
  renderFamily,
  renderHeader,
  renderLabels,
  renderMetric,
  sampleCount,
  shownName,
} from '../../../../server/exposition/text/render.ts'
import type {
  HistogramMetric,
  MetricFamily,
  SummaryMetric,
} from '../../../../server/metrics/metric-family.ts'
import { anyFamily } from './arbitraries.ts'

const HISTOGRAM: HistogramMetric = {
  labels: [{ name: 'a', value: '1' }],
  buckets: [
    { upperBound: 0.5, cumulativeCount: 1 },
    { upperBound: 1e6, cumulativeCount: 2 },
  ],
  sum: 3.5,
  count: 4,
}

const SUMMARY: SummaryMetric = {
  labels: [],
  quantiles: [
    { quantile: 0.5, value: 1 },
    { quantile: 0.99, value: NaN },
  ],
  sum: 3,
  count: 2,
}

describe('the header of a family', () => {
  test.each<[what: string, header: string, expected: string]>([
    ['has TYPE alone without HELP', renderHeader('m', 'gauge', undefined), '# TYPE m gauge\n'],
    ['has HELP before TYPE', renderHeader('m', 'counter', 'x'), '# HELP m x\n# TYPE m counter\n'],
    [
      'escapes backslashes and line feeds of HELP, and leaves quotes alone',
      renderHeader('m', 'untyped', 'a\\b\nc"d'),
      '# HELP m a\\\\b\\nc"d\n# TYPE m untyped\n',
    ],
    [
      'quotes names that need it',
      renderHeader('a.b', 'gauge', 'x'),
      '# HELP "a.b" x\n# TYPE "a.b" gauge\n',
    ],
    [
      'escapes inside quoted names',
      renderHeader('a"\\\n', 'gauge', undefined),
      '# TYPE "a\\"\\\\\\n" gauge\n',
    ],
  ])('%s', (_, header, expected) => {
    expect(header).toBe(expected)
  })
})

test('names are quoted exactly where the format cannot show them bare', () => {
  expect(['m', 'a:b', 'a.b', '1', '', 'é', 'a"b'].map(shownName)).toEqual([
    'm',
    'a:b',
    '"a.b"',
    '"1"',
    '""',
    '"é"',
    '"a\\"b"',
  ])
})

test('labels stand in the given order, their values escaped and their names quoted where needed', () => {
  expect(
    renderLabels([
      { name: 'b', value: 'q"\\\n' },
      { name: 'a', value: '' },
      { name: 'x.y', value: '1' },
      { name: 'c:d', value: '2' },
    ]),
  ).toBe('b="q\\"\\\\\\n",a="","x.y"="1","c:d"="2"')
  expect(renderLabels([])).toBe('')
})

describe('the lines of a metric', () => {
  test.each<[what: string, lines: string, expected: string]>([
    ['a value without labels', renderMetric('m', { labels: [], value: 1 }, ''), 'm 1\n'],
    [
      'a value with labels',
      renderMetric('m', { labels: [], value: 1e6 }, 'a="1"'),
      'm{a="1"} 1e+06\n',
    ],
    [
      'a quoted name without labels',
      renderMetric('a.b', { labels: [], value: 1 }, ''),
      '{"a.b"} 1\n',
    ],
    [
      'a quoted name with labels',
      renderMetric('a.b', { labels: [], value: 1 }, 'a="1"'),
      '{"a.b",a="1"} 1\n',
    ],
    [
      'a summary: quantiles, sum, count',
      renderMetric('s', SUMMARY, ''),
      's{quantile="0.5"} 1\ns{quantile="0.99"} NaN\ns_sum 3\ns_count 2\n',
    ],
    [
      'a histogram: buckets, sum, count, le behind the labels',
      renderMetric('h', HISTOGRAM, 'a="1"'),
      'h_bucket{a="1",le="0.5"} 1\nh_bucket{a="1",le="1e+06"} 2\nh_sum{a="1"} 3.5\nh_count{a="1"} 4\n',
    ],
    [
      'a histogram with a quoted name, the suffix inside the quotes',
      renderMetric('a.h', { ...HISTOGRAM, buckets: [] }, ''),
      '{"a.h_sum"} 3.5\n{"a.h_count"} 4\n',
    ],
  ])('%s', (_, lines, expected) => {
    expect(lines).toBe(expected)
  })

  test('show a zero without its sign, as the original does, also in le and quantile', () => {
    expect(renderMetric('m', { labels: [], value: -0 }, '')).toBe('m 0\n')
    const histogram = {
      labels: [],
      buckets: [{ upperBound: -0, cumulativeCount: 1 }],
      sum: -0,
      count: 1,
    }
    expect(renderMetric('h', histogram, '')).toBe('h_bucket{le="0"} 1\nh_sum 0\nh_count 1\n')
    const summary = { labels: [], quantiles: [{ quantile: -0, value: -0 }], sum: 0, count: 0 }
    expect(renderMetric('s', summary, '')).toBe('s{quantile="0"} 0\ns_sum 0\ns_count 0\n')
  })
})

test('sampleCount counts the lines that renderMetric writes', () => {
  fc.assert(
    fc.property(anyFamily({ utf8Names: true }), (family) => {
      for (const metric of family.metrics) {
        const lines = renderMetric(family.name, metric, renderLabels(metric.labels))
        expect(lines.split('\n').length - 1).toBe(sampleCount(metric))
      }
    }),
    { numRuns: 200 },
  )
})

describe('completeBuckets', () => {
  const family = (metrics: HistogramMetric[]): MetricFamily => ({
    name: 'h',
    type: 'histogram',
    help: undefined,
    metrics,
  })

  test('adds +Inf with the count to the metrics that lack it, and leaves the others alone', () => {
    const complete = { ...HISTOGRAM, buckets: [{ upperBound: Infinity, cumulativeCount: 9 }] }
    const bare = { labels: [], buckets: [], sum: 0, count: 5 }
    expect(completeBuckets(family([HISTOGRAM, complete, bare]))).toEqual(
      family([
        {
          ...HISTOGRAM,
          buckets: [...HISTOGRAM.buckets, { upperBound: Infinity, cumulativeCount: 4 }],
        },
        complete,
        { ...bare, buckets: [{ upperBound: Infinity, cumulativeCount: 5 }] },
      ]),
    )
  })

  test('leaves what it is given as it was', () => {
    const given = family([structuredClone(HISTOGRAM)])
    completeBuckets(given)
    expect(given).toEqual(family([HISTOGRAM]))
  })

  test('leaves families of other types alone', () => {
    const summary: MetricFamily = { name: 's', type: 'summary', help: 'x', metrics: [SUMMARY] }
    expect(completeBuckets(summary)).toEqual(summary)
  })
})

describe('escapeFamily', () => {
  const family: MetricFamily = {
    name: 'http.status',
    type: 'histogram',
    help: 'a.b',
    metrics: [{ ...HISTOGRAM, labels: [{ name: 'x.y', value: 'p.q' }] }],
  }

  test.each([
    ['allow-utf-8', '{"http.status_count","x.y"="p.q"} 4'],
    ['underscores', 'http_status_count{x_y="p.q"} 4'],
    ['dots', 'http_dot_status_count{x_dot_y="p.q"} 4'],
    ['values', 'U__http_2e_status_count{U__x_2e_y="p.q"} 4'],
  ] as const)('%s: %s', (scheme, line) => {
    expect(renderFamily(escapeFamily(family, scheme)).split('\n').at(-2)).toBe(line)
  })

  test('escapes names, and neither values nor HELP', () => {
    const { name, help, metrics } = escapeFamily(family, 'underscores')
    expect({ name, help, labels: metrics[0]?.labels }).toEqual({
      name: 'http_status',
      help: 'a.b',
      labels: [{ name: 'x_y', value: 'p.q' }],
    })
  })
})
