/** Reads a prom-client registry into our own data model, so that one encoder writes all families. */
import type { Registry } from 'prom-client'
import { compareUtf8 } from '../groups/grouping-key.ts'
import type {
  HistogramMetric,
  Label,
  MetricFamily,
  MetricType,
  SummaryMetric,
} from '../metrics/metric-family.ts'

/** What getMetricsAsJSON really holds; prom-client's own type leaves out `metricName`. */
interface JsonFamily {
  readonly name: string
  readonly help: string
  readonly type: Exclude<MetricType, 'untyped' | 'gaugehistogram'>
  readonly values: readonly JsonSample[]
}

interface JsonSample {
  readonly value: number
  /** The sample name where it is not the family's: `x_sum`, `x_count`, `x_bucket`. */
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
}

/** The families of a registry that have samples, in the order they were registered. */
export async function readFamilies(registry: Registry): Promise<MetricFamily[]> {
  const families = (await registry.getMetricsAsJSON()) as unknown as JsonFamily[]
  return families.filter(({ values }) => values.length > 0).map(toFamily)
}

function toFamily({ name, help, type, values }: JsonFamily): MetricFamily {
  switch (type) {
    case 'counter':
    case 'gauge':
      return {
        name,
        help,
        type,
        metrics: values.map((s) => ({ labels: labelsOf(s), value: s.value })),
      }
    case 'summary':
      return { name, help, type, metrics: summaries(name, values) }
    case 'histogram':
      return { name, help, type, metrics: histograms(name, values) }
  }
}

function summaries(name: string, samples: readonly JsonSample[]): SummaryMetric[] {
  return byLabels(samples).map(({ labels, samples: own }) => ({
    labels,
    quantiles: own
      .filter((sample) => sample.labels.quantile !== undefined)
      .map((sample) => ({ quantile: Number(sample.labels.quantile), value: sample.value })),
    ...totals(name, own),
  }))
}

function histograms(name: string, samples: readonly JsonSample[]): HistogramMetric[] {
  return byLabels(samples).map(({ labels, samples: own }) => ({
    labels,
    buckets: own
      .filter((sample) => sample.labels.le !== undefined)
      .map(({ labels: { le }, value }) => ({
        upperBound: le === '+Inf' ? Infinity : Number(le),
        cumulativeCount: value,
      })),
    ...totals(name, own),
  }))
}

function totals(name: string, samples: readonly JsonSample[]): { sum: number; count: number } {
  const valueOf = (sampleName: string): number =>
    samples.find(({ metricName }) => metricName === sampleName)?.value ?? 0
  return { sum: valueOf(`${name}_sum`), count: valueOf(`${name}_count`) }
}

/** Samples of one summary or histogram each. */
function byLabels(samples: readonly JsonSample[]): { labels: Label[]; samples: JsonSample[] }[] {
  const metrics = new Map<string, { labels: Label[]; samples: JsonSample[] }>()
  for (const sample of samples) {
    const labels = labelsOf(sample)
    const id = JSON.stringify(labels)
    const metric = metrics.get(id)
    if (metric === undefined) metrics.set(id, { labels, samples: [sample] })
    else metric.samples.push(sample)
  }
  return [...metrics.values()]
}

/** The labels but for `le` and `quantile`, sorted. */
function labelsOf({ labels }: JsonSample): Label[] {
  return Object.entries(labels)
    .filter(([name]) => name !== 'le' && name !== 'quantile')
    .map(([name, value]) => ({ name, value: String(value) }))
    .sort((a, b) => compareUtf8(a.name, b.name))
}
