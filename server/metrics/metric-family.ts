/**
 * The data model of an exposition: families of metrics, as a push carries them and a scrape shows
 * them. A metric is one label set of a family; a sample is one exposed line of a metric.
 */

/** The types of the text format 0.0.4, in its spelling. */
export type MetricType = 'counter' | 'gauge' | 'untyped' | 'summary' | 'histogram'

/** One label of a metric. Values may be empty: an empty label differs from an absent one. */
export interface Label {
  readonly name: string
  readonly value: string
}

export interface Quantile {
  readonly quantile: number
  readonly value: number
}

export interface Bucket {
  readonly upperBound: number
  readonly cumulativeCount: number
}

interface MetricBase {
  /** Without `le` and `quantile` where the family type gives these a meaning. */
  labels: Label[]
  /** Set when the push carried a timestamp, which a gateway refuses. */
  hasTimestamp?: boolean
}

/** A counter, gauge or untyped metric. */
export interface ScalarMetric extends MetricBase {
  value: number
}

export interface SummaryMetric extends MetricBase {
  quantiles: Quantile[]
  sum: number
  count: number
}

export interface HistogramMetric extends MetricBase {
  /** As pushed: sorted by nobody, and `+Inf` may be missing. */
  buckets: Bucket[]
  sum: number
  count: number
}

interface FamilyBase {
  readonly name: string
  /** Undefined when nobody gave a HELP; an empty HELP line counts as none. */
  help: string | undefined
}

export type MetricFamily = FamilyBase &
  (
    | { readonly type: 'counter' | 'gauge' | 'untyped'; metrics: ScalarMetric[] }
    | { readonly type: 'summary'; metrics: SummaryMetric[] }
    | { readonly type: 'histogram'; metrics: HistogramMetric[] }
  )

export type Metric = ScalarMetric | SummaryMetric | HistogramMetric
