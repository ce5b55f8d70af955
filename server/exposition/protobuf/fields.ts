/**
 * Field numbers of io.prometheus.client (metrics.proto of prometheus/client_model), and what its types are called
 * here.
 */
import type { MetricType } from '../../metrics/metric-family.ts'

export const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const

export const METRIC = {
  label: 1,
  gauge: 2,
  counter: 3,
  summary: 4,
  untyped: 5,
  timestampMs: 6,
  histogram: 7,
} as const

export const LABEL_PAIR = { name: 1, value: 2 } as const

/** Gauge and Untyped have the value only. */
export const COUNTER = { value: 1, exemplar: 2, createdTimestamp: 3 } as const

export const SUMMARY = { sampleCount: 1, sampleSum: 2, quantile: 3, createdTimestamp: 4 } as const

export const QUANTILE = { quantile: 1, value: 2 } as const

export const HISTOGRAM = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  sampleCountFloat: 4,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  zeroCountFloat: 8,
  negativeSpan: 9,
  negativeDelta: 10,
  negativeCount: 11,
  positiveSpan: 12,
  positiveDelta: 13,
  positiveCount: 14,
  createdTimestamp: 15,
  exemplars: 16,
} as const

export const BUCKET = {
  cumulativeCount: 1,
  upperBound: 2,
  exemplar: 3,
  cumulativeCountFloat: 4,
} as const

export const SPAN = { offset: 1, length: 2 } as const

export const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const

export const TIMESTAMP = { seconds: 1, nanos: 2 } as const

/** By the numbers of the enum MetricType. */
export const TYPES: readonly MetricType[] = [
  'counter',
  'gauge',
  'summary',
  'untyped',
  'histogram',
  'gaugehistogram',
]
