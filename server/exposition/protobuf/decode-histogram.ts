/**
 * Reads histograms, classic and native, of whole numbers and of floats. What a Prometheus could not read is
 * refused here; that the buckets add up to the count is the sender's to see to, as in the original.
 */
import type {
  Bucket,
  Exemplar,
  HistogramMetric,
  Label,
  NativeBuckets,
  Span,
  Timestamp,
} from '../../metrics/metric-family.ts'
import { readExemplar, readTimestamp } from './decode-parts.ts'
import * as field from './fields.ts'
import { MalformedMessage, MessageReader, type MessageContext } from './message-reader.ts'

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

export function readHistogram(
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
    // Rounded integers may not add up any more, which Prometheus refuses a whole scrape for; of floats it asks nothing.
    if (!Number.isSafeInteger(metric.count)) metric.hasFloatCounts = true
  } else if (Number.isNaN(fields.countFloat)) {
    // Which text allows.
    metric.count = NaN
  }
  return metric
}

/** As Prometheus tells them apart (clients mark empty ones by an empty span); buckets must have their spans then. */
function isNative(fields: HistogramFields, hasFloatCounts: boolean): boolean {
  const { zeroThreshold, negative, positive } = fields
  // Counts of the other kind say nothing: what is kept of them would be an empty histogram.
  const zeroCount = hasFloatCounts ? fields.zeroCountFloat : fields.zeroCount
  if (zeroThreshold > 0 || zeroCount > 0) return true
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
