import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  parseTimestamp,
  renderTimestamp,
} from '../../../../server/exposition/openmetrics/timestamp.ts'

describe('a moment is read to the nanosecond', () => {
  test.each<[text: string, seconds: number, nanos: number]>([
    ['0', 0, 0],
    ['-0', 0, 0],
    ['007', 7, 0],
    ['+5', 5, 0],
    ['5.', 5, 0],
    ['.5', 0, 500_000_000],
    ['1604676851.123456789', 1_604_676_851, 123_456_789],
    ['1604676851.1234567899', 1_604_676_851, 123_456_789],
    ['1.6e9', 1_600_000_000, 0],
    ['1.5e0', 1, 500_000_000],
    ['1e-9', 0, 1],
    ['1e-10', 0, 0],
    ['9.999999999999e-1', 1, 0],
    ['-1', -1, 0],
    ['-1.5', -2, 500_000_000],
    ['-0.5', -1, 500_000_000],
    ['-.5', -1, 500_000_000],
    ['-5e-1', -1, 500_000_000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER, 0],
  ])('%s', (text, seconds, nanos) => {
    const time = parseTimestamp(text)
    expect(time).toEqual({ seconds, nanos })
    expect(Object.is(time?.seconds, -0)).toBe(false)
  })
})

test.each(['', 'NaN', 'Inf', '-Inf', 'now', '1,5', '1 ', '1.2.3', '9007199254740992', '1e300'])(
  '%j is no moment',
  (text) => {
    expect(parseTimestamp(text)).toBeUndefined()
  },
)

describe('a moment is written without exponent and without zeros at its end', () => {
  test.each<[seconds: number, nanos: number, text: string]>([
    [0, 0, '0'],
    [1_600_000_000, 0, '1600000000'],
    [1_600_000_000, 500_000_000, '1600000000.5'],
    [1, 1, '1.000000001'],
    [-1, 0, '-1'],
    [-1, 500_000_000, '-0.5'],
    [-1, 999_999_999, '-0.000000001'],
    [-2, 500_000_000, '-1.5'],
    [Number.MAX_SAFE_INTEGER, 0, '9007199254740991'],
  ])('%d s and %d ns: %s', (seconds, nanos, text) => {
    expect(renderTimestamp({ seconds, nanos })).toBe(text)
  })
})

test('any moment that is written and read again is the same moment', () => {
  const time = fc.record({ seconds: fc.maxSafeInteger(), nanos: fc.nat(999_999_999) })
  fc.assert(
    fc.property(time, (moment) => {
      // The first second of all has no room for a fraction.
      fc.pre(moment.seconds > Number.MIN_SAFE_INTEGER)
      expect(parseTimestamp(renderTimestamp(moment))).toEqual(moment)
    }),
    { numRuns: 500 },
  )
})
