/** Stores on Redis and Valkey servers, each under a prefix of its own. */
import type { GroupStore } from '../../storage/group-store.ts'
import { openRedisStore, type RedisOptions } from '../../storage/redis/redis-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'

let prefixes = 0

/** A prefix of keys that nobody else has on a server of the tests. */
export function newPrefix(): string {
  return `test-${process.pid}-${++prefixes}`
}

export async function openStore(
  url: string,
  options: Partial<RedisOptions> = {},
): Promise<GroupStore> {
  const store = await openRedisStore(url, options)
  closeAfterTest(() => store.close())
  return store
}
