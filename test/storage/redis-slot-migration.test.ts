/** A cluster that moves the slot of a store from one primary to another, key by key, while it is used. */
import { expect, test } from '@jest/globals'
import { StoreError } from '../../storage/errors.ts'
import { ORIGIN, type GroupStore } from '../../storage/group-store.ts'
import { useForSuite } from '../support/cleanup.ts'
import { describeWith } from '../support/programs.ts'
import { startRedisCluster } from '../support/redis/cluster.ts'
import { migrateSlot } from '../support/redis/migrate-slot.ts'
import { applied, contents, headOf, readAll, Reader, readOne, since } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { newPrefix, openStore } from './redis-stores.ts'

function push(key: string, data = '', timeoutMs = 20_000) {
  return replace(key, [family('a', { data })], { timeoutMs })
}

describeWith('redis-server', 'while the slot of a store moves', () => {
  const cluster = useForSuite((onClose) => startRedisCluster({ onClose }))

  async function start(): Promise<{ prefix: string; store: GroupStore; reader: Reader }> {
    const prefix = newPrefix()
    const store = await openStore(cluster().url({ prefix }))
    for (const key of ['a', 'b', 'c']) await applied(store, push(key, 'before'))
    // So that there is a key of each kind.
    await applied(store, push('gone'))
    await applied(store, remove('gone'))
    const reader = new Reader(store)
    await reader.follow(Infinity)
    return { prefix, store, reader }
  }

  async function checkAfterwards(store: GroupStore, reader: Reader): Promise<void> {
    await applied(store, push('a', 'after'))
    await applied(store, push('new', 'after'))
    expect(contents(await readOne(store, 'a'))).toEqual({ a: 'after' })
    await reader.follow(Infinity)
    expect(reader.state).toEqual(await readAll(store))
    expect(reader.resets).toEqual([])
    expect(await store.verify()).toEqual([])
  }

  test('a store that was open finds its data at the new place, and readers go on from where they were', async () => {
    const { prefix, store, reader } = await start()
    const migration = await migrateSlot(cluster(), `{${prefix}}`)
    await migration.finish()
    await checkAfterwards(store, reader)
    expect(await cluster().ownerOf(`{${prefix}}`)).toBe(migration.to)
    expect(await headOf(store)).toMatchObject({ revision: 7 })
  })

  test.each(['store', 'group:b'])(
    'calls succeed or fail as unavailable while only the key of %s has moved; nothing is taken for damage',
    async (name) => {
      const { prefix, store, reader } = await start()
      const migration = await migrateSlot(cluster(), `{${prefix}}`)
      await migration.move(`{${prefix}}:${name}`)
      const calls = [
        store.apply(push('a', 'during', 500)),
        store.apply(push('b', 'during', 500)),
        store.apply(push('d', 'during', 500)),
        store.apply({ ...remove('c'), timeoutMs: 500 }),
        store.changes(since(ORIGIN)),
        store.read([Buffer.from('a'), Buffer.from('b')]),
      ]
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') continue
        expect(outcome.reason).toBeInstanceOf(StoreError)
        expect(['unavailable', 'unconfirmed']).toContain((outcome.reason as StoreError).code)
      }
      await migration.finish()
      await checkAfterwards(store, reader)
    },
  )

  test('the books stay right when the last holder of a claim changes its families', async () => {
    const prefix = newPrefix()
    const store = await openStore(cluster().url({ prefix }))
    await applied(store, push('gone'))
    await applied(store, remove('gone'))
    await applied(store, replace('only', [family('family0')]))
    const migration = await migrateSlot(cluster(), `{${prefix}}`)
    for (let i = 1; i <= 12; i++) {
      const write = replace('only', [family(`family${i}`)], { timeoutMs: 300 })
      await store.apply(write).catch((error: unknown) => expect(error).toBeInstanceOf(StoreError))
    }
    await migration.finish()
    await applied(store, push('after'))
    expect(await store.verify()).toEqual([])
  })

  test('a write that has the time waits for the end of the move', async () => {
    const { prefix, store, reader } = await start()
    const migration = await migrateSlot(cluster(), `{${prefix}}`)
    await migration.move(`{${prefix}}:claims`)
    const write = store.apply(push('b', 'during'))
    await migration.finish()
    expect(await write).toMatchObject({ kind: 'applied', revision: 6 })
    await checkAfterwards(store, reader)
  })
})
