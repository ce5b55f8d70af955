import { describe, expect, test } from '@jest/globals'
import { SluiceError } from '../../../../server/errors.ts'
import { parseProtobuf } from '../../../../server/exposition/protobuf/decode.ts'
import type { Metric, MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { ACCEPTED_VALUES } from './accepted-values.ts'
import { ACCEPTED } from './accepted.ts'
import { REFUSED } from './refused.ts'
import * as wire from './wire.ts'
import { counter, family, gauge, integer, label, message, metric } from './wire.ts'

const LEGACY = { utf8Names: false }

function failureOf(body: Buffer, options: Parameters<typeof parseProtobuf>[1]): SluiceError {
  try {
    parseProtobuf(body, options)
  } catch (error) {
    if (error instanceof SluiceError) return error
    throw error
  }
  throw new Error(`accepted: ${body.toString('hex')}`)
}

describe('protobuf accepts', () => {
  test.each([...ACCEPTED, ...ACCEPTED_VALUES].map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, families, utf8Names = false }) => {
      expect(parseProtobuf(body, { utf8Names })).toEqual(families)
    },
  )
})

describe('protobuf refuses', () => {
  test.each(REFUSED.map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, says, utf8Names = false }) => {
      const failure = failureOf(body, { utf8Names })
      expect(failure.code).toBe('invalid_exposition')
      expect(failure.message).toContain('protobuf parsing error in message 1 (byte 0): ')
      expect(failure.message).toContain(says)
    },
  )
})

test('an error names the message it is in, and where that begins', () => {
  const good = family('good', metric(counter(1)))
  const failure = failureOf(Buffer.concat([good, good, family('a b')]), LEGACY)
  expect(failure.message).toBe(
    `protobuf parsing error in message 3 (byte ${2 * good.length}): ` +
      'invalid metric name "a b" (other characters need --push.enable-utf8-names)',
  )
})

describe('what a rule forbids is read, and marked for the rule', () => {
  function read(...fields: readonly Buffer[]): Metric {
    const [only] = parseProtobuf(family('m', wire.GAUGE, metric(...fields)), LEGACY)
    return only!.metrics[0]!
  }

  test.each([0, 1, -1, 2n ** 63n - 1n])('the timestamp %s', (timestamp) => {
    expect(read(gauge(1), integer(6, timestamp))).toEqual({
      labels: [],
      value: 1,
      hasTimestamp: true,
    })
  })

  test('a metric without a value', () => {
    expect(read(label('a', '1'))).toMatchObject({ hasNoValue: true })
  })

  test('a metric with a value of another type', () => {
    expect(read(counter(1))).toMatchObject({ hasNoValue: true })
  })

  test('and a value that is written but empty is one', () => {
    expect(read(message(2))).toEqual({ labels: [], value: 0 })
  })
})

test('gauges and untyped metrics have no exemplar and no created timestamp', () => {
  const extra = [message(2), message(3)]
  const body = Buffer.concat([
    family('g', wire.GAUGE, metric(message(2, ...extra))),
    family('u', wire.UNTYPED, metric(message(5, ...extra))),
  ])
  expect(parseProtobuf(body, LEGACY).map(({ metrics }) => metrics)).toEqual([
    [{ labels: [], value: 0 }],
    [{ labels: [], value: 0 }],
  ])
})

describe('the limit of samples', () => {
  const three = family('m', ...['1', '2', '3'].map((a) => metric(label('a', a), counter(1))))
  // Two quantiles, sum and count.
  const summary = family('s', wire.SUMMARY, metric(message(4, message(3), message(3))))
  // One bucket, sum and count.
  const classic = wire.histogram(message(3))
  // Three sparse buckets, sum and count.
  const sparse = wire.histogram(
    integer(1, 3),
    wire.span(9, 0, 1),
    wire.signed(10, 1),
    wire.span(12, 0, 2),
    wire.signed(13, 1),
    wire.signed(13, 0),
  )

  test.each([
    ['metrics', three, 3],
    ['quantiles', summary, 4],
    ['buckets', classic, 3],
    ['sparse buckets', sparse, 5],
    ['families', Buffer.concat([three, summary, classic]), 10],
    ['families that a later one of their name replaces', Buffer.concat([three, three]), 6],
  ])('counts %s', (_, body, samples) => {
    const accept = (samplesMax: number): MetricFamily[] =>
      parseProtobuf(body, { ...LEGACY, samplesMax })
    expect(accept(samples)).toEqual(parseProtobuf(body, LEGACY))
    const failure = failureOf(body, { ...LEGACY, samplesMax: samples - 1 })
    expect(failure.code).toBe('body_too_large')
    expect(failure.message).toBe(
      `the body holds more than ${samples - 1} samples (--push.max-samples)`,
    )
  })
})
