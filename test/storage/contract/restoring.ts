import { expect, test } from '@jest/globals'
import type { StoredGroup } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, headOf, outcome, readOne } from './reading.ts'
import { family, keyOf, merge, remove, replace, restore } from './writes.ts'

/** A group whose families were pushed at different times, and that failed once. */
async function made(open: Driver['open']): Promise<StoredGroup> {
  const store = await open()
  await applied(store, replace('g', [family('a'), family('b')]))
  await applied(store, merge('g', [family('b', { data: 'b 2\n' }), family('c')]))
  const group = await readOne(store, 'g')
  return { ...group, failureTimeUs: group.pushTimeUs - 1_000_000 }
}

export function restoring({ open }: Driver): void {
  test('a restored group has all that it had, times included; only its revisions are new', async () => {
    const group = await made(open)
    const store = await open()
    await applied(store, replace('other', []))
    const revision = await applied(store, restore(group))
    expect(await readOne(store, 'g')).toEqual({ ...group, revision, shapeRevision: revision })
    expect(await store.status()).toMatchObject({ groups: 2, samples: 3 })
    expect(await store.verify()).toEqual([])
    expect((await headOf(store)).revision).toBe(revision)
  })

  test('a group that is there is not touched', async () => {
    const group = await made(open)
    const store = await open()
    await applied(store, replace('g', [family('mine')]))
    const [before, head] = [await readOne(store, 'g'), await headOf(store)]
    expect(await store.apply(restore(group))).toEqual({ kind: 'unchanged' })
    expect(await readOne(store, 'g')).toEqual(before)
    expect(await headOf(store)).toEqual(head)
  })

  test('a deleted group can be restored, and pushed and deleted as any other', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b')]))
    const before = await readOne(store, 'g')
    await applied(store, remove('g'))
    await applied(store, restore(before))
    const restored = await readOne(store, 'g')
    expect(restored.pushTimeUs).toBe(before.pushTimeUs)
    await applied(store, merge('g', [family('b', { data: 'b 3\n' })]))
    const merged = await readOne(store, 'g')
    expect(merged.families.map(({ pushedAtUs }) => pushedAtUs)).toEqual([
      before.pushTimeUs,
      merged.pushTimeUs,
    ])
    await applied(store, remove('g'))
    expect(await store.verify()).toEqual([])
  })

  test('what others claim refuses a restored group, or marks it', async () => {
    const group = await made(open)
    const store = await open()
    await applied(store, replace('holder', [family('b', { type: 'counter' })]))
    expect(await store.apply(restore(group))).toEqual({
      kind: 'refused',
      claim: 'b',
      wanted: 'gauge',
      held: 'counter',
    })
    expect((await store.read([keyOf('g')]))[0]).toBeNull()
    expect(await store.apply(restore(group, { rules: 'mark' }))).toMatchObject({
      kind: 'applied',
      inconsistent: true,
    })
    expect(await store.verify()).toEqual([])
  })

  test('its guard is looked at like that of a push', async () => {
    const group = await made(open)
    const store = await open()
    await applied(store, replace('other', [], { nameSet: 'n2' }))
    expect(await store.apply(restore(group))).toEqual({ kind: 'unguarded', nameSets: ['n2'] })
    expect(await outcome(store, restore(group, { guard: { nameSets: ['n2'] } }))).toBe('applied')
  })

  test('a group that was never pushed, and one known to be inconsistent, stay so', async () => {
    const store = await open()
    const empty = { ...(await made(open)), families: [], pushTimeUs: 0 }
    await applied(store, restore(empty, { knownInconsistent: true }))
    expect(await readOne(store, 'g')).toMatchObject({
      pushTimeUs: 0,
      failureTimeUs: empty.failureTimeUs,
      inconsistent: true,
      families: [],
    })
    expect(await store.verify()).toEqual([])
  })
}
