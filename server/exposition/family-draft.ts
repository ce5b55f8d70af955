/** A metric family while its samples are being read: gathers the lines of one summary or histogram. */
import type {
  HistogramMetric,
  Label,
  Metric,
  MetricFamily,
  MetricType,
  ScalarMetric,
  SummaryMetric,
} from '../metrics/metric-family.ts'

/** Which part of a summary or histogram a sample is. */
export type Part = 'metric' | 'sum' | 'count'

/** Why a sample cannot be part of its family. */
export class UnfitSample extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnfitSample'
  }
}

export class FamilyDraft {
  readonly name: string
  type: MetricType | undefined
  help: string | undefined
  unit: string | undefined
  readonly metrics: Metric[] = []
  /** Summaries and histograms by label signature. */
  private bySignature: Map<string, Metric> | undefined

  constructor(name: string) {
    this.name = name
  }

  /**
   * Adds a sample to the metric of its labels.
   *
   * @param bound what its label `quantile` or `le` said, where the type gives these a meaning
   * @throws UnfitSample
   */
  add(part: Part, labels: Label[], bound: number | undefined, value: number): Metric {
    switch (this.type) {
      case 'summary': {
        const metric = this.metricOf(labels) as SummaryMetric
        if (part === 'count') metric.count = toUint64(value)
        else if (part === 'sum') metric.sum = value
        else if (bound !== undefined && !Number.isNaN(bound)) {
          metric.quantiles.push({ quantile: bound, value })
        }
        return metric
      }
      case 'histogram':
      case 'gaugehistogram': {
        const metric = this.metricOf(labels) as HistogramMetric
        if (part === 'sum') metric.sum = value
        else if (part === 'count') metric.count = this.checkCount(value, 'count')
        else if (bound !== undefined && !Number.isNaN(bound)) {
          const cumulativeCount = this.checkCount(value, 'bucket population')
          metric.buckets.push({ upperBound: bound, cumulativeCount })
        }
        return metric
      }
      default:
        return this.addScalar(labels, value)
    }
  }

  /** Untyped where nothing was said. */
  toFamily(): MetricFamily {
    const { name, help, unit, metrics, type = 'untyped' } = this
    const head = unit === undefined ? { name, help, type } : { name, help, type, unit }
    // `add` gave every metric the shape of its family's type.
    return { ...head, metrics } as MetricFamily
  }

  private addScalar(labels: Label[], value: number): ScalarMetric {
    const metric = { labels, value }
    this.metrics.push(metric)
    return metric
  }

  /** The metric of a summary or histogram that these labels belong to, created where it is new. */
  private metricOf(labels: Label[]): Metric {
    const last = this.metrics[this.metrics.length - 1]
    if (last !== undefined && sameLabels(last.labels, labels)) return last
    this.bySignature ??= new Map()
    const signature = labelSignature(labels)
    let metric = this.bySignature.get(signature)
    if (metric === undefined) {
      metric =
        this.type === 'summary'
          ? { labels, quantiles: [], sum: 0, count: 0 }
          : { labels, buckets: [], sum: 0, count: 0 }
      this.bySignature.set(signature, metric)
      this.metrics.push(metric)
    }
    return metric
  }

  private checkCount(value: number, what: string): number {
    if (value >= 0 || Number.isNaN(value)) return value
    throw new UnfitSample(`negative ${what} for histogram ${JSON.stringify(this.name)}`)
  }
}

/** Equal for equal label sets, in whichever order they were written. */
export function labelSignature(labels: readonly Label[]): string {
  return JSON.stringify(labels.map(({ name, value }) => [name, value]).sort(byName))
}

function byName([a]: string[], [b]: string[]): number {
  return a! < b! ? -1 : 1
}

function sameLabels(a: readonly Label[], b: readonly Label[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.name !== b[i]!.name || a[i]!.value !== b[i]!.value) return false
  }
  return true
}

/** Go's conversion of a float64 to a uint64 on amd64, which the original applies to summaries. */
function toUint64(value: number): number {
  if (Number.isNaN(value) || value >= 2 ** 64) return 2 ** 63
  const truncated = Math.trunc(value)
  // Truncating gives a negative zero too, which a count is not.
  if (truncated >= 0) return truncated + 0
  return truncated < -(2 ** 63) ? 2 ** 63 : Number(BigInt.asUintN(64, BigInt(truncated)))
}
