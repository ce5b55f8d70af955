import { expect, test } from '@jest/globals'
import type { Driver } from './driver.ts'
import { applied, outcome, readOne } from './reading.ts'
import { fail, family, merge, remove, replace } from './writes.ts'

/** Equal shapes: neither claims nor guards are looked at. */
export function shapes({ open }: Driver): void {
  test('a push of the stored shape is not judged by its guard', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b')]))
    await applied(
      store,
      replace('other', [family('a')], { nameSet: 'n2', guard: { nameSets: ['n'] } }),
    )
    const guard = { groups: [{ key: Buffer.from('other'), shapeRevision: 99 }] }
    await applied(store, replace('g', [family('a'), family('b')]))
    await applied(store, replace('g', [family('a'), family('b')], { guard }))
    await applied(store, merge('g', [family('b')], { guard }))
    await applied(store, merge('g', []))
    await applied(store, fail('g'))
    expect(await outcome(store, replace('g', [family('a')]))).toBe('unguarded')
    expect(await outcome(store, replace('g', []))).toBe('unguarded')
    expect(await outcome(store, merge('g', [family('c')]))).toBe('unguarded')
    expect(await outcome(store, merge('g', [family('b', { series: ['t'] })]))).toBe('unguarded')
  })

  test('a push of the stored shape is not judged by its claims', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    await applied(store, replace('h', [family('a', { type: 'counter' })], { rules: 'mark' }))
    await applied(store, replace('g', [family('a', { data: '2' })]))
    await applied(store, replace('h', [family('a', { type: 'counter', data: '2' })]))
    await applied(store, merge('h', [family('a', { type: 'counter', data: '3' })]))
    expect(await store.verify()).toEqual([])
  })

  test('the stored shape is that of the families, however they came there', async () => {
    const store = await open()
    const guarded = { nameSet: 'n2', guard: { nameSets: ['n'] } }
    await applied(store, merge('g', [family('a')]))
    await applied(store, merge('g', [family('b')]))
    await applied(store, replace('other', [], guarded))
    await applied(store, replace('g', [family('a'), family('b')]))
    await applied(store, replace('g', [family('b'), family('a')]))
    await applied(store, merge('g', [family('a')]))
    await applied(store, replace('g', [family('a'), family('b')]))
    expect(await outcome(store, merge('g', [family('c')]))).toBe('unguarded')
  })

  test('an empty push of an empty group is a push of the stored shape', async () => {
    const store = await open()
    await applied(store, fail('g'))
    await applied(store, replace('other', [], { nameSet: 'n2', guard: { nameSets: ['n'] } }))
    await applied(store, replace('g', []))
    await applied(store, merge('g', []))
    await applied(store, replace('g', []))
  })

  test('a deleted group has no shape: pushing it again is judged', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    await applied(store, replace('other', [], { nameSet: 'n2', guard: { nameSets: ['n'] } }))
    await applied(store, remove('g'))
    expect(await outcome(store, replace('g', [family('a')]))).toBe('unguarded')
    expect(await outcome(store, merge('g', [family('a')]))).toBe('unguarded')
    expect(await outcome(store, fail('g'))).toBe('unguarded')
  })

  test('the shape revision moves with the shape only', async () => {
    const store = await open()
    const shapeRevision = async (): Promise<number> => (await readOne(store, 'g')).shapeRevision
    const first = await applied(store, replace('g', [family('a')]))
    expect(await shapeRevision()).toBe(first)
    await applied(store, replace('g', [family('a', { data: 'x', samples: 9 })]))
    await applied(store, merge('g', [family('a')]))
    await applied(store, fail('g'))
    expect(await shapeRevision()).toBe(first)
    const series = await applied(store, replace('g', [family('a', { series: ['s', 't'] })]))
    expect(await shapeRevision()).toBe(series)
    const type = await applied(store, replace('g', [family('a', { type: 'counter' })]))
    expect(await shapeRevision()).toBe(type)
    const added = await applied(store, merge('g', [family('b')]))
    expect(await shapeRevision()).toBe(added)
    await applied(store, merge('g', [family('b')]))
    expect(await shapeRevision()).toBe(added)
    const dropped = await applied(store, replace('g', [family('b')]))
    expect(await shapeRevision()).toBe(dropped)
    await applied(store, remove('g'))
    const again = await applied(store, replace('g', [family('b')]))
    expect(await shapeRevision()).toBe(again)
  })
}
