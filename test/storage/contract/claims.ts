import { expect, test } from '@jest/globals'
import type { Driver } from './driver.ts'
import { applied, outcome } from './reading.ts'
import { family, merge, remove, replace, summary } from './writes.ts'

const counter = { type: 'counter' }

export function claims({ open }: Driver): void {
  test('a name that one group gave a meaning has no other one', async () => {
    const store = await open()
    await applied(store, replace('g', [summary('m')]))
    for (const [write, refusal] of [
      [replace('h', [family('m')]), { claim: 'm', wanted: 'gauge', held: 'summary' }],
      [merge('h', [family('m_sum')]), { claim: 'm_sum', wanted: 'gauge', held: 'reserved' }],
      [
        replace('h', [family('a'), family('m_count', counter)]),
        { claim: 'm_count', wanted: 'counter', held: 'reserved' },
      ],
    ] as const) {
      expect(await store.apply(write)).toEqual({ kind: 'refused', ...refusal })
    }
    await applied(store, replace('h', [summary('m'), family('m_bucket'), family('m_sum_x')]))
  })

  test('a reservation is refused where the name is a family already', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m_sum')]))
    const refused = { kind: 'refused', claim: 'm_sum', wanted: 'reserved', held: 'gauge' }
    expect(await store.apply(replace('h', [summary('m')]))).toEqual(refused)
    await applied(store, remove('g'))
    await applied(store, replace('h', [summary('m')]))
  })

  test('the claims of one write must agree with each other', async () => {
    const store = await open()
    const clashing = [family('m_sum'), summary('m')]
    for (const families of [clashing, [...clashing].reverse()]) {
      for (const write of [replace('g', families), merge('g', families)]) {
        expect(await store.apply(write)).toMatchObject({ kind: 'refused', claim: 'm_sum' })
      }
    }
    expect(await store.verify()).toEqual([])
  })

  test('claims of one write must agree also where the group held each of them before', async () => {
    const store = await open()
    await applied(store, replace('g', [summary('m'), family('m_sum')], { rules: 'mark' }))
    const grown = [summary('m', { series: ['t'] }), family('m_sum', { series: ['t'] })]
    expect(await outcome(store, replace('g', grown))).toBe('refused')
    expect(await outcome(store, merge('g', grown))).toBe('refused')
  })

  test('the only holder may change a meaning; one of two may not', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m')]))
    await applied(store, replace('g', [family('m', counter)]))
    await applied(store, merge('g', [family('m')]))
    await applied(store, replace('h', [family('m')]))
    expect(await outcome(store, replace('g', [family('m', counter)]))).toBe('refused')
    expect(await outcome(store, merge('h', [family('m', counter)]))).toBe('refused')
    await applied(store, replace('h', [family('n')]))
    await applied(store, replace('g', [family('m', counter)]))
    expect(await store.verify()).toEqual([])
  })

  test('a write may turn its own family into a reservation and back', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m_sum'), family('m_count')]))
    await applied(store, replace('g', [summary('m')]))
    await applied(store, replace('g', [family('m_sum'), family('m', counter)]))
    expect(await outcome(store, merge('g', [summary('m')]))).toBe('refused')
    expect(await store.verify()).toEqual([])
  })

  test('a name is free when its last holder is deleted, and not before', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m')]))
    await applied(store, replace('h', [family('m'), family('n')]))
    const other = replace('i', [family('m', counter)])
    expect(await outcome(store, other)).toBe('refused')
    await applied(store, remove('g'))
    expect(await outcome(store, other)).toBe('refused')
    await applied(store, remove('h'))
    await applied(store, other)
    expect(await outcome(store, replace('g', [family('m')]))).toBe('refused')
  })

  test('a name is free when its last holder is replaced by something else', async () => {
    const store = await open()
    await applied(store, replace('g', [summary('m'), family('n')]))
    await applied(store, merge('g', [family('m')]))
    await applied(store, replace('h', [family('m_sum'), family('m_count')]))
    await applied(store, replace('g', [family('n')]))
    await applied(store, replace('i', [family('m', counter)]))
    expect(await store.verify()).toEqual([])
  })

  test('under merge the families of the group that stay count as others', async () => {
    const store = await open()
    await applied(store, replace('g', [summary('m'), family('a')]))
    expect(await store.apply(merge('g', [family('m_sum')]))).toEqual({
      kind: 'refused',
      claim: 'm_sum',
      wanted: 'gauge',
      held: 'reserved',
    })
    await applied(store, merge('g', [family('m', counter), family('m_sum')]))
    expect(await outcome(store, merge('g', [summary('m')]))).toBe('refused')
    await applied(store, replace('g', [family('m_sum')]))
  })

  test('a claim that several families of one group hold is let go with the last of them', async () => {
    const store = await open()
    const holding = (name: string, meaning: string) =>
      family(name, { claims: [['shared', meaning]], series: [meaning] })
    await applied(store, replace('g', [holding('a', 'x'), holding('b', 'x'), holding('c', 'x')]))
    expect(await outcome(store, merge('g', [holding('a', 'y')]))).toBe('refused')
    expect(await outcome(store, merge('g', [holding('a', 'y'), holding('b', 'y')]))).toBe('refused')
    expect(await store.verify()).toEqual([])
    await applied(store, replace('g', [holding('a', 'x'), family('b')]))
    await applied(store, merge('g', [holding('a', 'y')]))
    await applied(store, replace('h', [holding('a', 'y'), holding('b', 'y')]))
    expect(await outcome(store, replace('g', [holding('a', 'x')]))).toBe('refused')
    await applied(store, remove('h'))
    await applied(store, replace('g', [holding('a', 'x')]))
    expect(await store.verify()).toEqual([])
  })

  test('a claim that the group held already is not judged again', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m')]))
    await applied(store, replace('h', [family('m', counter)], { rules: 'mark' }))
    await applied(store, replace('g', [family('m', { series: ['s', 't'] }), family('a')]))
    await applied(store, replace('h', [family('m', { ...counter, series: ['s', 't'] })]))
    await applied(store, merge('h', [family('m', { ...counter, series: ['u'] }), family('b')]))
    expect(await outcome(store, merge('h', [family('m', { type: 'untyped' })]))).toBe('refused')
    expect(await store.verify()).toEqual([])
  })

  test('nor is a claim that a family holds which stays in the group', async () => {
    const store = await open()
    const holding = (name: string, meaning: string) =>
      family(name, { claims: [['shared', meaning]] })
    await applied(store, replace('g', [holding('a', 'x')]))
    await applied(store, replace('h', [holding('b', 'y')], { rules: 'mark' }))
    await applied(store, merge('g', [holding('c', 'x')]))
    await applied(store, merge('h', [holding('d', 'y')]))
    expect(await outcome(store, merge('g', [holding('d', 'y')]))).toBe('refused')
    expect(await store.verify()).toEqual([])
  })

  test('where a name has two meanings already, a new group can take neither', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m')]))
    await applied(store, replace('h', [family('m', counter)], { rules: 'mark' }))
    expect(await outcome(store, replace('i', [family('m')]))).toBe('refused')
    expect(await outcome(store, replace('i', [family('m', counter)]))).toBe('refused')
    await applied(store, remove('g'))
    expect(await outcome(store, replace('i', [family('m')]))).toBe('refused')
    await applied(store, replace('i', [family('m', counter)]))
  })

  test('of two groups that give a new name different meanings at once, one is refused', async () => {
    const store = await open()
    for (let round = 0; round < 20; round++) {
      const name = `m${round}`
      const kinds = await Promise.all([
        outcome(store, replace('g', [family(name)])),
        outcome(store, replace('h', [family(name, counter)])),
        outcome(store, merge('i', [family(name, { type: 'untyped' })])),
      ])
      expect(kinds.filter((kind) => kind === 'applied')).toHaveLength(1)
      expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(2)
    }
    expect(await store.verify()).toEqual([])
  })

  test('claims reach over partitions and name-sets', async () => {
    const store = await open()
    await applied(store, replace('g', [family('m')], { partition: 'p1', nameSet: 'n1' }))
    const elsewhere = { partition: 'p2', nameSet: 'n2' }
    expect(await outcome(store, replace('h', [family('m', counter)], elsewhere))).toBe('refused')
  })
}
