import { expect, test } from '@jest/globals'
import type { Driver } from './driver.ts'
import { applied, contents, exists, headOf, readAll, readOne } from './reading.ts'
import { family, fail, merge, replace } from './writes.ts'

export function atomicity({ open }: Driver): void {
  test('a refused write leaves nothing behind: no family, no claim, no revision', async () => {
    const store = await open()
    await applied(store, replace('holder', [family('m', { type: 'counter' })]))
    const before = await headOf(store)
    const write = replace('late', [family('first'), family('m'), family('then')])
    expect(await store.apply(write)).toEqual({
      kind: 'refused',
      claim: 'm',
      wanted: 'gauge',
      held: 'counter',
    })
    expect(await exists(store, 'late')).toBe(false)
    expect(await headOf(store)).toEqual(before)
    expect(await store.verify()).toEqual([])
    await applied(store, replace('other', [family('first', { type: 'counter' })]))
  })

  test('a refused write leaves the group as it was, to the last byte', async () => {
    const store = await open()
    await applied(store, replace('holder', [family('m', { type: 'counter' })]))
    await applied(store, replace('g', [family('a', { data: 'a 1\n' }), family('b')]))
    const before = await readOne(store, 'g')
    for (const write of [
      replace('g', [family('a', { data: 'a 2\n' }), family('m')]),
      merge('g', [family('a', { data: 'a 3\n' }), family('m')]),
    ]) {
      expect(await store.apply(write)).toMatchObject({ kind: 'refused', claim: 'm' })
    }
    expect(await readOne(store, 'g')).toEqual(before)
    expect(await store.verify()).toEqual([])
  })

  test('an unguarded write leaves nothing behind', async () => {
    const store = await open()
    await applied(store, replace('other', [family('a')], { nameSet: 'n2' }))
    const before = await readAll(store)
    for (const write of [replace('g', [family('b')]), merge('g', [family('b')]), fail('g')]) {
      expect(await store.apply(write)).toEqual({ kind: 'unguarded', nameSets: ['n2'] })
    }
    expect(await readAll(store)).toEqual(before)
    expect(await store.status()).toMatchObject({ groups: 1, samples: 1, head: { revision: 1 } })
    expect(await store.verify()).toEqual([])
  })

  test('a write is never seen in part, nor several groups at different moments', async () => {
    const store = await open()
    const write = (key: string, n: number) =>
      replace(key, [family('a', { data: `${n}` }), family('b', { data: `${n}` })])
    await Promise.all([store.apply(write('g', 0)), store.apply(write('h', 0))])
    let writing = true
    const writer = async (): Promise<void> => {
      for (let n = 1; n <= 150; n++) {
        await applied(store, write('g', n))
        await applied(store, write('h', n))
      }
      writing = false
    }
    const reader = async (): Promise<number> => {
      let reads = 0
      for (; writing; reads++) {
        const [g, h] = (await store.read([Buffer.from('g'), Buffer.from('h')])).map(contents)
        expect(g!.a).toBe(g!.b)
        expect(h!.a).toBe(h!.b)
        // h is written after g: seen together it is at the same number or one behind.
        expect(Number(g!.a) - Number(h!.a)).toBeGreaterThanOrEqual(0)
        expect(Number(g!.a) - Number(h!.a)).toBeLessThanOrEqual(1)
        await new Promise((resolve) => setImmediate(resolve))
      }
      return reads
    }
    const [, reads] = await Promise.all([writer(), reader()])
    expect(reads).toBeGreaterThan(0)
  })

  test('of many writes at once each takes effect or none of it', async () => {
    const store = await open()
    await applied(store, replace('holder', [family('m', { type: 'counter' })]))
    const writes = Array.from({ length: 100 }, (_, i) =>
      i % 3 === 0
        ? replace(`g${i}`, [family(`x${i}`), family('m')])
        : replace(`g${i}`, [family(`x${i}`), family('y')]),
    )
    const results = await Promise.all(writes.map((write) => store.apply(write)))
    for (const [i, { kind }] of results.entries()) {
      expect(kind).toBe(i % 3 === 0 ? 'refused' : 'applied')
      expect(await exists(store, `g${i}`)).toBe(i % 3 !== 0)
    }
    expect(await store.verify()).toEqual([])
  })
}
