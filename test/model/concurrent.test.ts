import { afterAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import path from 'node:path'
import type { GroupStore } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'
import { openSqliteStore } from '../../storage/sqlite/sqlite-store.ts'
import { newPrefix, openStore } from '../storage/redis-stores.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis } from '../support/redis/server.ts'
import { Model } from './model.ts'
import { readPage } from './page.ts'
import { makeAtOnce, replay } from './replay.ts'
import { operations } from './universe.ts'
import { createWorld, expectedState, OWN_FAMILIES, ownMetrics, storedState } from './world.ts'

afterAll(() => ownMetrics.stop())

function opened(...stores: GroupStore[]): GroupStore[] {
  for (const store of stores) closeAfterTest(() => store.close())
  return stores
}

async function endAsOneAfterTheOther(open: () => Promise<GroupStore[]>): Promise<void> {
  const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31)
  for (let round = 0; round < 6; round++) {
    const stores = await open()
    const sample = fc.sample(operations, { seed: seed + round, numRuns: 120 }).flat()
    const { made, rejected } = await makeAtOnce(stores, sample, 10)
    expect(rejected).toBeGreaterThan(0)
    made.sort((a, b) => a.revision - b.revision)
    expect(made.map(({ revision }) => revision)).toEqual(made.map((_, i) => i + 1))
    const model = new Model(OWN_FAMILIES)
    for (const write of made) {
      const objection = replay(model, write)
      if (objection !== undefined) throw new Error(JSON.stringify({ seed, objection, write }))
    }
    for (const store of stores) {
      expect(await storedState(store)).toEqual(expectedState(model.groups))
      expect(await store.verify()).toEqual([])
      readPage(await createWorld(store).page())
    }
  }
}

test.each([
  ['a memory store', () => opened(createMemoryStore())],
  [
    'two SQLite stores on one file',
    () => {
      const file = path.join(temporaryFolder(), 'store.db')
      return opened(openSqliteStore(file), openSqliteStore(file))
    },
  ],
])('pushes at the same time to %s end as one after the other', (_name, open) =>
  endAsOneAfterTheOther(async () => open()),
)

describeWith('redis-server', 'on Redis', () => {
  test('pushes at the same time to two stores on one server end as one after the other', async () => {
    const server = await startRedis()
    await endAsOneAfterTheOther(async () => {
      const url = server.url({ prefix: newPrefix() })
      return [await openStore(url), await openStore(url)]
    })
  })
})
