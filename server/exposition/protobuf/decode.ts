/**
 * Reads io.prometheus.client.MetricFamily messages. What can be read but breaks a rule (timestamps, a metric
 * without a value of its family's type) is marked for groups/prepare.ts, which says so as for text.
 */
import { SluiceError } from '../../errors.ts'
import {
  isHistogramType,
  type Bucket,
  type Exemplar,
  type HistogramMetric,
  type Label,
  type Metric,
  type MetricFamily,
  type MetricType,
  type NativeBuckets,
  type NativeHistogram,
  type Quantile,
  type ScalarMetric,
  type Span,
  type SummaryMetric,
  type Timestamp,
} from '../../metrics/metric-family.ts'
import { isLegacyLabelName, isLegacyMetricName } from '../../metrics/names.ts'
import { BodyLimits, PARTS_PER_FAMILY } from '../body-limits.ts'
import * as field from './fields.ts'
import { MalformedMessage, MessageReader, type MessageContext } from './message-reader.ts'

export interface ProtobufParseOptions {
  /** Names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** More samples than this refuse the body; by default there is no limit. */
  readonly samplesMax?: number
}

/**
 * Parses messages that each have their length before them, into families in the order of their names' first
 * appearance. Of families of one name the last one counts, as in the original; families without metrics are left
 * out. Counts are read as doubles: beyond 2 ** 53 the last digits are lost.
 *
 * @throws SluiceError invalid_exposition, naming the message and what is wrong in it; body_too_large
 */
export function parseProtobuf(body: Buffer, options: ProtobufParseOptions): MetricFamily[] {
  const families = new Map<string, MetricFamily>()
  const limits = new BodyLimits(options.samplesMax)
  let at = 0
  for (let number = 1; at < body.length; number++) {
    try {
      const { start, end } = delimit(body, at)
      const family = readFamily(body.subarray(start, end), options.utf8Names, limits)
      families.set(family.name, family)
      at = end
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      throw new SluiceError(
        'invalid_exposition',
        `protobuf parsing error in message ${number} (byte ${at}): ${error.message}`,
      )
    }
  }
  return [...families.values()].filter(({ metrics }) => metrics.length > 0)
}

/**
 * One message without a length before it, as encodeFamily wrote it.
 *
 * @throws MalformedMessage
 */
export function decodeFamily(message: Buffer): MetricFamily {
  return readFamily(message, true, new BodyLimits())
}

/** Where the message lies whose length stands at `at`. */
function delimit(body: Buffer, at: number): { start: number; end: number } {
  let length = 0
  let start = at
  for (let shift = 0; ; shift += 7) {
    const byte = body[start++]
    if (byte === undefined) throw new MalformedMessage('the body ends within its length')
    if (shift > 63) throw new MalformedMessage('its length is no varint')
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > body.length - start) {
    throw new MalformedMessage(
      `it should have ${length} bytes, the body has ${body.length - start}`,
    )
  }
  return { start, end: start + length }
}

