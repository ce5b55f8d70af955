/** What OpenMetrics 1.0 forbids in labels, values and whole metrics, though a lenient reader takes it. */
import type { ForbiddenCase } from './forbidden-lines.ts'

const H = '# TYPE h histogram\n'
const G = '# TYPE g gaugehistogram\n'
const S = '# TYPE s summary\n'
const C = '# TYPE c counter\n'
const END = '# EOF\n'

export const FORBIDDEN_VALUES: readonly ForbiddenCase[] = [
  // Labels
  {
    what: 'a bucket without le',
    body: `${H}h_bucket 1\n${END}`,
    line: 2,
    says: 'h_bucket must have the label le',
  },
  {
    what: 'a bucket up to NaN',
    body: `${H}h_bucket{le="NaN"} 1\n${END}`,
    line: 2,
    says: 'le must be a number',
  },
  {
    what: 'le of a sum',
    body: `${H}h_bucket{le="+Inf"} 1\nh_sum{le="1"} 1\n${END}`,
    line: 3,
    says: 'h_sum must not have the label le',
  },
  {
    what: 'a summary sample without quantile',
    body: `${S}s 1\n${END}`,
    line: 2,
    says: 's must have the label quantile',
  },
  {
    what: 'a quantile above 1',
    body: `${S}s{quantile="1.1"} 1\n${END}`,
    line: 2,
    says: 'between 0 and 1, not 1.1',
  },
  {
    what: 'a quantile below 0',
    body: `${S}s{quantile="-0.1"} 1\n${END}`,
    line: 2,
    says: 'between 0 and 1',
  },
  {
    what: 'quantile of a count',
    body: `${S}s_count{quantile="1"} 1\n${END}`,
    line: 2,
    says: 's_count must not have the label quantile',
    pythonAccepts: true,
  },
  {
    what: 'a stateset without its label',
    body: `# TYPE e stateset\ne 1\n${END}`,
    line: 2,
    says: 'e must have the label e',
  },
  // Values
  ...values('a counter', C, 'c_total', 'neither negative nor NaN', ['-1', 'NaN', '-Inf']),
  ...values('the sum of a summary', S, 's_sum', 'neither negative nor NaN', ['-1', 'NaN']),
  ...values('the count of a summary', S, 's_count', 'neither negative nor NaN', ['-1', 'NaN']),
  ...values('the count of a summary', S, 's_count', 'must be a whole number', ['1.5']),
  ...values('a bucket', H, 'h_bucket{le="+Inf"}', 'must be a whole number', ['1.5']),
  ...values('a quantile', S, 's{quantile="0.5"}', 'must not be negative', ['-1']),
  ...values('an info', '# TYPE i info\n', 'i_info', 'must be 1', ['0', '2', 'NaN']),
  ...values('a state', '# TYPE e stateset\n', 'e{e="a"}', 'must be 0 or 1', ['2', '0.5', '-1']),
  {
    what: 'created: NaN',
    body: `${C}c_total 1\nc_created NaN\n${END}`,
    line: 3,
    says: 'must be a time',
    pythonAccepts: true,
  },
  // Histograms
  {
    what: 'a histogram without +Inf',
    body: `${H}h_bucket{le="1"} 1\n${END}`,
    line: 3,
    says: 'the last bucket of h must be +Inf',
  },
  {
    what: 'a histogram without buckets',
    body: `${H}h_sum 1\nh_count 1\n${END}`,
    line: 4,
    says: 'must be +Inf',
  },
  {
    what: 'buckets out of order',
    body: `${H}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\n${END}`,
    line: 5,
    says: 'must be in order',
  },
  {
    what: 'one bucket spelled in two ways',
    body: `${H}h_bucket{le="1"} 1\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 1\n${END}`,
    line: 5,
    says: 'must be in order',
  },
  {
    what: 'buckets that do not add up',
    body: `${H}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n${END}`,
    line: 4,
    says: 'must be cumulative',
  },
  {
    what: 'a sum without count',
    body: `${H}h_bucket{le="+Inf"} 1\nh_sum 1\n${END}`,
    line: 4,
    says: 'both sum and count',
  },
  {
    what: 'a count without sum',
    body: `${G}g_bucket{le="+Inf"} 1\ng_gcount 1\n${END}`,
    line: 4,
    says: 'both sum and count',
  },
  {
    what: 'a count other than that of +Inf',
    body: `${H}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n${END}`,
    line: 5,
    says: 'must be that of its bucket +Inf',
  },
  {
    what: 'the sum of a histogram below 0',
    body: `${H}h_bucket{le="+Inf"} 1\nh_sum -1\nh_count 1\n${END}`,
    line: 3,
    says: 'neither negative nor NaN',
  },
  {
    what: 'a sum beside buckets below 0',
    body: `${H}h_bucket{le="-1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n${END}`,
    line: 6,
    says: 'must have no sum',
  },
  {
    what: 'the sum of a gauge histogram below 0',
    body: `${G}g_bucket{le="1"} 1\ng_bucket{le="+Inf"} 1\ng_gsum -1\ng_gcount 1\n${END}`,
    line: 6,
    says: 'the sum of g must be',
  },
  {
    what: 'the sum of a gauge histogram NaN',
    body: `${G}g_bucket{le="-1"} 1\ng_bucket{le="+Inf"} 1\ng_gsum NaN\ng_gcount 1\n${END}`,
    line: 6,
    says: 'the sum of g must be',
  },
  {
    what: 'a metric that is wrong before one that is right',
    body: `${H}h_bucket{a="1",le="1"} 1\nh_bucket{le="+Inf"} 1\n${END}`,
    line: 3,
    says: 'the last bucket of h must be +Inf',
  },
  // Exemplars
  {
    what: 'an exemplar of a gauge',
    body: `# TYPE x gauge\nx 1 # {a="b"} 1\n${END}`,
    line: 2,
    says: 'x must not have an exemplar',
  },
  {
    what: 'an exemplar of a count',
    body: `${H}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1 # {a="b"} 1\n${END}`,
    line: 4,
    says: 'h_count must not have an exemplar',
  },
  {
    what: 'an exemplar of created',
    body: `${C}c_total 1\nc_created 1 # {a="b"} 1\n${END}`,
    line: 3,
    says: 'must not have an exemplar',
  },
  {
    what: 'exemplar labels of 129 characters',
    body: `${C}c_total 1 # {abc="${'é'.repeat(126)}"} 1\n${END}`,
    line: 2,
    says: 'these have 129',
  },
  {
    what: 'an exemplar above its bucket',
    body: `${H}h_bucket{le="1"} 1 # {a="b"} 1.5\nh_bucket{le="+Inf"} 1\n${END}`,
    line: 2,
    says: 'must be in its bucket, up to 1',
    pythonAccepts: true,
  },
]

/** Rows for one sample with values that it must not have. */
function values(
  what: string,
  header: string,
  series: string,
  says: string,
  all: readonly string[],
): ForbiddenCase[] {
  return all.map((value) => ({
    what: `${what}: ${value}`,
    body: `${header}${series} ${value}\n${END}`,
    line: 2,
    says,
  }))
}
