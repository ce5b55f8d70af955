/** Stores on Redis and Valkey servers, each under a prefix of its own. */
import { StoreError } from '../../storage/errors.ts'
import type { GroupStore } from '../../storage/group-store.ts'
import { openRedisStore, type RedisOptions } from '../../storage/redis/redis-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { startRedis, type RedisServer, type ServerOptions } from '../support/redis/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

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

export interface BehindProxy {
  readonly server: RedisServer
  readonly proxy: TcpProxy
  readonly prefix: string
  /** Reaches the server through the proxy. */
  readonly store: GroupStore
  /** The same store, reached as it should be. */
  readonly direct: GroupStore
  /** What the first one told: `lost`, `restored`, `retried`. */
  readonly told: readonly string[]
}

/** A server, and a store on it whose network can be broken. */
export async function startBehindProxy(options: ServerOptions = {}): Promise<BehindProxy> {
  const server = await startRedis(options)
  const proxy = await startTcpProxy(server)
  const prefix = newPrefix()
  const told: string[] = []
  const store = await openStore(`redis://127.0.0.1:${proxy.port}/0?prefix=${prefix}`, {
    events: {
      lost: () => void told.push('lost'),
      restored: () => void told.push('restored'),
      retried: () => void told.push('retried'),
    },
  })
  return { server, proxy, prefix, store, direct: await openStore(server.url({ prefix })), told }
}

/** What a call threw, and after how many milliseconds; fails when it threw nothing. */
export async function failureOf(
  call: () => Promise<unknown>,
): Promise<{ readonly error: StoreError; readonly afterMs: number }> {
  const startedAt = performance.now()
  try {
    await call()
  } catch (error) {
    if (error instanceof StoreError) return { error, afterMs: performance.now() - startedAt }
    throw error
  }
  throw new Error('the call did not fail')
}
