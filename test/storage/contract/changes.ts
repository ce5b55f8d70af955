import { expect, test } from '@jest/globals'
import { ORIGIN, type Cursor, type GroupStore } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, contents, headOf, keysOf, page, readAll, Reader, since } from './reading.ts'
import { fail, family, merge, remove, replace } from './writes.ts'

async function put(store: GroupStore, ...keys: string[]): Promise<void> {
  for (const key of keys) await applied(store, replace(key, [family('a', { data: key })]))
}

async function reason(
  store: GroupStore,
  position: Cursor,
  options: Parameters<typeof since>[1] = {},
): Promise<string> {
  const answer = await store.changes(since(position, options))
  return answer.kind === 'reset' ? answer.reason : 'none'
}

export function changes({ open, openLimited }: Driver): void {
  test('an empty store is one empty, complete page', async () => {
    const store = await open()
    const answer = await page(store, since(ORIGIN))
    expect(answer).toMatchObject({ complete: true, upto: 0, items: [] })
    expect(answer.head).toMatchObject({ revision: 0 })
    expect(await page(store, since(answer.head))).toMatchObject({ complete: true, items: [] })
  })

  test('read from the start, changes are all groups in order of their last write', async () => {
    const store = await open()
    await put(store, 'a', 'b', 'c')
    await applied(store, fail('a'))
    await applied(store, merge('b', []))
    const answer = await page(store, since(ORIGIN))
    expect(keysOf(answer)).toEqual(['c', 'a', 'b'])
    expect(answer).toMatchObject({ complete: true, upto: 5, head: await headOf(store) })
    expect(answer.items.map(({ group }) => group?.revision)).toEqual([3, 4, 5])
    const stored = await store.read(answer.items.map(({ key }) => key))
    expect(answer.items.map(({ group }) => group)).toEqual(stored)
  })

  test('read from a head, changes are what came after it', async () => {
    const store = await open()
    await put(store, 'a', 'b', 'c')
    const head = await headOf(store)
    await applied(store, merge('b', [family('z')]))
    await put(store, 'd')
    const answer = await page(store, since(head))
    expect(keysOf(answer)).toEqual(['b', 'd'])
    expect(contents(answer.items[0]!.group)).toEqual({ a: 'b', z: 'z 1\n' })
  })

  test('a group pushed 100 times is one item, as it is now', async () => {
    const store = await open()
    await put(store, 'g', 'h')
    const head = await headOf(store)
    for (let i = 0; i < 100; i++) {
      await applied(store, replace('g', [family('a', { data: String(i) })]))
    }
    const answer = await page(store, since(head))
    expect(keysOf(answer)).toEqual(['g'])
    expect(contents(answer.items[0]!.group)).toEqual({ a: '99' })
    expect(answer.upto).toBe(102)
  })

  test('a deleted group is reported once as gone; made again it is a group again', async () => {
    const store = await open()
    await put(store, 'a', 'b', 'c')
    const head = await headOf(store)
    await applied(store, remove('a'))
    await put(store, 'b')
    await applied(store, remove('b'))
    expect(keysOf(await page(store, since(head)))).toEqual(['-a', '-b'])
    await put(store, 'a')
    expect(keysOf(await page(store, since(head)))).toEqual(['-b', 'a'])
    expect((await readAll(store)).size).toBe(2)
  })

  test('a group that came and went between two looks is gone in the second', async () => {
    const store = await open()
    await put(store, 'a')
    const head = await headOf(store)
    await put(store, 'x')
    await applied(store, remove('x'))
    const reader = new Reader(store)
    reader.cursor = head
    await reader.follow(1)
    expect(reader.state.size).toBe(0)
    expect(reader.cursor.revision).toBe(3)
  })

  test('where nothing changed the page is empty, complete and of the same head', async () => {
    const store = await open()
    await put(store, 'a')
    const head = await headOf(store)
    await store.apply(remove('nobody'))
    await store.apply(replace('h', [family('a', { type: 'counter' })]))
    for (let i = 0; i < 2; i++) {
      expect(await page(store, since(head, { bytesMax: 1 }))).toMatchObject({
        head,
        upto: head.revision,
        complete: true,
        items: [],
      })
    }
  })

  test('a page has at least one item, and then about as many as fit', async () => {
    const store = await open()
    for (const key of ['a', 'b', 'c', 'd']) {
      await applied(store, replace(key, [family('m', { data: Buffer.alloc(100_000) })]))
    }
    for (const [bytesMax, keys] of [
      [1, ['a']],
      [90_000, ['a']],
      [150_000, ['a', 'b']],
      [350_000, ['a', 'b', 'c', 'd']],
      [1_000_000, ['a', 'b', 'c', 'd']],
    ] as const) {
      const answer = await page(store, since(ORIGIN, { bytesMax }))
      expect(keysOf(answer)).toEqual(keys)
      expect(answer.upto).toBe(keys.length)
      expect(answer.complete).toBe(keys.length === 4)
    }
  })

  test('pages of one group add up to the store, while groups move from page to page', async () => {
    const store = await open()
    const keys = Array.from({ length: 12 }, (_, i) => `g${i}`)
    await put(store, ...keys)
    const lasting = new Reader(store)
    for (let round = 0; round < 6; round++) {
      const fresh = new Reader(store)
      for (const reader of [lasting, fresh]) {
        let step = 0
        await reader.follow(1, async () => {
          if (step > 20) return
          const key = keys[(round + step * 7) % keys.length]!
          if (step % 4 === 1) await store.apply(remove(key))
          else await put(store, key)
          step++
        })
        expect(reader.state).toEqual(await readAll(store))
        expect(reader.cursor).toEqual(await headOf(store))
        expect(reader.resets).toEqual([])
      }
      expect(fresh.pages).toBeGreaterThan(keys.length)
      await put(store, keys[0]!, keys[round]!)
    }
  })

  test('a group deleted after it was read on an earlier page is reported gone on a later one', async () => {
    const store = await open()
    await put(store, 'a', 'b', 'c')
    const reader = new Reader(store)
    let deleted = false
    await reader.follow(1, async () => {
      if (!deleted) await applied(store, remove('a'))
      deleted = true
    })
    expect([...reader.state.keys()].sort()).toEqual(['b', 'c'])
  })

  test('what apply answered is in the very next changes', async () => {
    const store = await open()
    const reader = new Reader(store)
    for (let i = 0; i < 150; i++) {
      const key = `g${i % 9}`
      if (i % 5 === 4) {
        await store.apply(remove(key))
        await reader.follow(1 + (i % 3) * 1000)
        expect(reader.state.has(key)).toBe(false)
      } else {
        await applied(store, replace(key, [family('a', { data: String(i) })]))
        await reader.follow(1 + (i % 3) * 1000)
        expect(contents(reader.state.get(key) ?? null)).toEqual({ a: String(i) })
      }
    }
    expect(reader.resets).toEqual([])
  })

  test('readers that look at different moments end with the same groups', async () => {
    const store = await open()
    const readers = [new Reader(store), new Reader(store), new Reader(store)]
    for (let i = 0; i < 120; i++) {
      const key = `g${(i * 11) % 13}`
      await store.apply(i % 4 === 3 ? remove(key) : merge(key, [family(`f${i % 3}`)]))
      if (i % 10 === 0) await readers[1]!.follow(1)
      if (i % 37 === 0) await readers[2]!.follow(50)
    }
    for (const reader of readers) await reader.follow(1)
    expect(readers[1]!.state).toEqual(readers[0]!.state)
    expect(readers[2]!.state).toEqual(readers[0]!.state)
  })

  test('a head of another store resets: epoch', async () => {
    const [store, other] = [await open(), await open()]
    await put(store, 'a')
    await put(other, 'a')
    expect(await reason(store, await headOf(other))).toBe('epoch')
  })

  test('a head that the store has not reached resets: ahead', async () => {
    const store = await open()
    await put(store, 'a')
    const head = await headOf(store)
    expect(await reason(store, { ...head, revision: 2 })).toBe('ahead')
  })

  test('a head whose revision went to another write resets: diverged', async () => {
    const store = await open()
    await put(store, 'a', 'b')
    const old = await headOf(store)
    await put(store, 'c')
    expect(await reason(store, { ...old, nonce: '0123456789abcdef' })).toBe('diverged')
    const head = await headOf(store)
    expect(await reason(store, { ...head, nonce: old.nonce })).toBe('diverged')
    expect(await reason(store, head)).toBe('none')
  })

  test('a head older than the history that is kept resets: history', async () => {
    const store = await openLimited({ historyMax: 5, tombstonesMax: 1000 })
    await put(store, 'a')
    const old = await headOf(store)
    for (let i = 0; i < 10; i++) await put(store, 'b')
    const recent = await headOf(store)
    await put(store, 'b')
    expect(await reason(store, old)).toBe('none')
    await store.maintain()
    expect(await reason(store, old)).toBe('history')
    expect(await reason(store, recent)).toBe('none')
    expect(await reason(store, await headOf(store))).toBe('none')
    const reader = new Reader(store)
    reader.cursor = old
    await reader.follow(1)
    expect(reader.resets).toEqual(['history'])
    expect(reader.state).toEqual(await readAll(store))
  })

  test('a head older than a tombstone that was trimmed resets: floor', async () => {
    const store = await openLimited({ historyMax: 1000, tombstonesMax: 2 })
    await put(store, 'a', 'b', 'c', 'd', 'e')
    const old = await headOf(store)
    await applied(store, remove('a'))
    const afterFirst = await headOf(store)
    await applied(store, remove('b'))
    const afterSecond = await headOf(store)
    for (const key of ['c', 'd']) await applied(store, remove(key))
    expect(await reason(store, old)).toBe('none')
    await store.maintain()
    expect(await reason(store, old)).toBe('floor')
    expect(await reason(store, afterFirst)).toBe('floor')
    expect(await reason(store, afterSecond)).toBe('none')
    expect(await reason(store, await headOf(store))).toBe('none')
    expect(await store.verify()).toEqual([])
    const reader = new Reader(store)
    reader.cursor = old
    await reader.follow(1)
    expect(reader.resets).toEqual(['floor'])
    expect([...reader.state.keys()]).toEqual(['e'])
  })

  test('reading everything minds only tombstones that were trimmed since it began', async () => {
    const store = await openLimited({ historyMax: 1000, tombstonesMax: 0 })
    await put(store, 'x', 'a', 'b', 'c')
    await applied(store, remove('x'))
    await put(store, 'a')
    const first = await page(store, since(ORIGIN, { bytesMax: 1 }))
    const next = { after: first.upto, full: true, bytesMax: 1 }
    await store.maintain()
    expect(await reason(store, first.head, next)).toBe('none')
    await applied(store, remove('b'))
    expect(await reason(store, first.head, next)).toBe('none')
    await store.maintain()
    expect(await reason(store, first.head, next)).toBe('floor')
  })

  test('reading a difference minds tombstones that were trimmed before they were reported', async () => {
    const store = await openLimited({ historyMax: 1000, tombstonesMax: 0 })
    await put(store, 'a', 'b', 'c')
    const old = await headOf(store)
    await put(store, 'a')
    await applied(store, remove('b'))
    await put(store, 'c')
    const first = await page(store, since(old, { bytesMax: 1 }))
    expect(keysOf(first)).toEqual(['a'])
    const next = { after: first.upto, full: false, bytesMax: 1 }
    expect(await reason(store, first.head, next)).toBe('none')
    await store.maintain()
    expect(await reason(store, first.head, next)).toBe('floor')
  })

  test('while pages are read, the position must stay part of the history', async () => {
    const store = await open()
    await put(store, 'a', 'b', 'c')
    const first = await page(store, since(ORIGIN, { bytesMax: 1 }))
    const next = { after: first.upto, full: true, bytesMax: 1 }
    expect(await reason(store, first.head, next)).toBe('none')
    expect(await reason(store, { ...first.head, nonce: 'f'.repeat(16) }, next)).toBe('diverged')
    expect(await reason(store, { ...first.head, epoch: 'e' }, next)).toBe('epoch')
  })
}
