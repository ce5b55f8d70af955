import { expect, test } from '@jest/globals'
import type { GroupStore, GroupWrite } from '../../../storage/group-store.ts'
import { generator, type Random } from '../random.ts'
import type { Driver } from './driver.ts'
import { applied, contents, exists, headOf, outcome, readAll, readOne, Reader } from './reading.ts'
import { fail, family, merge, newNonce, remove, replace, summary } from './writes.ts'

/** A write out of a small world, in which most things meet. */
export function randomWrite(random: Random): GroupWrite {
  const key = random.pick(['a', 'b', 'c', 'd', 'e', 'f'])
  const placed = {
    // A group has one place only.
    partition: `p${key.charCodeAt(0) % 2}`,
    nameSet: `n${key.charCodeAt(0) % 3}`,
    guard: { nameSets: random.chance(0.9) ? ['n0', 'n1', 'n2'] : ['n1'] },
    rules: random.chance(0.3) ? 'mark' : 'enforce',
    knownInconsistent: random.chance(0.05),
  } as const
  const families = ['m', 'm_sum', 'm_count', 'n'].flatMap((name) => {
    if (!random.chance(0.35)) return []
    const options = { series: random.pick([['s'], ['t'], ['s', 't']]), samples: random.below(9) }
    const type = random.pick(['gauge', 'counter', 'summary'])
    return type === 'summary' ? [summary(name, options)] : [family(name, { type, ...options })]
  })
  return random.pick([
    () => replace(key, families, placed),
    () => merge(key, families, placed),
    () => merge(key, families, placed),
    () => fail(key, placed),
    () => remove(key),
  ])()
}

async function total(store: GroupStore): Promise<{ groups: number; samples: number }> {
  const groups = [...(await readAll(store)).values()]
  const samples = groups.flatMap((group) => group.families.map((one) => one.sampleCount))
  return { groups: groups.length, samples: samples.reduce((sum, count) => sum + count, 0) }
}

