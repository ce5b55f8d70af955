import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { atOnce } from '../../../server/view/in-slices.ts'
import { sortInSteps } from '../../../server/view/sort-in-steps.ts'

function sorted(texts: readonly string[]): string[] {
  return [...texts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

test('texts come out in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 4 })), (texts) => {
      expect(atOnce(sortInSteps(texts))).toEqual(sorted(texts))
    }),
  )
})

test.each([0, 1, 1024, 1025, 5000, 9217])('%i texts come out in order, in many steps', (count) => {
  const texts = Array.from({ length: count }, (_, i) => `${(i * 7919) % 10_007}`)
  const steps = sortInSteps(texts)
  let taken = 0
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      expect(step.value).toEqual(sorted(texts))
      break
    }
    taken++
  }
  expect(taken).toBeGreaterThanOrEqual(Math.floor(count / 1024))
})
