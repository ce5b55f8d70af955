import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, contents, exists, readOne, withoutPacked } from './reading.ts'
import { fail, family, merge, remove, replace, summary } from './writes.ts'

export function families({ open }: Driver): void {
  test('replace leaves exactly the families it brings', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b'), family('c')]))
    await applied(store, replace('g', [family('b', { data: 'new' }), family('d')]))
    expect(contents(await readOne(store, 'g'))).toEqual({ b: 'new', d: 'd 1\n' })
  })

  test('replace without families leaves a group that has only its times', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    await applied(store, replace('g', []))
    const group = await readOne(store, 'g')
    expect(group.families).toEqual([])
    expect(group.pushTimeUs).toBeGreaterThan(0)
    await applied(store, replace('h', [family('a', { type: 'counter' })]))
    expect(await store.status()).toMatchObject({ groups: 2, samples: 1 })
  })

  test('merge replaces the families it names and keeps the others', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b'), family('c')]))
    await applied(store, merge('g', [family('b', { data: 'new', series: ['x', 'y'] })]))
    await applied(store, merge('g', [family('d')]))
    expect(contents(await readOne(store, 'g'))).toEqual({
      a: 'a 1\n',
      b: 'new',
      c: 'c 1\n',
      d: 'd 1\n',
    })
  })

  test('merge creates a group that is missing, also without families', async () => {
    const store = await open()
    await applied(store, merge('g', [family('a')]))
    expect(contents(await readOne(store, 'g'))).toEqual({ a: 'a 1\n' })
    await applied(store, merge('h', []))
    expect((await readOne(store, 'h')).families).toEqual([])
    expect(await store.status()).toMatchObject({ groups: 2, samples: 1 })
  })

  test('merge without families changes nothing but the time of the push', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    const before = await readOne(store, 'g')
    const revision = await applied(store, merge('g', []))
    const after = await readOne(store, 'g')
    const { pushTimeUs } = after
    expect(withoutPacked(after)).toEqual({ ...withoutPacked(before), revision, pushTimeUs })
    expect(after.pushTimeUs).toBeGreaterThanOrEqual(before.pushTimeUs)
  })

  test('two merges of different families at the same time keep both', async () => {
    const store = await open()
    const names = Array.from({ length: 40 }, (_, i) => `m${i}`)
    await Promise.all(names.map((name) => applied(store, merge('g', [family(name)]))))
    expect(Object.keys(contents(await readOne(store, 'g'))).sort()).toEqual(names.sort())
    expect(await store.verify()).toEqual([])
  })

  test('a family comes back as it was written', async () => {
    const store = await open()
    const written = [
      family('a', { data: 'a{x="1"} 1\n', samples: 17, series: ['x'] }),
      summary('s', { data: 's_sum 1\n' }),
    ]
    await applied(store, replace('g', written))
    const group = await readOne(store, 'g')
    expect(group.key).toEqual(Buffer.from('g'))
    expect(group.families).toEqual(written.map((one) => ({ ...one, pushedAtUs: group.pushTimeUs })))
    expect(group.inconsistent).toBe(false)
  })

  test('families in one piece are stored like the same ones one by one', async () => {
    const store = await open()
    const written = [family('a', { data: 'a 1\n' }), family('b', { data: 'b 22\n', samples: 3 })]
    const packed = {
      families: written,
      data: Buffer.from('a 1\nb 22\n'),
      ends: [4, 9],
    }
    for (const write of [replace('g', written), replace('g', written), merge('g', written)]) {
      await applied(store, { ...write, packed })
      const group = await readOne(store, 'g')
      const { pushTimeUs: pushedAtUs } = group
      expect(group.families).toEqual(written.map((one) => ({ ...one, pushedAtUs })))
    }
    // They are the caller's again.
    packed.data.fill('x')
    expect(contents(await readOne(store, 'g'))).toEqual({ a: 'a 1\n', b: 'b 22\n' })
    expect(await store.verify()).toEqual([])
  })

  test('a group that was read stays as it was read, whatever is written afterwards', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a', { data: 'old' }), family('b')]))
    const read = await readOne(store, 'g')
    const page = await store.changes({ position: ORIGIN, after: 0, full: true, bytesMax: 1e6 })
    const listed = page.kind === 'page' ? page.items[0]!.group! : undefined
    await applied(store, replace('g', [family('a', { data: 'new' }), family('b', { data: 'x' })]))
    await applied(store, fail('g'))
    for (const group of [read, listed!]) {
      expect(contents(group)).toEqual({ a: 'old', b: 'b 1\n' })
      expect(group).toMatchObject({ revision: 1, failureTimeUs: 0 })
    }
    expect(contents(await readOne(store, 'g'))).toEqual({ a: 'new', b: 'x' })
  })

  test('families are sorted by the bytes of their names', async () => {
    const store = await open()
    const names = ['b', 'a_b', 'aB', 'a', 'é', '\u{ff5e}', '\u{10400}', 'Z', 'a:', '']
    await applied(
      store,
      replace(
        'g',
        names.map((name) => family(name)),
      ),
    )
    await applied(store, merge('g', [family('aa')]))
    const sorted = [...names, 'aa'].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect((await readOne(store, 'g')).families.map(({ name }) => name)).toEqual(sorted)
  })

  test('families are sorted also after a replace that brought equal shapes in another order', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b'), family('c')]))
    await applied(
      store,
      replace(
        'g',
        ['c', 'a', 'b'].map((name) => family(name, { data: name })),
      ),
    )
    const { families: stored } = await readOne(store, 'g')
    expect(stored.map(({ name, data }) => [name, data.toString()])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ])
  })

  test('a deleted group is gone, and begins anew when it is pushed again', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b')]))
    await applied(store, fail('g'))
    const before = await readOne(store, 'g')
    await applied(store, remove('g'))
    expect(await exists(store, 'g')).toBe(false)
    expect(await store.status()).toMatchObject({ groups: 0, samples: 0 })
    const revision = await applied(store, merge('g', [family('b')]))
    const after = await readOne(store, 'g')
    expect(contents(after)).toEqual({ b: 'b 1\n' })
    expect(after).toMatchObject({ revision, shapeRevision: revision, failureTimeUs: 0 })
    expect(after.createdTimeUs).toBe(after.pushTimeUs)
    expect(after.createdTimeUs).toBeGreaterThanOrEqual(before.pushTimeUs)
  })

  test('fail sets the failure time of a group and leaves the rest', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    const before = await readOne(store, 'g')
    const revision = await applied(store, fail('g'))
    const after = await readOne(store, 'g')
    expect(after).toEqual({ ...before, revision, failureTimeUs: after.failureTimeUs })
    expect(after.failureTimeUs).toBeGreaterThanOrEqual(before.pushTimeUs)
  })

  test('fail creates a missing group, without families and never pushed', async () => {
    const store = await open()
    const revision = await applied(store, fail('g'))
    const group = await readOne(store, 'g')
    expect(group).toMatchObject({ families: [], pushTimeUs: 0, revision, shapeRevision: revision })
    expect(group.failureTimeUs).toBeGreaterThan(0)
    expect(group.createdTimeUs).toBe(group.failureTimeUs)
    await applied(store, replace('g', []))
    const pushed = await readOne(store, 'g')
    expect(pushed).toMatchObject({
      createdTimeUs: group.createdTimeUs,
      failureTimeUs: group.failureTimeUs,
    })
    expect(pushed.pushTimeUs).toBeGreaterThanOrEqual(group.failureTimeUs)
  })

  test('samples are counted, also where only their number changes and not the shape', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a', { samples: 3 }), family('b', { samples: 5 })]))
    await applied(store, replace('h', [family('a', { samples: 100 })]))
    expect(await store.status()).toMatchObject({ groups: 2, samples: 108 })
    await applied(store, replace('g', [family('a', { samples: 4 }), family('b', { samples: 1 })]))
    expect((await store.status()).samples).toBe(105)
    await applied(store, merge('g', [family('b', { samples: 20 })]))
    expect((await store.status()).samples).toBe(124)
    await applied(store, merge('g', [family('c', { samples: 1 })]))
    await applied(store, fail('g'))
    expect((await store.status()).samples).toBe(125)
    await applied(store, remove('h'))
    expect(await store.status()).toMatchObject({ groups: 1, samples: 25 })
    await applied(store, replace('g', []))
    expect(await store.status()).toMatchObject({ groups: 1, samples: 0 })
    expect(await store.verify()).toEqual([])
  })
}
