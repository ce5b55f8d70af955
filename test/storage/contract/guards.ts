import { expect, test } from '@jest/globals'
import type { GroupStore, StoredGroup } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, exists, outcome, readOne } from './reading.ts'
import { fail, family, keyOf, merge, remove, replace } from './writes.ts'

function groupGuard(key: string, shapeRevision: number) {
  return { guard: { nameSets: ['n2'], groups: [{ key: keyOf(key), shapeRevision }] } }
}

async function openWithOther(
  open: Driver['open'],
): Promise<{ store: GroupStore; other: StoredGroup }> {
  const store = await open()
  await applied(store, replace('other', [family('a')], { nameSet: 'n2' }))
  return { store, other: await readOne(store, 'other') }
}

export function guards({ open }: Driver): void {
  test('in a partition of one name-set a write needs no guard', async () => {
    const store = await open()
    for (const key of ['g', 'h', 'i']) await applied(store, replace(key, [family('a')]))
    await applied(store, replace('j', [family('a')], { partition: 'p2', nameSet: 'n2' }))
    await applied(store, replace('k', [family('a')]))
  })

  test('a write that does not cover every other name-set is told all of them', async () => {
    const store = await open()
    const all = ['n1', 'n2', 'n3']
    for (const nameSet of all) {
      await applied(store, replace(nameSet, [], { nameSet, guard: { nameSets: all } }))
    }
    for (const nameSets of [[], ['n1'], ['n2', 'n3'], ['n1', 'n3', 'n4']]) {
      for (const write of [
        replace('g', [], { nameSet: 'n', guard: { nameSets } }),
        merge('g', [family('a')], { nameSet: 'n', guard: { nameSets } }),
        fail('g', { nameSet: 'n', guard: { nameSets } }),
      ]) {
        const result = await store.apply(write)
        expect(result.kind).toBe('unguarded')
        if (result.kind === 'unguarded') expect([...result.nameSets].sort()).toEqual(all)
      }
    }
    const own = await store.apply(replace('g', [], { nameSet: 'n2' }))
    expect(own.kind === 'unguarded' && [...own.nameSets].sort()).toEqual(['n1', 'n3'])
    await applied(store, replace('g', [], { nameSet: 'n', guard: { nameSets: [...all, 'n9'] } }))
  })

  test('a name-set that no group has any more need not be covered', async () => {
    const { store } = await openWithOther(open)
    await applied(store, replace('other2', [], { nameSet: 'n2' }))
    await applied(store, remove('other'))
    expect(await outcome(store, fail('g'))).toBe('unguarded')
    await applied(store, remove('other2'))
    await applied(store, fail('g'))
    expect(await outcome(store, replace('other', [], { nameSet: 'n2' }))).toBe('unguarded')
  })

  test('name-sets of other partitions do not matter', async () => {
    const { store } = await openWithOther(open)
    await applied(store, replace('g', [family('a')], { partition: 'p2' }))
    await applied(store, fail('h', { partition: '' }))
  })

  test('a guarded group may be pushed with new values, but not with a new shape', async () => {
    const { store, other } = await openWithOther(open)
    const guard = groupGuard('other', other.shapeRevision)
    await applied(store, replace('other', [family('a', { data: 'new' })], { nameSet: 'n2' }))
    await applied(store, fail('other', { nameSet: 'n2' }))
    await applied(store, replace('g', [family('b')], guard))
    const covered = { nameSet: 'n2', guard: { nameSets: ['n'] } }
    await applied(store, merge('other', [family('c')], covered))
    expect(await store.apply(replace('h', [family('b')], guard))).toEqual({
      kind: 'unguarded',
      nameSets: ['n2'],
    })
    expect(await outcome(store, merge('g', [family('c')], guard))).toBe('unguarded')
    expect(await outcome(store, fail('h', guard))).toBe('unguarded')
    const now = groupGuard('other', (await readOne(store, 'other')).shapeRevision)
    await applied(store, merge('g', [family('c')], now))
  })

  test('a guarded group that was deleted, or deleted and made again, fails the guard', async () => {
    const { store, other } = await openWithOther(open)
    const guard = groupGuard('other', other.shapeRevision)
    await applied(store, replace('second', [], { nameSet: 'n2' }))
    await applied(store, remove('other'))
    expect(await outcome(store, replace('g', [], guard))).toBe('unguarded')
    await applied(store, replace('other', [family('a')], { nameSet: 'n2' }))
    expect(await outcome(store, replace('g', [], guard))).toBe('unguarded')
  })

  test('0 guards that there is no such group', async () => {
    const { store } = await openWithOther(open)
    await applied(store, replace('g', [], groupGuard('absent', 0)))
    expect(await outcome(store, replace('h', [], groupGuard('other', 0)))).toBe('unguarded')
    const covered = { nameSet: 'n2', guard: { nameSets: ['n'] } }
    await applied(store, fail('absent', covered))
    expect(await outcome(store, replace('h', [], groupGuard('absent', 0)))).toBe('unguarded')
    await applied(store, remove('absent'))
    await applied(store, replace('h', [], groupGuard('absent', 0)))
  })

  test('guarded groups may lie in any partition', async () => {
    const store = await open()
    await applied(store, replace('other', [], { partition: 'p2', nameSet: 'n2' }))
    expect(await outcome(store, replace('g', [], groupGuard('other', 0)))).toBe('unguarded')
  })

  test('of two groups that guard the absence of each other, one gets in', async () => {
    const store = await open()
    for (let round = 0; round < 20; round++) {
      const guard = (other: string) => ({
        partition: `p${round}`,
        guard: { nameSets: ['n1', 'n2'], groups: [{ key: keyOf(other), shapeRevision: 0 }] },
      })
      const [a, b] = [`a${round}`, `b${round}`]
      const kinds = await Promise.all([
        outcome(store, replace(a, [family('m')], { nameSet: 'n1', ...guard(b) })),
        outcome(store, fail(b, { nameSet: 'n2', ...guard(a) })),
      ])
      expect(kinds.sort()).toEqual(['applied', 'unguarded'])
      expect([await exists(store, a), await exists(store, b)].sort()).toEqual([false, true])
    }
  })

  test('deleting needs no guard', async () => {
    const { store } = await openWithOther(open)
    await applied(store, replace('g', [], groupGuard('absent', 0)))
    await applied(store, remove('other'))
    await applied(store, remove('g'))
  })
}
