/** What a server says of itself, and whether that is a place to keep what was acknowledged. */
import type { Redis } from 'ioredis'
import { StoreError } from '../errors.ts'

/** Flags of scripts, on which reading rests, came with it. */
const MAJOR_VERSION_MIN = 7

/**
 * Looks at a server once after connecting.
 *
 * @param wait how many replicas writes are to be confirmed by
 * @returns what its operator should know, a sentence each
 * @throws StoreError unusable when groups would get lost or the scripts cannot run
 */
export async function checkServer(redis: Redis, wait: number): Promise<string[]> {
  const info = await readInfo(redis)
  if (info === undefined) {
    return [
      'the user may not run INFO, so that eviction and persistence of the server could not be checked',
    ]
  }
  const version = info.get('valkey_version') ?? info.get('redis_version') ?? ''
  if (Number(version.split('.', 1)[0]) < MAJOR_VERSION_MIN) {
    throw new StoreError(
      'unusable',
      `the server is version ${version}; Sluice needs Redis 7 or Valkey`,
    )
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy.startsWith('allkeys-')) {
    throw new StoreError(
      'unusable',
      `maxmemory-policy is ${policy}: the server would drop groups when its memory is full; set it to noeviction`,
    )
  }
  return [
    ...persistenceWarnings(
      info,
      await configOf(redis, 'appendfsync'),
      await configOf(redis, 'save'),
    ),
    ...replicationWarnings(info, wait),
  ]
}

function persistenceWarnings(
  info: ReadonlyMap<string, string>,
  fsync: string | undefined,
  save: string | undefined,
): string[] {
  if (info.get('aof_enabled') === '0') {
    return save === ''
      ? [
          'the server keeps nothing on disk (appendonly no, save ""): its end is the end of all groups, unless a replica takes over',
        ]
      : [
          'appendonly is off: what was acknowledged since the last snapshot is gone when the server ends, unless a replica takes over',
        ]
  }
  if (fsync === 'no') {
    return [
      'appendfsync is no: what was acknowledged in the last half minute may be lost with the host of the server',
    ]
  }
  return []
}

function replicationWarnings(info: ReadonlyMap<string, string>, wait: number): string[] {
  const replicas = Number(info.get('connected_slaves') ?? 0)
  if (replicas >= wait) return []
  return [
    `wait=${wait}, but ${replicas} replicas are connected: until there are more, pushes are answered 503`,
  ]
}

/** Undefined when it is not allowed. */
async function readInfo(redis: Redis): Promise<Map<string, string> | undefined> {
  let text: string
  try {
    text = await redis.info()
  } catch (error) {
    if ((error as Error).message.startsWith('NOPERM')) return undefined
    throw error
  }
  const entries = text.split('\r\n').filter((line) => line.includes(':'))
  return new Map(
    entries.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)] as const
    }),
  )
}

/** Undefined when it is not allowed, as in most hosted services. */
async function configOf(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const [, value] = await redis.config('GET', name)
    return value
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return undefined
    throw error
  }
}