function readFamily(bytes: Uint8Array, utf8Names: boolean, limits: BodyLimits): MetricFamily {
  limits.takeParts(PARTS_PER_FAMILY)
  const reader = new MessageReader(bytes, { what: 'metric family', limits })
  let name = ''
  let help: string | undefined
  let unit: string | undefined
  let typeNumber = 0
  const encoded: Uint8Array[] = []
  while (reader.next()) {
    switch (reader.field) {
      case field.FAMILY.name:
        name = reader.string()
        break
      case field.FAMILY.help:
        help = reader.string()
        break
      case field.FAMILY.type:
        typeNumber = reader.int32()
        break
      case field.FAMILY.metric:
        limits.checkSamples(encoded.push(reader.bytes()))
        break
      case field.FAMILY.unit:
        unit = reader.string()
        break
      default:
        reader.skip()
    }
  }
  if (name === '') throw new MalformedMessage('metric family without a name')
  const what = `metric family ${JSON.stringify(name)}`
  if (!utf8Names && !isLegacyMetricName(name)) {
    throw new MalformedMessage(
      `invalid metric name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }
  const type = field.TYPES[typeNumber]
  if (type === undefined) throw new MalformedMessage(`${what} has the unknown type ${typeNumber}`)
  const metrics = encoded.map((metric) => readMetric(metric, { type, utf8Names, what, limits }))
  // As in text, an empty HELP is none.
  const head = { name, help: help === '' ? undefined : help, type, metrics }
  return (unit === undefined || unit === '' ? head : { ...head, unit }) as MetricFamily
}

interface MetricContext extends MessageContext {
  readonly type: MetricType
  readonly utf8Names: boolean
}

function readMetric(bytes: Uint8Array, context: MetricContext): Metric {
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

function readLabel(bytes: Uint8Array, context: MessageContext): Label {
  const reader = new MessageReader(bytes, context)
  let name = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === field.LABEL_PAIR.name) name = reader.string()
    else if (reader.field === field.LABEL_PAIR.value) value = reader.string()
    else reader.skip()
  }
  return { name, value }
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

/** A histogram's fields as they come, in both kinds of counts. */
class HistogramFields {
  count = 0
  countFloat = 0
  sum = 0
  readonly buckets: BucketFields[] = []
  schema = 0
  zeroThreshold = 0
  zeroCount = 0
  zeroCountFloat = 0
  readonly negative = new SideFields()
  readonly positive = new SideFields()
  readonly exemplars: Exemplar[] = []
  created: Timestamp | undefined
}

interface BucketFields {
  cumulativeCount: number
  cumulativeCountFloat: number
  upperBound: number
  exemplar?: Exemplar
}

class SideFields {
  readonly spans: Span[] = []
  readonly deltas: bigint[] = []
  readonly counts: number[] = []
}

function readHistogram(
  bytes: Uint8Array,
  labels: Label[],
  context: MessageContext,
): HistogramMetric {
  const { what } = context
  const fields = readHistogramFields(bytes, context)
  // As Prometheus tells them apart.
  const hasFloatCounts = fields.countFloat > 0 || fields.zeroCountFloat > 0
  const metric: HistogramMetric = {
    labels,
    buckets: fields.buckets.map((bucket) => toBucket(bucket)),
    sum: fields.sum,
    count: hasFloatCounts ? fields.countFloat : fields.count,
  }
  if (hasFloatCounts) metric.hasFloatCounts = true
  if (fields.created !== undefined) metric.created = fields.created
  if (isNative(fields, hasFloatCounts)) {
    const { schema, zeroThreshold, exemplars } = fields
    checkSchema(schema, what)
    metric.native = {
      schema,
      zeroThreshold,
      zeroCount: hasFloatCounts ? fields.zeroCountFloat : fields.zeroCount,
      negative: toNativeBuckets(fields.negative, hasFloatCounts, what),
      positive: toNativeBuckets(fields.positive, hasFloatCounts, what),
      exemplars,
    }
    // Rounded integers need not add up; of floats nobody expects it.
    if (!Number.isSafeInteger(metric.count)) metric.hasFloatCounts = true
    if (metric.hasFloatCounts !== true) checkCount(metric, metric.native, what)
  } else if (Number.isNaN(fields.countFloat)) {
    // Which text allows.
    metric.count = NaN
  }
  return metric
}

/** As Prometheus tells them apart (clients mark empty ones by an empty span); buckets must have their spans then. */
function isNative(fields: HistogramFields, hasFloatCounts: boolean): boolean {
  const { zeroThreshold, zeroCount, zeroCountFloat, negative, positive } = fields
  if (zeroThreshold > 0 || zeroCount > 0 || zeroCountFloat > 0) return true
  return [negative, positive].some(
    ({ spans, deltas, counts }) => spans.length + (hasFloatCounts ? counts : deltas).length > 0,
  )
}

function readHistogramFields(bytes: Uint8Array, context: MessageContext): HistogramFields {
  const reader = new MessageReader(bytes, context)
  const fields = new HistogramFields()
  while (reader.next()) {
    switch (reader.field) {
      case field.HISTOGRAM.sampleCount:
        fields.count = reader.uint64()
        break
      case field.HISTOGRAM.sampleCountFloat:
        fields.countFloat = reader.double()
        break
      case field.HISTOGRAM.sampleSum:
        fields.sum = reader.double()
        break
      case field.HISTOGRAM.bucket:
        context.limits.checkSamples(fields.buckets.push(readBucket(reader.bytes(), context)))
        break
      case field.HISTOGRAM.createdTimestamp:
        fields.created = readTimestamp(reader.bytes(), context)
        break
      case field.HISTOGRAM.schema:
        fields.schema = reader.sint32()
        break
      case field.HISTOGRAM.zeroThreshold:
        fields.zeroThreshold = reader.double()
        break
      case field.HISTOGRAM.zeroCount:
        fields.zeroCount = reader.uint64()
        break
      case field.HISTOGRAM.zeroCountFloat:
        fields.zeroCountFloat = reader.double()
        break
      case field.HISTOGRAM.negativeSpan:
        fields.negative.spans.push(readSpan(reader.bytes(), context))
        break
      case field.HISTOGRAM.negativeDelta:
        reader.sint64s(fields.negative.deltas)
        break
      case field.HISTOGRAM.negativeCount:
        reader.doubles(fields.negative.counts)
        break
      case field.HISTOGRAM.positiveSpan:
        fields.positive.spans.push(readSpan(reader.bytes(), context))
        break
      case field.HISTOGRAM.positiveDelta:
        reader.sint64s(fields.positive.deltas)
        break
      case field.HISTOGRAM.positiveCount:
        reader.doubles(fields.positive.counts)
        break
      case field.HISTOGRAM.exemplars:
        fields.exemplars.push(readExemplar(reader.bytes(), context))
        break
      default:
        reader.skip()
    }
  }
  return fields
}

function readBucket(bytes: Uint8Array, context: MessageContext): BucketFields {
  const reader = new MessageReader(bytes, context)
  const bucket: BucketFields = { cumulativeCount: 0, cumulativeCountFloat: 0, upperBound: 0 }
  while (reader.next()) {
    switch (reader.field) {
      case field.BUCKET.cumulativeCount:
        bucket.cumulativeCount = reader.uint64()
        break
      case field.BUCKET.cumulativeCountFloat:
        bucket.cumulativeCountFloat = reader.double()
        break
      case field.BUCKET.upperBound:
        bucket.upperBound = reader.double()
        break
      case field.BUCKET.exemplar:
        bucket.exemplar = readExemplar(reader.bytes(), context)
        break
      default:
        reader.skip()
    }
  }
  return bucket
}

function toBucket(fields: BucketFields): Bucket {
  const { upperBound, exemplar, cumulativeCount, cumulativeCountFloat } = fields
  const hasFloat = cumulativeCountFloat > 0 || Number.isNaN(cumulativeCountFloat)
  const count = hasFloat ? cumulativeCountFloat : cumulativeCount
  return { upperBound, cumulativeCount: count, ...(exemplar === undefined ? {} : { exemplar }) }
}

function readSpan(bytes: Uint8Array, context: MessageContext): Span {
  const reader = new MessageReader(bytes, context)
  let offset = 0
  let length = 0
  while (reader.next()) {
    if (reader.field === field.SPAN.offset) offset = reader.sint32()
    else if (reader.field === field.SPAN.length) length = reader.uint32()
    else reader.skip()
  }
  return { offset, length }
}

/** Prometheus knows these resolutions only, and refuses a whole scrape for another one. */
const SCHEMA_MIN = -4
const SCHEMA_MAX = 8

function checkSchema(schema: number, what: string): void {
  if (schema >= SCHEMA_MIN && schema <= SCHEMA_MAX) return
  throw new MalformedMessage(
    `${what}: a native histogram of schema ${schema} (known: ${SCHEMA_MIN} to ${SCHEMA_MAX})`,
  )
}

/** Checks what Prometheus would refuse a whole scrape for. */
function toNativeBuckets(side: SideFields, hasFloatCounts: boolean, what: string): NativeBuckets {
  const { spans } = side
  const counts = hasFloatCounts ? side.counts : absoluteCounts(side.deltas)
  const described = spans.reduce((total, { length }) => total + length, 0)
  if (described !== counts.length) {
    throw new MalformedMessage(
      `${what}: the spans of a native histogram describe ${described} buckets, it has ${counts.length}`,
    )
  }
  if (spans.some(({ offset }, i) => i > 0 && offset < 0)) {
    throw new MalformedMessage(`${what}: a native histogram with overlapping spans`)
  }
  if (counts.some((count) => count < 0 || (!hasFloatCounts && count >= 2 ** 63))) {
    throw new MalformedMessage(
      `${what}: a native histogram with a bucket that counts less than 0 or too much`,
    )
  }
  return { spans, counts }
}

function absoluteCounts(deltas: readonly bigint[]): number[] {
  let count = 0n
  return deltas.map((delta) => Number((count += delta)))
}

/**
 * Integers that do not add up, which Prometheus refuses a whole scrape for too. Observations of NaN are in no
 * bucket, and make the sum NaN.
 */
function checkCount({ count, sum }: HistogramMetric, native: NativeHistogram, what: string): void {
  const counts = [native.zeroCount, ...native.negative.counts, ...native.positive.counts]
  const found = counts.reduce((total, bucket) => total + bucket, 0)
  if (found === count || (Number.isNaN(sum) && found < count)) return
  throw new MalformedMessage(
    `${what}: the buckets of a native histogram count ${found} together, its count is ${count}`,
  )
}

function readExemplar(bytes: Uint8Array, context: MessageContext): Exemplar {
  const reader = new MessageReader(bytes, context)
  const labels: Label[] = []
  let value = 0
  let timestamp: Timestamp | undefined
  while (reader.next()) {
    if (reader.field === field.EXEMPLAR.label) labels.push(readLabel(reader.bytes(), context))
    else if (reader.field === field.EXEMPLAR.value) value = reader.double()
    else if (reader.field === field.EXEMPLAR.timestamp) {
      timestamp = readTimestamp(reader.bytes(), context)
    } else reader.skip()
  }
  return timestamp === undefined ? { labels, value } : { labels, value, timestamp }
}

const NANOS_MAX = 999_999_999

function readTimestamp(bytes: Uint8Array, context: MessageContext): Timestamp {
  const reader = new MessageReader(bytes, context)
  let seconds = 0
  let nanos = 0
  while (reader.next()) {
    if (reader.field === field.TIMESTAMP.seconds) seconds = reader.int64()
    else if (reader.field === field.TIMESTAMP.nanos) nanos = reader.int32()
    else reader.skip()
  }
  if (!Number.isSafeInteger(seconds) || nanos < 0 || nanos > NANOS_MAX) {
    throw new MalformedMessage(
      `${context.what}: ${seconds} seconds and ${nanos} nanoseconds are no time`,
    )
  }
  return { seconds, nanos }
}
