import { describe, expect, test } from '@jest/globals'
import { backoffMs } from '../../server/store-watch.ts'

describe('between attempts to reach the store', () => {
  test.each([
    [0, 50, 100],
    [1, 100, 200],
    [2, 200, 400],
    [5, 1_600, 3_200],
    [6, 2_500, 5_000],
    [50, 2_500, 5_000],
    [5_000, 2_500, 5_000],
  ])('attempt %i waits from %i to %i ms', (attempt, leastMs, mostMs) => {
    expect(backoffMs(attempt, 0)).toBe(leastMs)
    expect(backoffMs(attempt, 1)).toBe(mostMs)
  })
})
