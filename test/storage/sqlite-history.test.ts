import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../storage/group-store.ts'
import { applied, headOf, keysOf, page, readAll, Reader, since } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

test('after very many writes to few groups, a reader gets each of them once, in pages too', async () => {
  const store = openStore(newPath())
  await applied(store, replace('quiet', [family('m')]))
  const old = await headOf(store)
  const reader = new Reader(store)
  reader.cursor = old
  await Promise.all(
    Array.from({ length: 1500 }, (_, i) => applied(store, replace(`g${i % 3}`, [family('m')]))),
  )
  await applied(store, remove('g1'))
  expect(keysOf(await page(store, since(old)))).toEqual(['g0', 'g2', '-g1'])
  await reader.follow(1)
  expect([...reader.state.keys()]).toEqual(['g0', 'g2'])
  expect(reader.pages).toBe(3)
})

test('who reads everything is given groups that are older than the history, in order of revision', async () => {
  const file = newPath()
  const store = openStore(file, { historyMax: 3 })
  const keys = Array.from({ length: 20 }, (_, i) => `g${(i * 7) % 20}`)
  for (const key of keys) await applied(store, replace(key, [family('m')]))
  await store.maintain()
  expect(openDatabase(file).prepare('SELECT count(*) FROM commits').pluck().get()).toBe(3)
  expect(keysOf(await page(store, since(ORIGIN)))).toEqual(keys)
  const fresh = new Reader(store)
  let step = 0
  await fresh.follow(1, async () => {
    if (step++ === 5) await applied(store, replace('g0', [family('m')]))
    if (step === 9) await applied(store, remove('g13'))
  })
  expect(fresh.state).toEqual(await readAll(store))
  expect(fresh.resets).toEqual([])
})

test('two readers that take turns are each given all of it', async () => {
  const store = openStore(newPath())
  for (let i = 0; i < 30; i++) await applied(store, replace(`g${i}`, [family('m')]))
  const [slow, quick] = [new Reader(store), new Reader(store)]
  await slow.follow(1, () => quick.follow(2000))
  expect(slow.state).toEqual(await readAll(store))
  expect(quick.state).toEqual(slow.state)
})

test('a page is filled whatever the sizes of its groups', async () => {
  const store = openStore(newPath())
  const sizes = [10, 1e6, 10, 10, 300_000, 10, 10, 10, 500_000, 10, 10]
  for (const [i, size] of sizes.entries()) {
    await applied(store, replace(`g${i}`, [family('m', { data: Buffer.alloc(size, 'x') })]))
  }
  for (const bytesMax of [1, 1000, 300_000, 1.2e6, 1e9]) {
    let after = 0
    const position = await headOf(store)
    for (let left = sizes.slice(); left.length > 0;) {
      const answer = await page(store, { position, after, full: true, bytesMax })
      let [fitting, bytes] = [0, 0]
      while (fitting < left.length && bytes < bytesMax) bytes += 256 + left[fitting++]!
      expect({ bytesMax, after, items: answer.items.length }).toEqual({
        bytesMax,
        after,
        items: fitting,
      })
      expect(answer.complete).toBe(fitting === left.length)
      left = left.slice(fitting)
      after = answer.upto
    }
  }
})

test('hundreds of groups of any bytes are read at once, deleted and empty ones among them', async () => {
  const store = openStore(newPath())
  const groups = Array.from({ length: 700 }, (_, i) => ({
    key: `${i}\0é`,
    families: Array.from({ length: i % 4 }, (_, j) =>
      family(`m${j}`, { data: randomBytes((i * 37) % 200) }),
    ),
  }))
  await Promise.all(groups.map(({ key, families }) => applied(store, replace(key, families))))
  for (const { key } of groups.slice(250, 260)) await applied(store, remove(key))
  const { items, complete } = await page(store, since(ORIGIN))
  expect(complete).toBe(true)
  expect(items.map(({ key }) => key)).toEqual([
    ...[...groups.slice(0, 250), ...groups.slice(260), ...groups.slice(250, 260)].map(({ key }) =>
      Buffer.from(key),
    ),
  ])
  expect(items.slice(0, -10).map(({ group }) => group?.families)).toEqual(
    (await store.read(items.slice(0, -10).map(({ key }) => key))).map((group) => group?.families),
  )
  expect(items.slice(0, -10).map(({ group }) => group?.families.map(({ data }) => data))).toEqual(
    [...groups.slice(0, 250), ...groups.slice(260)].map(({ families }) =>
      families.map(({ data }) => data),
    ),
  )
  expect(items.slice(-10).every(({ group }) => group === null)).toBe(true)
})
