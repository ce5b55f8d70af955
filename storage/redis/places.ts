/** One connection to the server that takes writes, however that is found: by address, by sentinels, by a cluster. */
import { Redis, type RedisOptions } from 'ioredis'
import type { Address, RedisTarget } from './redis-url.ts'

/** How to reach a server; in which protocol is not for the caller to say. */
type Where = Omit<RedisOptions, 'protocol' | 'replyMapping'>

/** Silence for so long while an answer is awaited ends a connection. */
export const SILENCE_MAX_MS = 2000
const CONNECT_TIMEOUT_MS = 2000
/** How long the other side may take to agree to an end. */
const DISCONNECT_TIMEOUT_MS = 200
/** How long a server may take from being dialled to being ready, loading its data included. */
const READY_TIMEOUT_MS = 10_000

/** What a connection is called in the server's list of clients. */
export type ConnectionName = 'sluice-writer' | 'sluice-reader' | 'sluice-lookup'

/**
 * Connects anew, by way of sentinels or cluster nodes where there are some.
 *
 * @param key any key of the store: which node of a cluster has it
 * @throws what ioredis or the server said; nothing is left open
 */
export async function connectToPrimary(
  target: RedisTarget,
  key: string,
  name: ConnectionName,
  signal: AbortSignal,
): Promise<Redis> {
  const redis = await dialPrimary(target, key, name, signal)
  if (target.db === 0) return redis
  try {
    // Left to ioredis, a database that cannot be selected would silently be database 0.
    await redis.select(target.db)
    return redis
  } catch (error) {
    hangUp(redis)
    throw error
  }
}

async function dialPrimary(
  target: RedisTarget,
  key: string,
  name: ConnectionName,
  signal: AbortSignal,
): Promise<Redis> {
  const { place } = target
  switch (place.kind) {
    case 'single':
      return ready(target, addressOf(place), name, signal)
    case 'unix':
      return ready(target, { path: place.path }, name, signal)
    case 'sentinel':
      // ioredis also checks that who the sentinels name says itself that it is a primary.
      return ready(
        target,
        {
          sentinels: shuffled(place.sentinels).map(addressOf),
          name: place.name,
          sentinelRetryStrategy: () => null,
          sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
          // Ends the connection when the sentinels name another one.
          failoverDetector: true,
          ...sentinelAccess(target),
        },
        name,
        signal,
      )
    case 'cluster':
      return ready(
        target,
        addressOf(await findOwner(target, place.nodes, key, signal)),
        name,
        signal,
      )
  }
}

function addressOf({ host, port }: Address): Address {
  return { host, port }
}

function sentinelAccess(target: RedisTarget): Where {
  const tls = target.tls()
  const { username, password } = target.sentinelLogin()
  return {
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(tls !== undefined && { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } }),
  }
}

/** Reconnecting, queueing and sending again are not left to ioredis: it does not know of deadlines. */
async function ready(
  target: RedisTarget,
  where: Where,
  name: ConnectionName,
  signal: AbortSignal,
): Promise<Redis> {
  signal.throwIfAborted()
  const tls = target.tls()
  const redis = new Redis({
    ...where,
    ...target.login(),
    ...(tls !== undefined && { tls: { ...tls } }),
    protocol: 2,
    connectionName: name,
    disableClientInfo: true,
    lazyConnect: true,
    retryStrategy: null,
    reconnectOnError: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MAX_MS,
    maxLoadingRetryTime: CONNECT_TIMEOUT_MS,
  })
  let said: Error | undefined
  redis.on('error', (error: Error) => (said = error))
  const tooLate = setTimeout(() => {
    said ??= new Error(`not ready after ${READY_TIMEOUT_MS / 1000} s`)
    hangUp(redis)
  }, READY_TIMEOUT_MS)
  const giveUp = (): void => hangUp(redis)
  signal.addEventListener('abort', giveUp)
  try {
    await redis.connect()
    return redis
  } catch (error) {
    hangUp(redis)
    // What the server said is worth more than that the connection was closed then.
    throw said ?? error
  } finally {
    clearTimeout(tooLate)
    signal.removeEventListener('abort', giveUp)
  }
}

/** Ends a connection. For one that has ended, ioredis would keep a timer for nothing. */
export function hangUp(redis: Redis): void {
  if (redis.status !== 'end' && redis.status !== 'close') redis.disconnect()
}

/** As CLUSTER SLOTS tells of one: `?` for a host name that is not known, and then its address among the others. */
type Node = readonly [
  host: string | null,
  port: number,
  id?: string,
  others?: readonly (string | null)[],
]

/**
 * The primary that has the slot of a key. All keys of a store lie in one slot, so one connection is
 * all that is needed, and what is known of the others gets old.
 */
async function findOwner(
  target: RedisTarget,
  nodes: readonly Address[],
  key: string,
  signal: AbortSignal,
): Promise<Address> {
  const errors: string[] = []
  for (const node of shuffled(nodes)) {
    try {
      return await askForOwner(target, node, key, signal)
    } catch (error) {
      signal.throwIfAborted()
      errors.push(`${node.host}:${node.port}: ${(error as Error).message}`)
    }
  }
  throw new Error(`no node of the cluster knows who has the data: ${errors.join('; ')}`)
}

async function askForOwner(
  target: RedisTarget,
  node: Address,
  key: string,
  signal: AbortSignal,
): Promise<Address> {
  const redis = await ready(target, addressOf(node), 'sluice-lookup', signal)
  try {
    const slot = (await redis.call('CLUSTER', 'KEYSLOT', key)) as number
    const ranges = (await redis.call('CLUSTER', 'SLOTS')) as [number, number, Node][]
    const range = ranges.find(([first, last]) => first <= slot && slot <= last)
    if (range === undefined) throw new Error(`nobody has slot ${slot}`)
    const [host, port, , others = []] = range[2]
    const known = host === '?' ? others[others.indexOf('ip') + 1] : host
    // One that tells no address is at the one where it was asked for.
    return { host: known === null || known === undefined || known === '' ? node.host : known, port }
  } finally {
    hangUp(redis)
  }
}

/** In a random order, so that not all replicas of the gateway ask the same one. */
function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
