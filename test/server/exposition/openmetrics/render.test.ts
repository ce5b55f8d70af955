import { describe, expect, test } from '@jest/globals'
import type {
  Exemplar,
  HistogramMetric,
  MetricFamily,
  ScalarMetric,
} from '../../../../server/metrics/metric-family.ts'
import { renderPage } from './page.ts'

const TIME = { seconds: 1_600_000_000, nanos: 500_000_000 }
const EXEMPLAR: Exemplar = { labels: [{ name: 'trace_id', value: 'a' }], value: 0.5 }

function counter(metric: Partial<ScalarMetric>, name = 'c_total'): MetricFamily {
  const metrics = [{ labels: [], value: 1, ...metric }]
  return { name, type: 'counter', help: undefined, metrics }
}

function histogram(
  metric: Partial<HistogramMetric>,
  type: 'histogram' | 'gaugehistogram' = 'histogram',
): MetricFamily {
  const buckets = [{ upperBound: Infinity, cumulativeCount: 2 }]
  return {
    name: 'h',
    type,
    help: undefined,
    metrics: [{ labels: [], buckets, sum: 3, count: 2, ...metric }],
  }
}

describe('a family is written', () => {
  test.each<[what: string, family: MetricFamily, page: string]>([
    ['a counter', counter({}), '# TYPE c counter\nc_total 1\n'],
    [
      'a counter with HELP and unit, HELP with its quotes escaped',
      { ...counter({}, 'c_seconds_total'), help: 'a "b" \\ \n', unit: 'seconds' },
      '# HELP c_seconds a \\"b\\" \\\\ \\n\n# TYPE c_seconds counter\n# UNIT c_seconds seconds\nc_seconds_total 1\n',
    ],
    [
      'a unit that the name does not end in, which may not be said',
      { ...counter({}), unit: 'seconds' },
      '# TYPE c counter\nc_total 1\n',
    ],
    [
      'a unit that is a whole name, or empty, likewise',
      { ...counter({}, 'seconds_total'), unit: 'seconds' },
      '# TYPE seconds counter\nseconds_total 1\n',
    ],
    [
      'created, behind each metric with its labels',
      {
        ...counter({}),
        metrics: [
          { labels: [{ name: 'a', value: '"' }], value: 1, created: TIME },
          { labels: [], value: 2, created: { seconds: 5, nanos: 0 } },
        ],
      } as MetricFamily,
      '# TYPE c counter\nc_total{a="\\""} 1\nc_created{a="\\""} 1600000000.5\nc_total 2\nc_created 5\n',
    ],
    [
      'an exemplar, its timestamp behind its value',
      counter({ exemplar: { ...EXEMPLAR, timestamp: TIME } }),
      '# TYPE c counter\nc_total 1 # {trace_id="a"} 0.5 1600000000.5\n',
    ],
    [
      'an exemplar without labels',
      counter({ exemplar: { labels: [], value: NaN } }),
      '# TYPE c counter\nc_total 1 # {} NaN\n',
    ],
    [
      'a counter without _total, whose extras OpenMetrics has no place for',
      counter({ exemplar: EXEMPLAR, created: TIME }, 'c'),
      '# TYPE c unknown\nc 1\n',
    ],
    [
      'exemplars of buckets, each in its line, and created',
      histogram({
        labels: [{ name: 'a', value: 'x\ny' }],
        buckets: [
          { upperBound: 1, cumulativeCount: 1, exemplar: EXEMPLAR },
          { upperBound: 2, cumulativeCount: 1 },
          { upperBound: Infinity, cumulativeCount: 2, exemplar: { ...EXEMPLAR, value: 9 } },
        ],
        created: TIME,
      }),
      '# TYPE h histogram\nh_bucket{a="x\\ny",le="1"} 1 # {trace_id="a"} 0.5\nh_bucket{a="x\\ny",le="2"} 1\n' +
        'h_bucket{a="x\\ny",le="+Inf"} 2 # {trace_id="a"} 9\nh_sum{a="x\\ny"} 3\nh_count{a="x\\ny"} 2\n' +
        'h_created{a="x\\ny"} 1600000000.5\n',
    ],
    [
      'a gauge histogram as a histogram, which keeps the names of its series',
      histogram(
        { buckets: [{ upperBound: Infinity, cumulativeCount: 2, exemplar: EXEMPLAR }] },
        'gaugehistogram',
      ),
      '# TYPE h histogram\nh_bucket{le="+Inf"} 2 # {trace_id="a"} 0.5\nh_sum 3\nh_count 2\n',
    ],
    [
      'a summary with created',
      {
        name: 's',
        type: 'summary',
        help: 'S.',
        metrics: [
          { labels: [], quantiles: [{ quantile: 1, value: 2 }], sum: 3, count: 4, created: TIME },
        ],
      },
      '# HELP s S.\n# TYPE s summary\ns{quantile="1"} 2\ns_sum 3\ns_count 4\ns_created 1600000000.5\n',
    ],
    [
      'names in UTF-8, in quotes',
      counter(
        { labels: [{ name: 'c.d', value: '1' }], created: TIME, exemplar: EXEMPLAR },
        'a.b_total',
      ),
      '# TYPE "a.b" counter\n{"a.b_total","c.d"="1"} 1 # {trace_id="a"} 0.5\n{"a.b_created","c.d"="1"} 1600000000.5\n',
    ],
    [
      'a name in UTF-8 without labels',
      counter({ created: TIME }, 'a.b_total'),
      '# TYPE "a.b" counter\n{"a.b_total"} 1\n{"a.b_created"} 1600000000.5\n',
    ],
  ])('%s', (_, family, page) => {
    expect(renderPage([family])).toBe(`${page}# EOF\n`)
  })
})

