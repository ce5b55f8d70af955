/** Reads one metric of a family: its labels, and the value that the family's type gives it. */
import {
  isHistogramType,
  type Label,
  type Metric,
  type MetricType,
  type Quantile,
  type ScalarMetric,
  type SummaryMetric,
} from '../../metrics/metric-family.ts'
import { isLegacyLabelName } from '../../metrics/names.ts'
import { readHistogram } from './decode-histogram.ts'
import { readExemplar, readLabel, readTimestamp } from './decode-parts.ts'
import * as field from './fields.ts'
import { MalformedMessage, MessageReader, type MessageContext } from './message-reader.ts'

export interface MetricContext extends MessageContext {
  readonly type: MetricType
  readonly utf8Names: boolean
}

export function readMetric(bytes: Uint8Array, context: MetricContext): Metric {
  const { type } = context
  const valueField = field.METRIC[type === 'gaugehistogram' ? 'histogram' : type]
  const reader = new MessageReader(bytes, context)
  const labels: Label[] = []
  let hasTimestamp = false
  // A message that is given in several pieces is what they are together.
  const value: Uint8Array[] = []
  while (reader.next()) {
    switch (reader.field) {
      case field.METRIC.label:
        labels.push(readLabel(reader.bytes(), context))
        break
      case field.METRIC.timestampMs:
        reader.int64()
        hasTimestamp = true
        break
      case valueField:
        value.push(reader.bytes())
        break
      default:
        reader.skip()
    }
  }
  checkLabels(labels, context)
  const whole = value.length === 1 ? value[0]! : Buffer.concat(value)
  const metric = readValue(whole, labels, context)
  context.limits.takeSamples(samplesIn(metric))
  if (hasTimestamp) metric.hasTimestamp = true
  if (value.length === 0) metric.hasNoValue = true
  return metric
}

function readValue(bytes: Uint8Array, labels: Label[], context: MetricContext): Metric {
  if (context.type === 'summary') return readSummary(bytes, labels, context)
  if (isHistogramType(context.type)) return readHistogram(bytes, labels, context)
  return readScalar(bytes, labels, context)
}

function samplesIn(metric: Metric): number {
  if ('value' in metric) return 1
  if ('quantiles' in metric) return metric.quantiles.length + 2
  const { native, buckets } = metric
  const sparse =
    native === undefined ? 0 : native.negative.counts.length + native.positive.counts.length
  return buckets.length + sparse + 2
}

function checkLabels(labels: readonly Label[], { utf8Names, what }: MetricContext): void {
  for (const { name } of labels) {
    if (name === '') throw new MalformedMessage(`${what}: label without a name`)
    if (name === '__name__') {
      throw new MalformedMessage(`${what}: label name "__name__" is reserved`)
    }
    if (!utf8Names && !isLegacyLabelName(name)) {
      throw new MalformedMessage(
        `${what}: invalid label name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
      )
    }
  }
  const repeated = findRepeated(labels)
  if (repeated === undefined) return
  throw new MalformedMessage(`${what}: duplicate label name ${JSON.stringify(repeated)}`)
}

const MANY_LABELS = 32

/** Looks through the few labels of a usual metric; a set serves the one that has thousands. */
function findRepeated(labels: readonly Label[]): string | undefined {
  if (labels.length > MANY_LABELS) {
    const names = new Set<string>()
    return labels.find(({ name }) => names.size === names.add(name).size)?.name
  }
  return labels.find(({ name }, i) => labels.findIndex((label) => label.name === name) < i)?.name
}

/** Gauges and untyped metrics have the first field of counters only. */
function readScalar(bytes: Uint8Array, labels: Label[], context: MetricContext): ScalarMetric {
  const { type } = context
  const reader = new MessageReader(bytes, context)
  const metric: ScalarMetric = { labels, value: 0 }
  while (reader.next()) {
    if (reader.field === field.COUNTER.value) {
      metric.value = reader.double()
    } else if (type === 'counter' && reader.field === field.COUNTER.exemplar) {
      metric.exemplar = readExemplar(reader.bytes(), context)
    } else if (type === 'counter' && reader.field === field.COUNTER.createdTimestamp) {
      metric.created = readTimestamp(reader.bytes(), context)
    } else {
      reader.skip()
    }
  }
  return metric
}

function readSummary(bytes: Uint8Array, labels: Label[], context: MessageContext): SummaryMetric {
  const reader = new MessageReader(bytes, context)
  const metric: SummaryMetric = { labels, quantiles: [], sum: 0, count: 0 }
  while (reader.next()) {
    switch (reader.field) {
      case field.SUMMARY.sampleCount:
        metric.count = reader.uint64()
        break
      case field.SUMMARY.sampleSum:
        metric.sum = reader.double()
        break
      case field.SUMMARY.quantile:
        context.limits.checkSamples(metric.quantiles.push(readQuantile(reader.bytes(), context)))
        break
      case field.SUMMARY.createdTimestamp:
        metric.created = readTimestamp(reader.bytes(), context)
        break
      default:
        reader.skip()
    }
  }
  return metric
}

function readQuantile(bytes: Uint8Array, context: MessageContext): Quantile {
  const reader = new MessageReader(bytes, context)
  let quantile = 0
  let value = 0
  while (reader.next()) {
    if (reader.field === field.QUANTILE.quantile) quantile = reader.double()
    else if (reader.field === field.QUANTILE.value) value = reader.double()
    else reader.skip()
  }
  return { quantile, value }
}
