/**
 * Writes families as io.prometheus.client.MetricFamily. A family's message is its head and its metrics one behind
 * the other, so it can be put together from pieces that were encoded at different times.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type {
  Bucket,
  Exemplar,
  HistogramMetric,
  Label,
  Metric,
  MetricFamily,
  MetricType,
  NativeBuckets,
  NativeHistogram,
  SummaryMetric,
  Timestamp,
} from '../../metrics/metric-family.ts'
import * as field from './fields.ts'

/** What a message says of a family besides its metrics: name, help, type and unit, without a length before them. */
export function encodeFamilyHead(
  head: Pick<MetricFamily, 'name' | 'type' | 'help' | 'unit'>,
): Buffer {
  const writer = new BinaryWriter()
  writer.tag(field.FAMILY.name, WireType.LengthDelimited).string(head.name)
  if (head.help !== undefined) {
    writer.tag(field.FAMILY.help, WireType.LengthDelimited).string(head.help)
  }
  writer.tag(field.FAMILY.type, WireType.Varint).uint32(field.TYPES.indexOf(head.type))
  if (head.unit !== undefined) {
    writer.tag(field.FAMILY.unit, WireType.LengthDelimited).string(head.unit)
  }
  return bufferOf(writer)
}

/** The metrics of a family in their order, each as a field of the message. */
export function encodeMetrics({ type, metrics }: MetricFamily): Buffer {
  const writer = new BinaryWriter()
  for (const metric of metrics) {
    writer.tag(field.FAMILY.metric, WireType.LengthDelimited).fork()
    writeMetric(writer, type, metric)
    writer.join()
  }
  return bufferOf(writer)
}

/** A whole message, without a length before it. */
export function encodeFamily(family: MetricFamily): Buffer {
  return Buffer.concat([encodeFamilyHead(family), encodeMetrics(family)])
}

/** The length that stands before a message where messages follow each other. */
export function encodeLength(bytes: number): Buffer {
  return bufferOf(new BinaryWriter().uint32(bytes))
}

