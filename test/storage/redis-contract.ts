/** The contract suite on servers of Redis and Valkey, however they are reached. */
import type { GroupStore } from '../../storage/group-store.ts'
import { useForSuite, type OnClose } from '../support/cleanup.ts'
import { describeWith, type ProgramName } from '../support/programs.ts'
import { describeGroupStore } from './contract.ts'
import type { StoreLimits } from './contract/driver.ts'
import { inTurn } from './in-turn.ts'
import { newPrefix, openStore } from './redis-stores.ts'

/** A storage URL with these options in its query. */
export type Url = (query: Readonly<Record<string, string>>) => string

/**
 * The contract suite against servers that are started once for all of it.
 *
 * @param start starts them, and says how they are reached
 */
export function describeStoreOn(
  needed: readonly ProgramName[],
  title: string,
  start: (onClose: OnClose) => Promise<Url>,
  { stores = 1 } = {},
): void {
  describeWith(needed, title, () => {
    const url = useForSuite(start)
    const open = async (limits: Partial<StoreLimits> = {}): Promise<GroupStore> => {
      const target = url()({ prefix: newPrefix() })
      const opened: GroupStore[] = []
      for (let i = 0; i < stores; i++) opened.push(await openStore(target, limits))
      return stores === 1 ? opened[0]! : inTurn(opened)
    }
    describeGroupStore('keeps the contract', () => open(), { openLimited: open })
  })
}

/** What the scripts and the driver call, and nothing else, on the keys of tests. */
export const LEAST_RIGHTS: readonly string[] = [
  ...['~{test-*}:*', 'resetchannels', '-@all'],
  ...['+eval', '+evalsha', '+ping', '+info', '+wait', '+time', '+type'],
  ...['+hget', '+hmget', '+hset', '+hdel', '+hkeys', '+hgetall'],
  ...['+zadd', '+zrem', '+zscore', '+zcard', '+zrange', '+zrangebyscore'],
  ...['+getrange', '+setrange', '+unlink'],
]
