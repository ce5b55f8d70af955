import { expect, test } from '@jest/globals'
import type { GroupStore } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import {
  applied,
  contents,
  headOf,
  readAll,
  Reader,
  readOne,
  type State,
} from './contract/reading.ts'
import { randomWrite } from './contract/upkeep.ts'
import { family, newNonce, remove, replace } from './contract/writes.ts'
import { generator } from './random.ts'
import { newPath, openStore } from './sqlite-files.ts'

test('what one store answered, another one on the same file reads and reports at once', async () => {
  const file = newPath()
  const [writer, other] = [openStore(file), openStore(file)]
  const reader = new Reader(other)
  for (let i = 0; i < 100; i++) {
    await applied(writer, replace(`g${i % 10}`, [family('a', { data: String(i) })]))
    expect(contents(await readOne(other, `g${i % 10}`))).toEqual({ a: String(i) })
    await reader.follow(1)
    expect(contents(reader.state.get(`g${i % 10}`) ?? null)).toEqual({ a: String(i) })
    expect(reader.cursor).toEqual(await headOf(writer))
  }
  await applied(writer, remove('g3'))
  await reader.follow(1)
  expect(reader.state.size).toBe(9)
  expect(reader.resets).toEqual([])
})

test('stores that write to one file at the same time make one gap-free history', async () => {
  const file = newPath()
  const stores = [openStore(file), openStore(file), openStore(file)]
  const revisions = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      applied(stores[i % 3]!, replace(`g${i % 11}`, [family('a', { data: String(i) })])),
    ),
  )
  const sorted = revisions.toSorted((a, b) => a - b)
  expect(sorted).toEqual(sorted.map((_, i) => i + 1))
  const states = await Promise.all(stores.map(readAll))
  expect(states[1]).toEqual(states[0])
  expect(states[2]).toEqual(states[0])
})

test('a wipe by one store spares what another one pushes meanwhile', async () => {
  const file = newPath()
  const [wiper, pusher] = [openStore(file), openStore(file)]
  const keys = Array.from({ length: 1000 }, (_, i) => `g${i}`)
  await Promise.all(keys.map((key) => applied(pusher, replace(key, [family('m')]))))
  const wiping = wiper.wipe(newNonce)
  const pushed = keys.filter((_, i) => i % 25 === 0)
  const pushing = (async () => {
    for (const key of pushed) await applied(pusher, replace(key, [family('m', { data: 'later' })]))
  })()
  await Promise.all([wiping, pushing])
  const left = await readAll(pusher)
  expect([...left.keys()].sort()).toEqual(pushed.sort())
  expect(await wiper.verify()).toEqual([])
})

/** Groups without what differs from store to store: times. */
function withoutTimes(state: State): unknown {
  return [...state.values()].map(({ key, revision, shapeRevision, inconsistent, ...group }) => ({
    key: key.toString(),
    revision,
    shapeRevision,
    inconsistent,
    pushed: group.pushTimeUs > 0,
    failed: group.failureTimeUs > 0,
    together: group.families.map(({ pushedAtUs }) => pushedAtUs === group.pushTimeUs),
    families: group.families.map(({ pushedAtUs: _, ...family }) => family),
  }))
}

test('SQLite and memory answer any history alike and hold the same afterwards', async () => {
  const seed = Date.now() % 1e6
  const random = generator(seed)
  const memory = createMemoryStore()
  closeAfterTest(() => memory.close())
  const file = newPath()
  const stores: GroupStore[] = [openStore(file), openStore(file)]
  for (let i = 0; i < 2500; i++) {
    const write = randomWrite(random)
    const expected = await memory.apply(write)
    const found = await stores[i % 2]!.apply(write)
    if (expected.kind === 'unguarded' && found.kind === 'unguarded') {
      expect(found.nameSets.toSorted()).toEqual(expected.nameSets.toSorted())
    } else if (expected.kind === 'refused' && found.kind === 'refused') {
      expect(found).toMatchObject({ claim: expected.claim, wanted: expected.wanted })
    } else if (expected.kind === 'applied' && found.kind === 'applied') {
      // Each store has an epoch of its own.
      const result = { ...expected, epoch: found.epoch }
      expect({ seed, i, write, result: found }).toEqual({ seed, i, write, result })
    } else {
      expect({ seed, i, write, result: found }).toEqual({ seed, i, write, result: expected })
    }
    if (i % 20 === 0) {
      expect(withoutTimes(await readAll(stores[0]!))).toEqual(withoutTimes(await readAll(memory)))
    }
  }
  expect(withoutTimes(await readAll(stores[1]!))).toEqual(withoutTimes(await readAll(memory)))
})
