import { afterEach, expect, jest, test } from '@jest/globals'
import { createClock } from '../../storage/clock.ts'

afterEach(() => void jest.restoreAllMocks())

/** The clock of a process that looks at these times, in milliseconds: wall, then monotonic. */
function readings(...times: (readonly [wallMs: number, monotonicMs: number])[]): number[] {
  const [wall, monotonic] = [jest.spyOn(Date, 'now'), jest.spyOn(performance, 'now')]
  for (const [wallMs, monotonicMs] of times) {
    wall.mockReturnValueOnce(wallMs)
    monotonic.mockReturnValueOnce(monotonicMs)
  }
  const clock = createClock()
  return times.slice(1).map(() => clock())
}

function expectNeverBack(times: readonly number[]): void {
  expect(times).toEqual(times.toSorted((a, b) => a - b))
}

test('within a millisecond of the wall clock time goes on in microseconds', () => {
  const times = readings([1000, 0], [1000, 0.25], [1000, 0.5], [1000, 0.999])
  expect(times).toEqual([1_000_250, 1_000_500, 1_000_999])
})

test('time does not go back when the process is paused between its two looks', () => {
  // The wall clock says 1000.x each time; the second look at the other one came 2 ms late.
  expectNeverBack(readings([1000, 0], [1000, 0.9], [1000, 2.95], [1003, 2.96], [1003, 3.2]))
})

test('time does not go back when the monotonic clock is a little fast', () => {
  expectNeverBack(readings([1000, 0], [1009, 9.9], [1009, 10.001], [1010, 10.5], [1010, 11.2]))
})

test('time follows the wall clock when that was set forward', () => {
  const [before, after] = readings([1000, 0], [1000, 0.5], [61_000, 1])
  expect(before).toBe(1_000_500)
  expect(after).toBeGreaterThanOrEqual(61_000_000)
})

test('time follows the wall clock when that was set back, if not at once', () => {
  const times = readings([100_000, 0], [100_000, 0.5], [40_000, 1], [40_001, 2], [110_000, 70_001])
  expect(times.at(-1)).toBeGreaterThanOrEqual(110_000_000)
  expect(times.at(-1)).toBeLessThan(110_001_000)
})

test('over many readings in a row no two go back, and the clock stays near the wall clock', () => {
  const clock = createClock()
  let last = clock()
  for (let i = 0; i < 200_000; i++) {
    const now = clock()
    if (now < last) throw new Error(`${now} after ${last}`)
    last = now
  }
  expect(Math.abs(last / 1000 - Date.now())).toBeLessThan(50)
})
