/**
 * What is accepted as OpenMetrics, one rule a row; parse.test.ts runs them. What the text format has in common with
 * it stands in the text format's cases.
 */

export interface AcceptedCase {
  readonly what: string
  readonly body: string
  /** As show.ts shows the families. */
  readonly shows: string
  readonly utf8Names?: boolean
}

const C = '# TYPE c_total counter\n'
const H = '# TYPE h histogram\n'
const X = '# TYPE x untyped\n'

export const ACCEPTED: readonly AcceptedCase[] = [
  // Counters
  {
    what: 'a counter, which is stored under the name of its sample',
    body: '# TYPE c counter\n# HELP c Some.\nc_total 1\n',
    shows: `# HELP c_total Some.\n${C}c_total 1\n`,
  },
  {
    what: 'a counter declared with _total, as in text',
    body: '# TYPE c_total counter\nc_total 1\n',
    shows: `${C}c_total 1\n`,
  },
  {
    what: 'a counter without _total, as in text',
    body: '# TYPE c counter\nc 1\n',
    shows: '# TYPE c counter\nc 1\n',
  },
  {
    what: 'a counter with and without _total, which are two families of the same HELP',
    body: '# TYPE c counter\n# HELP c x\nc 1\nc_total 2\n',
    shows: `# HELP c x\n# TYPE c counter\nc 1\n# HELP c_total x\n${C}c_total 2\n`,
  },
  {
    what: 'a counter whose name ends in _total twice',
    body: '# TYPE c_total counter\nc_total_total 1\n',
    shows: '# TYPE c_total_total counter\nc_total_total 1\n',
  },
  {
    what: 'a total of its own beside a counter, when it was declared',
    body: '# TYPE c_total gauge\n# TYPE c counter\nc_total 1\nc 2\n',
    shows: '# TYPE c_total gauge\nc_total 1\n# TYPE c counter\nc 2\n',
  },
  {
    what: 'a total that stood there before the counter',
    body: 'c_total 1\n# TYPE c counter\nc_total 2\n',
    shows: '# TYPE c_total untyped\nc_total 1\nc_total 2\n',
  },
  {
    what: 'a HELP of the sample name, which does not take the counter away',
    body: '# HELP c_total of the sample\n# TYPE c counter\nc_total 1\n',
    shows: `# HELP c_total of the sample\n${C}c_total 1\n`,
  },
  // Created
  {
    what: 'created of a counter',
    body: '# TYPE c counter\nc_total 1\nc_created 1600000000.5\n',
    shows: `${C}c_total 1\n# created 1600000000s + 500000000ns\n`,
  },
  {
    what: 'created before the total',
    body: '# TYPE c counter\nc_created 1.6e9\nc_total 1\n',
    shows: `${C}c_total 1\n# created 1600000000s + 0ns\n`,
  },
  {
    what: 'created of each metric, labels in any order',
    body: '# TYPE c counter\nc_total{a="1",b="2"} 1\nc_total 2\nc_created{b="2",a="1"} 5\nc_created 6\n',
    shows: `${C}c_total{a="1",b="2"} 1\n# created 5s + 0ns\nc_total 2\n# created 6s + 0ns\n`,
  },
  {
    what: 'created of a counter declared with _total, as a series of its own',
    body: '# TYPE c_total counter\nc_total 1\nc_created 5\n',
    shows: `${C}c_total 1\n# TYPE c_created untyped\nc_created 5\n`,
  },
  {
    what: 'created of nothing, which is dropped',
    body: '# TYPE c counter\nc_created{a="1"} 5\nc_total 1\n',
    shows: `${C}c_total 1\n`,
  },
  {
    what: 'created that is no time, which is dropped',
    body: '# TYPE c counter\nc_created NaN\nc_total 1\n',
    shows: `${C}c_total 1\n`,
  },
  {
    what: 'a family named like created of a counter, when it was declared',
    body: '# TYPE c counter\nc_total 1\n# TYPE c_created gauge\nc_created 5\n',
    shows: `${C}c_total 1\n# TYPE c_created gauge\nc_created 5\n`,
  },
  {
    what: 'created of a gauge, which has none, as a series of its own',
    body: '# TYPE x gauge\nx 1\nx_created 5\n',
    shows: '# TYPE x gauge\nx 1\n# TYPE x_created untyped\nx_created 5\n',
  },
  {
    what: 'created of summaries and histograms',
    body: '# TYPE s summary\ns_count 1\ns_created 5\n# TYPE h histogram\nh_count 2\nh_created 6\n',
    shows: `# TYPE s summary\ns_sum 0\ns_count 1\n# created 5s + 0ns\n${H}h_sum 0\nh_count 2\n# created 6s + 0ns\n`,
  },
  {
    what: 'a created line with a label le, which has no meaning there',
    body: '# TYPE c counter\nc_total{le="x"} 1\nc_created{le="x"} 5\n',
    shows: `${C}c_total{le="x"} 1\n# created 5s + 0ns\n`,
  },
  // Other types
  { what: 'the type unknown', body: '# TYPE x unknown\nx 1\n', shows: `${X}x 1\n` },
  { what: 'the type untyped, of text', body: '# TYPE x untyped\nx 1\n', shows: `${X}x 1\n` },
  {
    what: 'types in any case',
    body: '# TYPE x Gauge\nx 1\n# TYPE i INFO\ni_info 1\n',
    shows: '# TYPE x gauge\nx 1\n# TYPE i_info gauge\ni_info 1\n',
  },
  {
    what: 'an info, which is stored as the gauge of its sample',
    body: '# TYPE i info\n# HELP i x\ni_info{version="1"} 1\n',
    shows: '# HELP i_info x\n# TYPE i_info gauge\ni_info{version="1"} 1\n',
  },
  {
    what: 'a stateset, which is stored as a gauge',
    body: '# TYPE s stateset\ns{s="on"} 1\ns{s="off"} 0\n',
    shows: '# TYPE s gauge\ns{s="on"} 1\ns{s="off"} 0\n',
  },
  {
    what: 'a gauge histogram by its own suffixes',
    body: '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_bucket{le="+Inf"} 2\ng_gsum -3\ng_gcount 2\n',
    shows:
      '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_bucket{le="+Inf"} 2\ng_sum -3\ng_count 2\n',
  },
  {
    what: 'a gauge histogram by the suffixes of text',
    body: '# TYPE g gauge_histogram\ng_bucket{le="1"} 1\ng_sum 3\ng_count 2\n',
    shows: '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_sum 3\ng_count 2\n',
  },
  {
    what: '_gcount beside a histogram, which has none, as a series of its own',
    body: '# TYPE h histogram\nh_count 2\nh_gcount 3\n',
    shows: `${H}h_sum 0\nh_count 2\n# TYPE h_gcount untyped\nh_gcount 3\n`,
  },
  // Units
  {
    what: 'a unit',
    body: '# TYPE c_seconds counter\n# UNIT c_seconds seconds\nc_seconds_total 1\n',
    shows: '# TYPE c_seconds_total counter\n# unit seconds\nc_seconds_total 1\n',
  },
  {
    what: 'a unit that the name does not end in',
    body: '# UNIT x s\nx 1\n',
    shows: `${X}# unit s\nx 1\n`,
  },
  { what: 'a unit behind samples', body: 'x 1\n# UNIT x s\n', shows: `${X}# unit s\nx 1\n` },
  { what: 'an empty unit', body: '# UNIT x \n# UNIT x\nx 1\n', shows: `${X}x 1\n` },
  { what: 'UNIT for a plain comment', body: '# UNIT of all this is s\nx 1\n', shows: `${X}x 1\n` },
  {
    what: 'a unit of a name in quotes',
    body: '# UNIT "a.b_s" s\n{"a.b_s"} 1\n',
    shows: '# TYPE "a.b_s" untyped\n# unit s\n{"a.b_s"} 1\n',
    utf8Names: true,
  },
  {
    what: 'a unit of a name with a quote in it',
    body: '# UNIT "a\\"_s" s\n{"a\\"_s"} 1\n',
    shows: '# TYPE "a\\"_s" untyped\n# unit s\n{"a\\"_s"} 1\n',
    utf8Names: true,
  },
  // HELP
  {
    what: 'all escapes of HELP',
    body: '# HELP x a\\\\b\\nc\\"d"\nx 1\n',
    shows: `# HELP x a\\\\b\\nc"d"\n${X}x 1\n`,
  },
  // Exemplars
  {
    what: 'an exemplar of a counter',
    body: '# TYPE c counter\nc_total 1 # {trace_id="a\\"b"} 0.5\n',
    shows: `${C}c_total 1\n# exemplar {trace_id="a\\"b"} 0.5\n`,
  },
  {
    what: 'an exemplar with a timestamp',
    body: '# TYPE c counter\nc_total{a="}"} 1 # {a="# {"} 2 1600000000.123456789\n',
    shows: `${C}c_total{a="}"} 1\n# exemplar {a="# {"} 2 at 1600000000s + 123456789ns\n`,
  },
  {
    what: 'an exemplar without labels',
    body: '# TYPE c counter\nc_total 1 # {} NaN 1e3\n',
    shows: `${C}c_total 1\n# exemplar {} NaN at 1000s + 0ns\n`,
  },
  {
    what: 'exemplars of buckets, each its own, also with le among their labels',
    body: '# TYPE h histogram\nh_bucket{le="1"} 1 # {le="x"} 0.5\nh_bucket{le="2"} 2\nh_bucket{le="+Inf"} 3 # {b="c"} 9 4\n',
    shows: `${H}h_bucket{le="1"} 1\nh_bucket{le="2"} 2\nh_bucket{le="+Inf"} 3\nh_sum 0\nh_count 0\n# exemplar 1: {le="x"} 0.5\n# exemplar Infinity: {b="c"} 9 at 4s + 0ns\n`,
  },
  {
    what: 'exemplars of gauge histograms',
    body: '# TYPE g gaugehistogram\ng_bucket{le="1"} 1 # {a="b"} 0.5\n',
    shows:
      '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_sum 0\ng_count 0\n# exemplar 1: {a="b"} 0.5\n',
  },
  {
    what: 'exemplars where there is no place for them, which are dropped',
    body: [
      'x 1 # {a="b"} 1',
      '# TYPE s summary\ns{quantile="0.5"} 1 # {a="b"} 1\ns_count 2 # {a="b"} 1',
      '# TYPE h histogram\nh_bucket 1 # {a="b"} 1\nh_sum 1 # {a="b"} 1',
      '# TYPE c counter\nc_total 1\nc_created 5 # {a="b"} 1\n',
    ].join('\n'),
    shows:
      `${X}x 1\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 0\ns_count 2\n` +
      `${H}h_sum 1\nh_count 0\n${C}c_total 1\n# created 5s + 0ns\n`,
  },
  {
    what: 'blanks and tabs around the parts of an exemplar',
    body: '# TYPE c counter\nc_total 1 \t#\t{ a = "b" , } \t2 \t3\n',
    shows: `${C}c_total 1\n# exemplar {a="b"} 2 at 3s + 0ns\n`,
  },
  // Timestamps
  {
    what: 'timestamps with a fraction, which mark the metric',
    body: 'x 1 1600000000.5\n',
    shows: `${X}x 1\n# has a timestamp\n`,
  },
  {
    what: 'a timestamp before an exemplar',
    body: '# TYPE c counter\nc_total 1 5 # {} 2 3\n',
    shows: `${C}c_total 1\n# exemplar {} 2 at 3s + 0ns\n# has a timestamp\n`,
  },
  {
    what: 'a timestamp of created, which marks the metric it belongs to',
    body: '# TYPE c counter\nc_total 1\nc_created 5 6\n',
    shows: `${C}c_total 1\n# created 5s + 0ns\n# has a timestamp\n`,
  },
]
