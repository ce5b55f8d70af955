import { expect, test } from '@jest/globals'
import { Memo } from '../../../server/exposition/memo.ts'

test('what was set is known, until there is too much of it', () => {
  const memo = new Memo<number>(2)
  expect(memo.get('a')).toBeUndefined()
  expect(memo.set('a', 1)).toBe(1)
  memo.set('b', 2)
  expect([memo.get('a'), memo.get('b')]).toEqual([1, 2])
  memo.set('c', 3)
  expect([memo.get('a'), memo.get('b'), memo.get('c')]).toEqual([undefined, undefined, 3])
})

test('long texts are not remembered', () => {
  const memo = new Memo<number>(2)
  expect(memo.set('a'.repeat(1000), 1)).toBe(1)
  expect(memo.get('a'.repeat(1000))).toBeUndefined()
})
