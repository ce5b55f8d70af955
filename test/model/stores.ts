/** An empty store of each kind, for histories on which all have to agree. */
import path from 'node:path'
import type { GroupStore } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'
import { openSqliteStore } from '../../storage/sqlite/sqlite-store.ts'
import { newPrefix, openStore } from '../storage/redis-stores.ts'
import { closeAfterTest, temporaryFolder, useForSuite } from '../support/cleanup.ts'
import { findProgram, reportNotRun } from '../support/programs.ts'
import { startRedis, type RedisServer } from '../support/redis/server.ts'

/** Undefined, and said aloud, where there is no Redis to be started. */
export function useRedis(): () => RedisServer | undefined {
  return useForSuite((onClose) => {
    if (findProgram('redis-server') !== undefined) return startRedis({ onClose })
    reportNotRun('NOT RUN: the brute-force model on Redis needs redis-server on the PATH')
    return undefined
  })
}

/** Memory, SQLite, and Redis where there is a server. All are closed after the test. */
export async function openEachKind(redis: RedisServer | undefined): Promise<GroupStore[]> {
  const file = path.join(temporaryFolder(), 'store.db')
  const stores = [createMemoryStore(), openSqliteStore(file, { synchronous: 'normal' })]
  for (const store of stores) closeAfterTest(() => store.close())
  if (redis !== undefined) stores.push(await openStore(redis.url({ prefix: newPrefix() })))
  return stores
}