function bufferOf(writer: BinaryWriter): Buffer {
  const bytes = writer.finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function writeMetric(writer: BinaryWriter, type: MetricType, metric: Metric): void {
  for (const label of metric.labels) {
    writer.tag(field.METRIC.label, WireType.LengthDelimited).fork()
    writeLabel(writer, label)
    writer.join()
  }
  writer.tag(valueField(type), WireType.LengthDelimited).fork()
  if ('value' in metric) {
    writer.tag(field.COUNTER.value, WireType.Bit64).double(metric.value)
    writeExemplar(writer, field.COUNTER.exemplar, metric.exemplar)
    writeTimestamp(writer, field.COUNTER.createdTimestamp, metric.created)
  } else if ('quantiles' in metric) {
    writeSummary(writer, metric)
  } else {
    writeHistogram(writer, metric)
  }
  writer.join()
}

function valueField(type: MetricType): number {
  return field.METRIC[type === 'gaugehistogram' ? 'histogram' : type]
}

function writeLabel(writer: BinaryWriter, { name, value }: Label): void {
  writer.tag(field.LABEL_PAIR.name, WireType.LengthDelimited).string(name)
  writer.tag(field.LABEL_PAIR.value, WireType.LengthDelimited).string(value)
}

function writeSummary(writer: BinaryWriter, metric: SummaryMetric): void {
  writer.tag(field.SUMMARY.sampleCount, WireType.Varint).uint64(toUint64(metric.count))
  writer.tag(field.SUMMARY.sampleSum, WireType.Bit64).double(metric.sum)
  for (const { quantile, value } of metric.quantiles) {
    writer.tag(field.SUMMARY.quantile, WireType.LengthDelimited).fork()
    writer.tag(field.QUANTILE.quantile, WireType.Bit64).double(quantile)
    writer.tag(field.QUANTILE.value, WireType.Bit64).double(value)
    writer.join()
  }
  writeTimestamp(writer, field.SUMMARY.createdTimestamp, metric.created)
}

function writeHistogram(writer: BinaryWriter, metric: HistogramMetric): void {
  const asFloats = hasFloats(metric)
  if (asFloats) {
    writer.tag(field.HISTOGRAM.sampleCountFloat, WireType.Bit64).double(metric.count)
  } else {
    writer.tag(field.HISTOGRAM.sampleCount, WireType.Varint).uint64(toUint64(metric.count))
  }
  writer.tag(field.HISTOGRAM.sampleSum, WireType.Bit64).double(metric.sum)
  for (const bucket of metric.buckets) {
    writer.tag(field.HISTOGRAM.bucket, WireType.LengthDelimited).fork()
    writeBucket(writer, bucket, asFloats)
    writer.join()
  }
  if (metric.native !== undefined) writeNative(writer, metric.native, asFloats)
  writeTimestamp(writer, field.HISTOGRAM.createdTimestamp, metric.created)
}

/**
 * Counts that are not whole can only be written as floats, and then all of them are. Classic buckets do not make a
 * native histogram one of floats: where it counted nothing, nobody would look for floats.
 */
function hasFloats({ count, buckets, native, hasFloatCounts }: HistogramMetric): boolean {
  if (hasFloatCounts === true || !isUint64(count)) return true
  const counts =
    native === undefined
      ? buckets.map(({ cumulativeCount }) => cumulativeCount)
      : [native.zeroCount, ...native.negative.counts, ...native.positive.counts]
  return !counts.every(isUint64)
}

function isUint64(count: number): boolean {
  return Number.isInteger(count) && count >= 0 && count < 2 ** 64
}

function writeBucket(writer: BinaryWriter, bucket: Bucket, asFloats: boolean): void {
  const { upperBound, cumulativeCount, exemplar } = bucket
  if (asFloats || !isUint64(cumulativeCount)) {
    writer.tag(field.BUCKET.cumulativeCountFloat, WireType.Bit64).double(cumulativeCount)
  } else {
    writer.tag(field.BUCKET.cumulativeCount, WireType.Varint).uint64(toUint64(cumulativeCount))
  }
  writer.tag(field.BUCKET.upperBound, WireType.Bit64).double(upperBound)
  writeExemplar(writer, field.BUCKET.exemplar, exemplar)
}

function writeNative(writer: BinaryWriter, native: NativeHistogram, asFloats: boolean): void {
  writer.tag(field.HISTOGRAM.schema, WireType.Varint).sint32(native.schema)
  writer.tag(field.HISTOGRAM.zeroThreshold, WireType.Bit64).double(native.zeroThreshold)
  if (asFloats) {
    writer.tag(field.HISTOGRAM.zeroCountFloat, WireType.Bit64).double(native.zeroCount)
  } else {
    writer.tag(field.HISTOGRAM.zeroCount, WireType.Varint).uint64(toUint64(native.zeroCount))
  }
  writeSide(writer, native.negative, asFloats, {
    span: field.HISTOGRAM.negativeSpan,
    delta: field.HISTOGRAM.negativeDelta,
    count: field.HISTOGRAM.negativeCount,
  })
  writeSide(writer, native.positive, asFloats, {
    span: field.HISTOGRAM.positiveSpan,
    delta: field.HISTOGRAM.positiveDelta,
    count: field.HISTOGRAM.positiveCount,
  })
  for (const exemplar of native.exemplars) {
    writeExemplar(writer, field.HISTOGRAM.exemplars, exemplar)
  }
}

function writeSide(
  writer: BinaryWriter,
  { spans, counts }: NativeBuckets,
  asFloats: boolean,
  fields: { readonly span: number; readonly delta: number; readonly count: number },
): void {
  for (const { offset, length } of spans) {
    writer.tag(fields.span, WireType.LengthDelimited).fork()
    writer.tag(field.SPAN.offset, WireType.Varint).sint32(offset)
    writer.tag(field.SPAN.length, WireType.Varint).uint32(length)
    writer.join()
  }
  let before = 0
  for (const count of counts) {
    if (asFloats) {
      writer.tag(fields.count, WireType.Bit64).double(count)
    } else {
      const isSafe = Number.isSafeInteger(count) && Number.isSafeInteger(before)
      const delta = isSafe ? count - before : BigInt(count) - BigInt(before)
      writer.tag(fields.delta, WireType.Varint).sint64(delta)
    }
    before = count
  }
}

function writeExemplar(writer: BinaryWriter, fieldNumber: number, exemplar?: Exemplar): void {
  if (exemplar === undefined) return
  writer.tag(fieldNumber, WireType.LengthDelimited).fork()
  for (const label of exemplar.labels) {
    writer.tag(field.EXEMPLAR.label, WireType.LengthDelimited).fork()
    writeLabel(writer, label)
    writer.join()
  }
  writer.tag(field.EXEMPLAR.value, WireType.Bit64).double(exemplar.value)
  writeTimestamp(writer, field.EXEMPLAR.timestamp, exemplar.timestamp)
  writer.join()
}

function writeTimestamp(writer: BinaryWriter, fieldNumber: number, timestamp?: Timestamp): void {
  if (timestamp === undefined) return
  writer.tag(fieldNumber, WireType.LengthDelimited).fork()
  writer.tag(field.TIMESTAMP.seconds, WireType.Varint).int64(timestamp.seconds)
  if (timestamp.nanos !== 0) {
    writer.tag(field.TIMESTAMP.nanos, WireType.Varint).int32(timestamp.nanos)
  }
  writer.join()
}

/** What a uint64 field takes; the number of a summary's count may be anything. */
function toUint64(count: number): number | bigint {
  if (Number.isSafeInteger(count) && count >= 0) return count
  // What a double makes of the largest counts is one too many.
  if (count >= 2 ** 64) return 2n ** 64n - 1n
  return Number.isFinite(count) ? BigInt.asUintN(64, BigInt(Math.trunc(count))) : 0n
}
