/** The buckets of a native histogram with their bounds, which its schema and spans only imply. */
import type { NativeBuckets, NativeHistogram } from './metric-family.ts'

export interface BoundedBucket {
  readonly lower: number
  readonly upper: number
  readonly lowerInclusive: boolean
  readonly upperInclusive: boolean
  readonly count: number
}

/** The buckets that counted something, from the most negative to the most positive. */
export function boundedBuckets(native: NativeHistogram): BoundedBucket[] {
  const { schema, zeroThreshold, zeroCount } = native
  const negative = sparseBuckets(native.negative, schema).map(({ lower, upper, count }) => ({
    lower: -upper,
    upper: -lower,
    lowerInclusive: true,
    upperInclusive: false,
    count,
  }))
  const zero = {
    lower: -zeroThreshold,
    upper: zeroThreshold,
    lowerInclusive: true,
    upperInclusive: true,
    count: zeroCount,
  }
  const positive = sparseBuckets(native.positive, schema).map((bucket) => ({
    ...bucket,
    lowerInclusive: false,
    upperInclusive: true,
  }))
  return [...negative.reverse(), zero, ...positive].filter(({ count }) => count !== 0)
}

function sparseBuckets(
  { spans, counts }: NativeBuckets,
  schema: number,
): { lower: number; upper: number; count: number }[] {
  const buckets = []
  let index = 0
  let next = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      const count = counts[next++] ?? 0
      buckets.push({
        lower: upperBound(index - 1, schema),
        upper: upperBound(index, schema),
        count,
      })
    }
  }
  return buckets
}

/**
 * base ** index, where base is 2 ** 2 ** -schema. Whole powers of two are exact. As in Prometheus, the largest
 * number stands for the bound beyond it, and infinity for the next one.
 */
function upperBound(index: number, schema: number): number {
  const exponent = index * 2 ** -schema
  if (exponent === 1024) return Number.MAX_VALUE
  const whole = Math.floor(exponent)
  return 2 ** (exponent - whole) * 2 ** whole
}
