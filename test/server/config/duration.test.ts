import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../../server/config/duration.ts'

describe('parseDuration reads what Go reads', () => {
  test.each<[text: string, ms: number]>([
    ['0', 0],
    ['0s', 0],
    ['5s', 5_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1h1s', 3_601_000],
    ['90s', 90_000],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['5.s', 5_000],
    ['.5s', 500],
    ['+5s', 5_000],
    ['1m1m', 120_000],
    ['1h0.5m', 3_630_000],
    ['1ms1us', 1.001],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['1μs', 0.001],
    ['100ns', 0.0001],
    ['24h', 86_400_000],
    ['0001s', 1_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9)
  })
})

describe('parseDuration refuses', () => {
  test.each<[what: string, text: string]>([
    ['nothing', ''],
    ['a number without a unit', '5'],
    ['a unit without a number', 's'],
    ['a point', '.'],
    ['a point with a unit', '.s'],
    ['two points', '1.5.3s'],
    ['days', '1d'],
    ['capitals', '1S'],
    ['an exponent', '1e3s'],
    ['a leading blank', ' 5s'],
    ['a trailing blank', '5s '],
    ['blanks inside', '1h 30m'],
    ['a number behind the last unit', '1h30'],
    ['a negative duration, which no setting has a use for', '-5s'],
    ['words', 'forever'],
  ])('%s', (_, text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('formatDuration writes what Go writes', () => {
  test.each<[ms: number, text: string]>([
    [0, '0s'],
    [1, '1ms'],
    [20, '20ms'],
    [250, '250ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [5_000, '5s'],
    [59_900, '59.9s'],
    [60_000, '1m0s'],
    [90_000, '1m30s'],
    [300_000, '5m0s'],
    [3_600_000, '1h0m0s'],
    [3_601_000, '1h0m1s'],
    [3_660_000, '1h1m0s'],
    [3_661_500, '1h1m1.5s'],
    [5_400_000, '1h30m0s'],
    [86_400_000, '24h0m0s'],
    [360_000_000, '100h0m0s'],
    [1.0001, '1.0001ms'],
    [0.1, '100µs'],
    [0.001, '1µs'],
    [0.0015, '1.5µs'],
    [0.0001, '100ns'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

test('what formatDuration writes, parseDuration reads', () => {
  const ms = fc.oneof(
    fc.nat({ max: 10 ** 9 }),
    fc.nat({ max: 10 ** 6 }).map((us) => us / 1000),
  )
  fc.assert(
    fc.property(ms, (duration) => {
      expect(parseDuration(formatDuration(duration))).toBeCloseTo(duration, 6)
    }),
    { numRuns: 1000 },
  )
})