/** Books, wiping and housekeeping. */
export function upkeep({ open, openLimited }: Driver): void {
  test('after any history the books are right', async () => {
    const seed = Date.now() % 1e6
    const random = generator(seed)
    const store = await openLimited({ historyMax: 50, tombstonesMax: 2 })
    const reader = new Reader(store)
    const kinds = new Set<string>()
    for (let i = 0; i < 1500; i++) {
      kinds.add((await store.apply(randomWrite(random))).kind)
      if (i % 100 === 50) await store.maintain()
      if (i % 400 === 399) await store.wipe(newNonce)
      if (i % 30 > 0) continue
      expect({ seed, i, found: await store.verify() }).toEqual({ seed, i, found: [] })
      expect(await store.status()).toMatchObject(await total(store))
      await reader.follow(1)
      expect(reader.state).toEqual(await readAll(store))
    }
    expect([...kinds].sort()).toEqual(['applied', 'refused', 'unchanged', 'unguarded'])
  })

  test('after many writes at once the books are right', async () => {
    const random = generator(42)
    const store = await open()
    const results = await Promise.all(
      Array.from({ length: 800 }, () => store.apply(randomWrite(random))),
    )
    expect(await store.verify()).toEqual([])
    expect(await store.status()).toMatchObject(await total(store))
    const revisions = results.flatMap((one) => (one.kind === 'applied' ? [one.revision] : []))
    expect(revisions.sort((a, b) => a - b)).toEqual(revisions.map((_, i) => i + 1))
  })

  test('wiping deletes every group, frees every name and says how many', async () => {
    const store = await open()
    for (let i = 0; i < 600; i++) {
      await applied(store, replace(`g${i}`, [family('m')], { partition: `p${i % 7}` }))
    }
    await applied(store, remove('g7'))
    const head = await headOf(store)
    expect(await store.wipe(newNonce)).toBe(599)
    expect(await store.status()).toMatchObject({ groups: 0, samples: 0 })
    expect(await store.verify()).toEqual([])
    const reader = new Reader(store)
    reader.cursor = head
    await reader.follow(1)
    expect(reader.resets).toEqual([])
    expect(reader.cursor.revision).toBe(head.revision + 599)
    expect(await store.wipe(newNonce)).toBe(0)
    expect((await headOf(store)).revision).toBe(head.revision + 599)
    await applied(store, replace('g', [family('m', { type: 'counter' })], { nameSet: 'n2' }))
  })

  test('a delete that is bound to a revision spares a group that was written after it', async () => {
    const store = await open()
    const first = await applied(store, replace('g', [family('m')]))
    const second = await applied(store, replace('g', [family('m')]))
    expect(await store.apply({ ...remove('g'), notAfter: first })).toEqual({ kind: 'unchanged' })
    expect(await exists(store, 'g')).toBe(true)
    expect((await headOf(store)).revision).toBe(second)
    await applied(store, { ...remove('g'), notAfter: second })
    expect(await exists(store, 'g')).toBe(false)
    await applied(store, fail('g'))
    expect(await outcome(store, { ...remove('g'), notAfter: second })).toBe('unchanged')
    expect(await store.verify()).toEqual([])
  })

  test('a group pushed while a wipe is under way stays', async () => {
    const store = await open()
    const keys = Array.from({ length: 700 }, (_, i) => `g${i}`)
    await Promise.all(keys.map((key) => applied(store, replace(key, [family('m')]))))
    const pushed = keys.filter((_, i) => i % 10 === 0)
    const wiping = store.wipe(newNonce)
    await Promise.all([
      wiping,
      ...pushed.map((key) => applied(store, replace(key, [family('m', { data: 'later' })]))),
      applied(store, merge('new', [family('m')])),
    ])
    for (const key of pushed) {
      expect({ key, stays: await exists(store, key) }).toEqual({ key, stays: true })
      expect(contents(await readOne(store, key))).toEqual({ m: 'later' })
    }
    expect(await store.status()).toMatchObject({ groups: pushed.length + 1 })
    expect(await wiping).toBeGreaterThanOrEqual(keys.length - pushed.length)
    expect(await store.verify()).toEqual([])
  })

  test('two wipes at once delete each group once', async () => {
    const store = await open()
    for (let i = 0; i < 30; i++) await applied(store, replace(`g${i}`, [family('m')]))
    const [a, b] = await Promise.all([store.wipe(newNonce), store.wipe(newNonce)])
    expect(a + b).toBe(30)
    expect((await headOf(store)).revision).toBe(60)
  })

  test('maintenance forgets tombstones, oldest first, and no group', async () => {
    const store = await openLimited({ historyMax: 1000, tombstonesMax: 3 })
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const key of keys) await applied(store, replace(key, [family('m')]))
    const head = await headOf(store)
    for (const key of keys.slice(0, 4)) await applied(store, remove(key))
    await applied(store, replace('a', [family('m')]))
    await store.maintain()
    const reader = new Reader(store)
    reader.cursor = head
    await reader.follow(1)
    expect(reader.resets).toEqual([])
    await applied(store, remove('e'))
    await store.maintain()
    expect(
      await store.changes({ position: head, after: head.revision, full: false, bytesMax: 1 }),
    ).toEqual({ kind: 'reset', reason: 'floor' })
    expect([...(await readAll(store)).keys()].sort()).toEqual(['a', 'f'])
    await store.maintain()
    expect(await store.verify()).toEqual([])
  })

  test('a group whose tombstone was forgotten can be pushed again', async () => {
    const store = await openLimited({ historyMax: 1, tombstonesMax: 0 })
    for (let i = 0; i < 3; i++) {
      await applied(store, replace('g', [family('m')]))
      await applied(store, remove('g'))
      await store.maintain()
      expect(await outcome(store, remove('g'))).toBe('unchanged')
      expect(await store.verify()).toEqual([])
    }
    expect(await applied(store, replace('g', [family('m')]))).toBe(7)
  })

  test('maintenance may run at any time, also twice at once', async () => {
    const store = await openLimited({ historyMax: 3, tombstonesMax: 1 })
    const random = generator(7)
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await store.apply(randomWrite(random))
        if (i % 20 === 0) await Promise.all([store.maintain(), store.maintain()])
      }),
    )
    expect(await store.verify()).toEqual([])
  })
}
