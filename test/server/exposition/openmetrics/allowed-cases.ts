/** What OpenMetrics 1.0 allows, one rule a row; strict.test.ts runs them. */

export interface StrictCase {
  readonly what: string
  /** Whole, with its end mark where it is to have one. */
  readonly body: string
  /** Set where Python's parser takes it in spite of the standard. */
  readonly pythonAccepts?: true
}

const H = '# TYPE h histogram\n'
const G = '# TYPE g gaugehistogram\n'
const S = '# TYPE s summary\n'
const C = '# TYPE c counter\n'
const END = '# EOF\n'
/** The rows of one kind: what stands in the body besides the end mark. */
function allowed(rows: readonly (readonly [what: string, body: string])[]): StrictCase[] {
  return rows.map(([what, body]) => ({ what, body: body + END }))
}

export const ALLOWED: readonly StrictCase[] = allowed([
  ['nothing', ''],
  ['a family without samples', '# TYPE x gauge\n'],
  ['samples without metadata', 'x 1\nx{a="1"} 2\n'],
  ['empty braces', 'x{} 1\n'],
  ['metadata in any order', '# HELP x_s h\n# UNIT x_s s\n# TYPE x_s gauge\nx_s 1\n'],
  ['empty HELP and UNIT', '# TYPE x gauge\n# HELP x \n# UNIT x \nx 1\n'],
  ['escapes in HELP and values', '# HELP x a\\\\ \\" \\n\nx{a="\\\\ \\" \\n } é"} 1\n'],
  ['numbers of any spelling', 'x{a="1"} 0042\nx{a="2"} -1.e-7\nx{a="3"} +.5E+3\nx{a="4"} -inf\n'],
  ['a counter', `${C}c_total 1.5 # {a="b"} 1.5 5.5\nc_created 1.6e9\nc_total{a="1"} 0\n`],
  ['a gauge below 0', '# TYPE x gauge\nx -1\n'],
  ['a gauge that is NaN', '# TYPE x gauge\nx NaN\n'],
  ['an info', '# TYPE i info\ni_info{a="1"} 1\ni_info{a="2"} 1.0\n'],
  ['a stateset', '# TYPE e stateset\ne{e="a",b="1"} 1\ne{e="c",b="1"} 0\ne{e="a",b="2"} 1\n'],
  [
    'a summary',
    `${S}s{quantile="0"} NaN\ns{quantile="1.0"} 2\ns_sum 3\ns_count 4\ns_created 5\ns_count{a="1"} 6\n`,
  ],
  [
    'a histogram',
    `${H}h_bucket{le="1.0"} 1 # {} 1\nh_bucket{le="+Inf"} 2 # {a="b"} 9\nh_sum 3\nh_count 2.0\nh_created 5\n`,
  ],
  [
    'two histograms, one without sum',
    `${H}h_bucket{le="+Inf"} 1\nh_bucket{a="1",le="1"} 0\nh_bucket{a="1",le="+Inf"} 0\nh_sum{a="1"} 0\nh_count{a="1"} 0\n`,
  ],
  [
    'a histogram with buckets below 0, and no sum',
    `${H}h_bucket{le="-1"} 1\nh_bucket{le="+Inf"} 2\n`,
  ],
  [
    'a gauge histogram with a sum below 0',
    `${G}g_bucket{le="-1"} 1\ng_bucket{le="+Inf"} 2\ng_gsum -3\ng_gcount 2\n`,
  ],
  ['names that only look like parts', '# TYPE x gauge\nx 1\nx_total 2\nx_bucket 3\nx_info 4\n'],
  ['labels named like their family', 'x{x="1",a="1"} 1\nx{x="1",a="2"} 1\nx{x="2",a="1"} 1\n'],
  ['a stateset called le', '# TYPE le stateset\nle{le="a"} 1\nle{le="b"} 0\n'],
  ['exemplar labels of 128 characters', `${C}c_total 1 # {ab="${'é'.repeat(126)}"} 1\n`],
])
