import { expect, test } from '@jest/globals'
import type { GroupStore } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, outcome, readOne } from './reading.ts'
import { fail, family, merge, remove, replace, summary } from './writes.ts'

const mark = { rules: 'mark' } as const
const counter = { type: 'counter' }

/** `g` has m as a gauge; `h` has it as a counter, and is marked. */
async function openInconsistent(open: Driver['open']): Promise<GroupStore> {
  const store = await open()
  await applied(store, replace('g', [family('m')], mark))
  const result = await store.apply(replace('h', [family('m', counter)], mark))
  expect(result).toMatchObject({ kind: 'applied', inconsistent: true })
  return store
}

async function isMarked(store: GroupStore, key: string): Promise<boolean> {
  return (await readOne(store, key)).inconsistent
}

/** Writes with `rules: 'mark'`: what breaks a rule is let in and marked. */
export function marks({ open }: Driver): void {
  test('a write that breaks a rule is let in and marks its group, and no other', async () => {
    const store = await openInconsistent(open)
    expect(await isMarked(store, 'g')).toBe(false)
    expect(await isMarked(store, 'h')).toBe(true)
    expect(await store.verify()).toEqual([])
  })

  test('a write that disagrees with itself marks its group', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m_sum'), summary('m')], mark))
    await applied(store, merge('h', [family('n_sum')], mark))
    await applied(store, merge('h', [summary('n')], mark))
    expect([await isMarked(store, 'g'), await isMarked(store, 'h')]).toEqual([true, true])
    expect(await store.verify()).toEqual([])
  })

  test('a write that breaks no rule does not mark its group', async () => {
    const store = await open()
    for (const write of [
      replace('g', [family('m'), summary('s')], mark),
      merge('g', [family('n')], mark),
      replace('h', [family('m')], mark),
    ]) {
      expect(await store.apply(write)).toMatchObject({ kind: 'applied', inconsistent: false })
    }
  })

  test('what the caller knows to be inconsistent is marked whatever the claims say', async () => {
    const store = await open()
    const known = { ...mark, knownInconsistent: true }
    await applied(store, replace('g', [family('m')], known))
    await applied(store, merge('h', [family('m')], known))
    expect([await isMarked(store, 'g'), await isMarked(store, 'h')]).toEqual([true, true])
  })

  test('the guard holds for these writes too', async () => {
    const store = await openInconsistent(open)
    expect(await outcome(store, replace('i', [], { ...mark, nameSet: 'n2' }))).toBe('unguarded')
  })

  test('new values and failures keep the mark', async () => {
    const store = await openInconsistent(open)
    for (const write of [
      replace('h', [family('m', { ...counter, data: '2' })], mark),
      replace('h', [family('m', { ...counter, data: '3' })]),
      merge('h', [family('m', { ...counter, data: '4' })]),
      merge('h', []),
      fail('h'),
    ]) {
      expect(await store.apply(write)).toMatchObject({ kind: 'applied', inconsistent: true })
    }
    expect(await isMarked(store, 'h')).toBe(true)
  })

  test('a merge keeps the mark, since what earned it may have stayed', async () => {
    const store = await openInconsistent(open)
    await applied(store, merge('h', [family('n')], mark))
    await applied(store, merge('h', [family('o')]))
    expect(await isMarked(store, 'h')).toBe(true)
  })

  test('a replace that breaks no rule clears the mark, whether rules are enforced or not', async () => {
    for (const circumstances of [mark, {}]) {
      const store = await openInconsistent(open)
      await applied(store, replace('h', [family('m')], circumstances))
      expect(await isMarked(store, 'h')).toBe(false)
      expect(await store.verify()).toEqual([])
    }
  })

  test('a replace that goes on contradicting another group keeps the mark', async () => {
    for (const circumstances of [mark, {}]) {
      const store = await openInconsistent(open)
      const grown = [family('m', { ...counter, series: ['s', 't'] })]
      await applied(store, replace('h', grown, circumstances))
      expect(await isMarked(store, 'h')).toBe(true)
    }
  })

  test('a mark goes with its group', async () => {
    const store = await openInconsistent(open)
    await applied(store, remove('h'))
    await applied(store, fail('h'))
    expect(await isMarked(store, 'h')).toBe(false)
    await applied(store, replace('h', [family('m')]))
    expect(await isMarked(store, 'h')).toBe(false)
  })

  test('the books count every meaning of a name', async () => {
    const store = await openInconsistent(open)
    await applied(store, replace('i', [family('m', { type: 'untyped' })], mark))
    expect(await store.verify()).toEqual([])
    await applied(store, remove('g'))
    expect(await outcome(store, replace('j', [family('m', counter)]))).toBe('refused')
    await applied(store, remove('i'))
    await applied(store, replace('j', [family('m', counter)]))
    expect(await store.verify()).toEqual([])
  })
}
