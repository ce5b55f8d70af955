/** A slot of a cluster that moves from one primary to another, step by step. */
import type { RedisCluster } from './cluster.ts'
import type { RedisServer } from './server.ts'

export interface SlotMigration {
  readonly from: RedisServer
  readonly to: RedisServer
  /** Keys that have not moved yet. */
  keys(): Promise<string[]>
  move(...keys: string[]): Promise<void>
  /** Moves what is left, and tells all nodes who has the slot now. */
  finish(): Promise<void>
}

/** Begins to move the slot of a key to a primary that does not have it. */
export async function migrateSlot(cluster: RedisCluster, key: string): Promise<SlotMigration> {
  const from = await cluster.ownerOf(key)
  const to = cluster.nodes.find((node) => node !== from)!
  const slot = Number(await from.call('CLUSTER', 'KEYSLOT', key))
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await cluster.idOf(from))
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await cluster.idOf(to))
  const migration: SlotMigration = {
    from,
    to,
    keys: async () => (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 1000)) as string[],
    move: async (...keys) => {
      if (keys.length === 0) return
      await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys)
    },
    finish: async () => {
      // A write may have made another key while the last ones moved.
      for (let round = 0; round < 20; round++) {
        const keys = await migration.keys()
        if (keys.length === 0) break
        await migration.move(...keys)
      }
      for (const node of [to, from, ...cluster.nodes]) {
        await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', await cluster.idOf(to))
      }
    },
  }
  return migration
}
