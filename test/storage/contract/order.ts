import { expect, test } from '@jest/globals'
import type { Driver } from './driver.ts'
import { applied, contents, headOf, outcome, readOne } from './reading.ts'
import { fail, family, merge, newNonce, remove, replace } from './writes.ts'

export function order({ open }: Driver): void {
  test('revisions count the writes, 1, 2, 3, …, whatever kind they are', async () => {
    const store = await open()
    expect((await headOf(store)).revision).toBe(0)
    expect(await applied(store, replace('g', [family('a')]))).toBe(1)
    expect(await applied(store, replace('g', [family('a')]))).toBe(2)
    expect(await applied(store, merge('g', [family('b')]))).toBe(3)
    expect(await applied(store, fail('g'))).toBe(4)
    expect(await applied(store, fail('h'))).toBe(5)
    expect(await applied(store, remove('g'))).toBe(6)
    expect(await applied(store, replace('g', [family('a')]))).toBe(7)
    expect((await readOne(store, 'g')).revision).toBe(7)
    expect((await readOne(store, 'h')).revision).toBe(5)
    expect((await headOf(store)).revision).toBe(7)
  })

  test('what changes nothing makes no revision', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    expect(await store.apply(remove('nobody'))).toEqual({ kind: 'unchanged' })
    expect(await outcome(store, replace('h', [family('a', { type: 'counter' })]))).toBe('refused')
    expect(await outcome(store, replace('h', [family('b')], { nameSet: 'n2' }))).toBe('unguarded')
    expect(await outcome(store, fail('h', { nameSet: 'n2' }))).toBe('unguarded')
    expect(await applied(store, remove('g'))).toBe(2)
    expect(await outcome(store, remove('g'))).toBe('unchanged')
    expect((await headOf(store)).revision).toBe(2)
  })

  test('writes at the same time get revisions of their own, without a gap', async () => {
    const store = await open()
    const writes = Array.from({ length: 600 }, (_, i) => replace(`g${i % 7}`, [family('a')]))
    const revisions = await Promise.all(writes.map((write) => applied(store, write)))
    expect(revisions.sort((a, b) => a - b)).toEqual(writes.map((_, i) => i + 1))
  })

  test('of writes to one group at the same time, the one with the highest revision stays', async () => {
    const store = await open()
    const writes = Array.from({ length: 100 }, (_, i) =>
      replace('g', [family('a', { data: String(i), series: [String(i % 3)] })]),
    )
    const revisions = await Promise.all(writes.map((write) => applied(store, write)))
    const last = revisions.indexOf(Math.max(...revisions))
    const group = await readOne(store, 'g')
    expect(contents(group)).toEqual({ a: String(last) })
    expect(group.revision).toBe(Math.max(...revisions))
  })

  test('the head carries the nonce of the write that made its revision', async () => {
    const store = await open()
    const nonce = newNonce()
    await applied(store, replace('g', [family('a')], { nonce }))
    expect((await headOf(store)).nonce).toBe(nonce)
    await store.apply(remove('nobody'))
    expect((await headOf(store)).nonce).toBe(nonce)
    const deletion = newNonce()
    await applied(store, remove('g', { nonce: deletion }))
    expect((await headOf(store)).nonce).toBe(deletion)
  })

  test('every store has an epoch of its own', async () => {
    const [a, b] = [await headOf(await open()), await headOf(await open())]
    expect(a.epoch).not.toBe('')
    expect(a.epoch).not.toBe(b.epoch)
  })
}
