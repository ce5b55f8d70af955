import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { ORIGIN, type Claim } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, outcome, page, readAll, readOne, since } from './reading.ts'
import { family, merge, remove, replace } from './writes.ts'

const ODD_NAMES = [
  '',
  ' ',
  "'",
  '"',
  '\\',
  '\n',
  '\u0000',
  'a\u0000b',
  'a\u0000',
  '%s',
  '?1',
  '@key',
  ':name',
  '[]',
  '","x',
  'NULL',
  '0',
  '1e3',
  '__proto__',
  'constructor',
  'toString',
  'a b',
  'Ünïcödé',
  'e\u0301',
  '\u00e9',
  '\ufeff',
  '\ufffd',
  '\u{1f4a9}',
  'x'.repeat(100_000),
]

/** What is stored may be any bytes and, where it is text, any text. */
export function bytes({ open }: Driver): void {
  test('keys may be any bytes, and keys of different bytes are different groups', async () => {
    const store = await open()
    const keys = [
      Buffer.alloc(0),
      Buffer.from([0]),
      Buffer.from([0, 0]),
      Buffer.from([0xff]),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('é'),
      Buffer.from('é', 'latin1'),
      Buffer.from('A'),
      Buffer.from('a'),
      Buffer.from('a '),
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      randomBytes(100_000),
    ]
    for (const [i, key] of keys.entries()) {
      await applied(store, replace(key, [family('m', { data: String(i) })]))
    }
    for (const [i, key] of keys.entries()) {
      const group = await readOne(store, key)
      expect(group.key.equals(key)).toBe(true)
      expect(group.families[0]!.data.toString()).toBe(String(i))
    }
    const { items } = await page(store, since(ORIGIN))
    expect(items.map(({ key }) => key.toString('hex'))).toEqual(
      keys.map((key) => key.toString('hex')),
    )
    for (const key of keys) await applied(store, remove(key))
    expect(await store.status()).toMatchObject({ groups: 0, samples: 0 })
  })

  test('the bytes of a family are kept as they are', async () => {
    const store = await open()
    const data = [Buffer.alloc(0), Buffer.from([0, 0xff, 0x0a, 0x80]), randomBytes(3000)]
    await applied(
      store,
      replace(
        'g',
        data.map((one, i) => family(`m${i}`, { data: one })),
      ),
    )
    await applied(store, merge('g', [family('n', { data: Buffer.alloc(0) })]))
    const group = await readOne(store, 'g')
    expect(group.families.map((one) => one.data.toString('hex'))).toEqual(
      [...data, Buffer.alloc(0)].map((one) => one.toString('hex')),
    )
    const { items } = await page(store, since(ORIGIN))
    expect(items[0]!.group).toEqual(group)
  })

  test('names, meanings, partitions and name-sets may be any text', async () => {
    const store = await open()
    for (const [i, odd] of ODD_NAMES.entries()) {
      const place = { partition: odd, nameSet: odd }
      await applied(store, replace(`g${i}`, [family(`m${odd}`)], place))
      await applied(store, merge(`g${i}`, [family(odd)], place))
      const refused = await store.apply(merge(`h${i}`, [family(odd, { type: 'counter' })], place))
      expect(refused).toEqual({ kind: 'refused', claim: odd, wanted: 'counter', held: 'gauge' })
      expect(await store.apply(replace('other', [], { ...place, nameSet: 'other' }))).toEqual({
        kind: 'unguarded',
        nameSets: [odd],
      })
      const names = (await readOne(store, `g${i}`)).families.map(({ name }) => name)
      expect(names.sort()).toEqual([`m${odd}`, odd].sort())
    }
    expect(await store.verify()).toEqual([])
    for (let i = 0; i < ODD_NAMES.length; i++) await applied(store, remove(`g${i}`))
    expect(await store.verify()).toEqual([])
    for (const odd of ODD_NAMES) {
      await applied(store, replace('g', [family(odd, { type: 'counter' })]))
    }
  })

  test('names that only look alike in the books are told apart', async () => {
    const store = await open()
    const claims: Claim[] = [
      ['a b', 'c'],
      ['a', 'b c'],
    ]
    await applied(store, replace('g', [family('m', { claims })]))
    await applied(store, replace('h', [family('n', { claims: [['a', 'b c']] })]))
    await applied(store, replace('i', [], { partition: 'x y', nameSet: 'z' }))
    await applied(store, replace('j', [], { partition: 'x', nameSet: 'y z' }))
    await applied(store, replace('k', [], { partition: 'x', nameSet: 'y z' }))
    expect(await store.verify()).toEqual([])
    const other = replace('o', [family('m2', { claims: [['a b', 'other']] })])
    expect(await outcome(store, other)).toBe('refused')
  })

  test('a family of 5 MB is stored, changed, read and paged', async () => {
    const store = await open()
    const big = randomBytes(5 * 1024 * 1024)
    await applied(store, replace('g', [family('big', { data: big }), family('small')]))
    await applied(store, merge('g', [family('small', { data: 'new' })]))
    await applied(store, replace('h', [family('small')]))
    const [bigger, small] = (await readOne(store, 'g')).families
    expect(bigger!.data.equals(big)).toBe(true)
    expect(small!.data.toString()).toBe('new')
    const first = await page(store, since(ORIGIN, { bytesMax: 1000 }))
    expect(first).toMatchObject({ complete: false, upto: 2 })
    expect(first.items[0]!.group!.families[0]!.data.equals(big)).toBe(true)
    big[0]! ^= 1
    await applied(store, replace('g', [family('big', { data: big }), family('small')]))
    expect((await readOne(store, 'g')).families[0]!.data.equals(big)).toBe(true)
  })

  test('a group of thousands of families is stored as it is', async () => {
    const store = await open()
    const many = Array.from({ length: 5000 }, (_, i) => family(`m${i}`))
    await applied(store, replace('g', many))
    await applied(store, merge('g', [family('m77', { data: 'changed' })]))
    const { families } = await readOne(store, 'g')
    expect(families).toHaveLength(5000)
    expect(families.filter(({ data }) => data.toString() === 'changed')).toHaveLength(1)
    expect((await readAll(store)).size).toBe(1)
    expect(await store.verify()).toEqual([])
  })
}
