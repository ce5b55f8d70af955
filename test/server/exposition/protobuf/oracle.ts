/** Another implementation of protobuf, with its own reading of metrics.proto. */
import protobuf from 'protobufjs'
import type {
  Bucket,
  Exemplar,
  HistogramMetric,
  Label,
  Metric,
  MetricFamily,
  NativeHistogram,
  ScalarMetric,
  SummaryMetric,
  Timestamp,
} from '../../../../server/metrics/metric-family.ts'

const DEFINITION = `
syntax = "proto2";
package io.prometheus.client;
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Quantile quantile = 3;
  optional Timestamp created_timestamp = 4;
}
message Untyped { optional double value = 1; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_count_float = 4; optional double sample_sum = 2;
  repeated Bucket bucket = 3; optional Timestamp created_timestamp = 15;
  optional sint32 schema = 5; optional double zero_threshold = 6;
  optional uint64 zero_count = 7; optional double zero_count_float = 8;
  repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10; repeated double negative_count = 11;
  repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13; repeated double positive_count = 14;
  repeated Exemplar exemplars = 16;
}
message Bucket {
  optional uint64 cumulative_count = 1; optional double cumulative_count_float = 4;
  optional double upper_bound = 2; optional Exemplar exemplar = 3;
}
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Metric {
  repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Summary summary = 4;
  optional Untyped untyped = 5; optional Histogram histogram = 7; optional int64 timestamp_ms = 6;
}
message MetricFamily {
  optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4;
  optional string unit = 5;
}
`

const Family = protobuf.parse(DEFINITION).root.lookupType('io.prometheus.client.MetricFamily')

/** A message as its fields; those that are undefined are not in it. */
export type Fields = Readonly<Record<string, unknown>>

/** Messages with their lengths before them, of fields as the definition names them, in camelCase. */
export function encodeByOracle(families: readonly Fields[]): Buffer {
  return Buffer.concat(
    families.map((fields) => Family.encodeDelimited(Family.fromObject(fields)).finish()),
  )
}

export function decodeByOracle(body: Buffer): Fields[] {
  const reader = protobuf.Reader.create(body)
  const families = []
  while (reader.pos < reader.len) {
    families.push(Family.toObject(Family.decodeDelimited(reader), { longs: String, enums: String }))
  }
  return families
}

const TYPES = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  untyped: 'UNTYPED',
  summary: 'SUMMARY',
  histogram: 'HISTOGRAM',
  gaugehistogram: 'GAUGE_HISTOGRAM',
} as const

/** What a family should be in the words of the definition. */
export function fieldsOf({ name, help, type, unit, metrics }: MetricFamily): Fields {
  const field = type === 'gaugehistogram' ? 'histogram' : type
  const metric = metrics.map((one: Metric) => ({
    label: labelsOf(one.labels),
    [field]: valueOf(one),
  }))
  return { name, help, type: TYPES[type], unit, metric }
}

function valueOf(metric: Metric): Fields {
  if ('value' in metric) return scalarOf(metric)
  return 'quantiles' in metric ? summaryOf(metric) : histogramOf(metric)
}

function scalarOf({ value, exemplar, created }: ScalarMetric): Fields {
  return { value, exemplar: exemplarOf(exemplar), createdTimestamp: timeOf(created) }
}

function summaryOf({ quantiles, sum, count, created }: SummaryMetric): Fields {
  return {
    sampleCount: uint64(count),
    sampleSum: sum,
    quantile: some(quantiles),
    createdTimestamp: timeOf(created),
  }
}

function histogramOf(metric: HistogramMetric): Fields {
  const { buckets, sum, count, hasFloatCounts = false, native, created } = metric
  return {
    ...(hasFloatCounts ? { sampleCountFloat: count } : { sampleCount: uint64(count) }),
    sampleSum: sum,
    bucket: some(buckets.map((bucket) => bucketOf(bucket, hasFloatCounts))),
    createdTimestamp: timeOf(created),
    ...(native === undefined ? {} : nativeOf(native, hasFloatCounts)),
  }
}

function bucketOf({ upperBound, cumulativeCount, exemplar }: Bucket, asFloats: boolean): Fields {
  return {
    ...(asFloats || !Number.isInteger(cumulativeCount) || cumulativeCount >= 2 ** 64
      ? { cumulativeCountFloat: cumulativeCount }
      : { cumulativeCount: uint64(cumulativeCount) }),
    upperBound,
    exemplar: exemplarOf(exemplar),
  }
}

function nativeOf(native: NativeHistogram, asFloats: boolean): Fields {
  const { schema, zeroThreshold, zeroCount, negative, positive, exemplars } = native
  return {
    schema,
    zeroThreshold,
    negativeSpan: some(negative.spans),
    positiveSpan: some(positive.spans),
    exemplars: some(exemplars.map(exemplarOf)),
    ...(asFloats
      ? {
          zeroCountFloat: zeroCount,
          negativeCount: some(negative.counts),
          positiveCount: some(positive.counts),
        }
      : {
          zeroCount: uint64(zeroCount),
          negativeDelta: some(deltas(negative.counts)),
          positiveDelta: some(deltas(positive.counts)),
        }),
  }
}

function deltas(counts: readonly number[]): string[] {
  return counts.map((count, i) => String(count - (counts[i - 1] ?? 0)))
}

function exemplarOf(exemplar: Exemplar | undefined): Fields | undefined {
  if (exemplar === undefined) return undefined
  const { labels, value, timestamp } = exemplar
  return { label: labelsOf(labels), value, timestamp: timeOf(timestamp) }
}

function labelsOf(labels: readonly Label[]): readonly Label[] | undefined {
  return some(labels)
}

function timeOf(time: Timestamp | undefined): Fields | undefined {
  if (time === undefined) return undefined
  return { seconds: String(time.seconds), nanos: time.nanos === 0 ? undefined : time.nanos }
}

/** The largest count that there is stands for the double beyond it. */
function uint64(count: number): string {
  return count >= 2 ** 64 ? '18446744073709551615' : String(BigInt(count))
}

function some<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items
}