describe('an exemplar is left out', () => {
  const page = '# TYPE c counter\nc_total 1\n# EOF\n'
  const labelled = (name: string, value: string): MetricFamily =>
    counter({ exemplar: { labels: [{ name, value }], value: 1 } })

  test('where its labels have more than 128 characters', () => {
    expect(renderPage([labelled('abc', 'é'.repeat(126))])).toBe(page)
    expect(renderPage([labelled('ab', 'é'.repeat(126))])).toContain(' # {ab="éé')
  })

  test('not for the halves that some characters are stored as', () => {
    expect(renderPage([labelled('ab', '🚀'.repeat(126))])).toContain(' # {ab="🚀🚀')
  })

  test('where a label has a name that OpenMetrics has no words for', () => {
    expect(renderPage([labelled('a.b', '1')])).toBe(page)
    expect(renderPage([labelled('', '1')])).toBe(page)
  })

  test('where a label is given twice', () => {
    const label = { name: 'a', value: '1' }
    expect(renderPage([counter({ exemplar: { labels: [label, label], value: 1 } })])).toBe(page)
  })

  test('from a gauge, which can have none', () => {
    const gauge: MetricFamily = {
      name: 'x',
      type: 'gauge',
      help: undefined,
      metrics: [{ labels: [], value: 1, exemplar: EXEMPLAR }],
    }
    expect(renderPage([gauge])).toBe('# TYPE x gauge\nx 1\n# EOF\n')
  })
})

test('a page of nothing is its end mark', () => {
  expect(renderPage([])).toBe('# EOF\n')
})

test('where names collide only by the rules of OpenMetrics, all series are there under their names', () => {
  const gauge = (name: string): MetricFamily => ({
    name,
    type: 'gauge',
    help: undefined,
    metrics: [{ labels: [], value: 7 }],
  })
  const families = [
    gauge('a'),
    counter({ created: TIME }, 'a_total'),
    gauge('b_created'),
    counter({ created: TIME }, 'b_total'),
    counter({}, 'c_created_total'),
    counter({ created: TIME }, 'c_total'),
  ]
  expect(renderPage(families)).toBe(
    '# TYPE a gauge\na 7\n# TYPE a_total unknown\na_total 1\n' +
      '# TYPE b_created gauge\nb_created 7\n# TYPE b counter\nb_total 1\n' +
      '# TYPE c_created counter\nc_created_total 1\n# TYPE c counter\nc_total 1\n# EOF\n',
  )
})
