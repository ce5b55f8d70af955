/** From a storage URL to a driver. Each driver is loaded with its library only where its URL is given: a start costs what it uses. */
import { existsSync } from 'node:fs'
import { StoreError } from './errors.ts'
import type { GroupStore, StoreEvents } from './group-store.ts'
import { createMemoryStore } from './memory.ts'
import { withoutPassword } from './redis/redis-url.ts'
import type { SqliteOptions } from './sqlite/sqlite-store.ts'

/** Passwords that stand neither in the URL nor in a file that it names. */
export interface StoreSecrets {
  readonly password?: string | undefined
  readonly sentinelPassword?: string | undefined
}

export interface OpenOptions {
  readonly secrets?: StoreSecrets
  readonly events?: Partial<StoreEvents>
  /** True: a store that is not there is not made, but an error. */
  readonly mustExist?: boolean
}

/**
 * Opens the store that a URL names: `memory:`, `sqlite:PATH[?synchronous=full|normal]
 * [&shared_filesystem=refuse|allow]`, or what redis/redis-url.ts knows. A store on the network that cannot be reached is no error: it
 * is there, unavailable, and connects when it can.
 *
 * @throws StoreError unusable for a URL that is not understood; see the drivers for others
 */
export async function openStore(
  url: string,
  { secrets = {}, events = {}, mustExist = false }: OpenOptions = {},
): Promise<GroupStore> {
  const [scheme, rest] = splitOnce(url, ':')
  switch (scheme) {
    case 'memory':
      if (rest !== '') throw unusable(url, 'memory: takes no path')
      return createMemoryStore()
    case 'sqlite': {
      const [path, query = ''] = splitOnce(rest ?? '', '?')
      if (path === '') throw unusable(url, 'sqlite: needs the path of a file')
      if (mustExist && !existsSync(path)) throw unusable(url, 'there is no such file')
      const options = parseSqliteOptions(url, query)
      const { openSqliteStore } = await import('./sqlite/sqlite-store.ts')
      return openSqliteStore(path, options)
    }
    case 'redis':
    case 'rediss':
    case 'redis+sentinel':
    case 'rediss+sentinel':
    case 'redis+cluster':
    case 'rediss+cluster':
    case 'redis+unix': {
      const { openRedisStore } = await import('./redis/redis-store.ts')
      return openRedisStore(url, { secrets, events, mustExist })
    }
    default:
      throw unusable(
        url,
        'known are memory:, sqlite:PATH, and redis://HOST:PORT/DB with its relatives',
      )
  }
}

function parseSqliteOptions(url: string, query: string): Partial<SqliteOptions> {
  const options: { -readonly [K in keyof SqliteOptions]?: SqliteOptions[K] } = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'synchronous' && (value === 'full' || value === 'normal')) {
      options.synchronous = value
    } else if (name === 'shared_filesystem' && (value === 'allow' || value === 'refuse')) {
      options.allowSharedFilesystem = value === 'allow'
    } else {
      throw unusable(url, `unknown option ${name}=${value}`)
    }
  }
  return options
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function unusable(url: string, why: string): StoreError {
  return new StoreError('unusable', `storage URL ${JSON.stringify(withoutPassword(url))}: ${why}`)
}
