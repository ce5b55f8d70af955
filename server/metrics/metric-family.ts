/**
 * The data model of an exposition: families of metrics, as a push carries them and a scrape shows
 * them. A metric is one label set of a family; a sample is one exposed line of a metric.
 */

/**
 * The types of io.prometheus.client.MetricType, in the spelling of the text formats. A gauge histogram is shown as
 * a histogram by the text format 0.0.4, which has no such type.
 */
export type MetricType =
  'counter' | 'gauge' | 'untyped' | 'summary' | 'histogram' | 'gaugehistogram'

/** One label of a metric. Values may be empty: an empty label differs from an absent one. */
export interface Label {
  readonly name: string
  readonly value: string
}

/** A moment as protobuf's Timestamp has it: seconds since 1970 and 0 to 999,999,999 nanoseconds. */
export interface Timestamp {
  readonly seconds: number
  readonly nanos: number
}

/** One observation that stands for the others, mostly with a trace ID among its labels. */
export interface Exemplar {
  readonly labels: readonly Label[]
  readonly value: number
  readonly timestamp?: Timestamp
}

export interface Quantile {
  readonly quantile: number
  readonly value: number
}

export interface Bucket {
  readonly upperBound: number
  readonly cumulativeCount: number
  readonly exemplar?: Exemplar
}

/** `length` buckets in a row, `offset` after the end of the span before (or from index 0). */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** The buckets of one sign, sparse: one count (absolute, not cumulative) for each bucket of the spans. */
export interface NativeBuckets {
  readonly spans: readonly Span[]
  readonly counts: readonly number[]
}

/** What a native histogram has besides count and sum. Bucket bounds follow from the schema. */
export interface NativeHistogram {
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly negative: NativeBuckets
  readonly positive: NativeBuckets
  readonly exemplars: readonly Exemplar[]
}

interface MetricBase {
  /** Without `le` and `quantile` where the family type gives these a meaning. */
  labels: Label[]
  /** Set when the push carried a timestamp, which a gateway refuses. */
  hasTimestamp?: boolean
  /** Set when the push carried no value of the family's type, which protobuf allows and a gateway refuses. */
  hasNoValue?: boolean
  /** When counting began; counters, summaries and histograms may have it. */
  created?: Timestamp
}

/** A counter, gauge or untyped metric. */
export interface ScalarMetric extends MetricBase {
  value: number
  /** Counters may have one. */
  exemplar?: Exemplar
}

export interface SummaryMetric extends MetricBase {
  quantiles: Quantile[]
  sum: number
  count: number
}

export interface HistogramMetric extends MetricBase {
  /** As pushed: sorted by nobody, and `+Inf` may be missing; none where the histogram is only native. */
  buckets: Bucket[]
  sum: number
  count: number
  /** Set when counts are floats by declaration, though they may be whole numbers. */
  hasFloatCounts?: boolean
  native?: NativeHistogram
}

interface FamilyBase {
  readonly name: string
  /** Undefined when nobody gave a HELP; an empty HELP line counts as none. */
  help: string | undefined
  /** The unit of measurement, as protobuf and OpenMetrics carry it. */
  unit?: string
}

export type MetricFamily = FamilyBase &
  (
    | { readonly type: 'counter' | 'gauge' | 'untyped'; metrics: ScalarMetric[] }
    | { readonly type: 'summary'; metrics: SummaryMetric[] }
    | { readonly type: 'histogram' | 'gaugehistogram'; metrics: HistogramMetric[] }
  )

export type Metric = ScalarMetric | SummaryMetric | HistogramMetric

/** True for the types whose samples are buckets, sum and count. */
export function isHistogramType(type: MetricType | undefined): boolean {
  return type === 'histogram' || type === 'gaugehistogram'
}
