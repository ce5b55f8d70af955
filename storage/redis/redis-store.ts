/**
 * A store in a Redis or Valkey, shared by any number of gateways on any number of hosts. One script
 * makes a write, one reads what changed; the server runs them one after the other.
 */
import { StoreError } from '../errors.ts'
import type {
  ApplyResult,
  ChangePage,
  ChangesRequest,
  ChangesReset,
  Cursor,
  GroupStore,
  GroupWrite,
  StoredGroup,
  StoreEvents,
  StoreStatus,
} from '../group-store.ts'
import { decodeGroup } from './group-fields.ts'
import { keysOf, type Keys } from './keys.ts'
import { Link } from './link.ts'
import { recount } from './recount.ts'
import { parseRedisUrl, type RedisSecrets, type RedisTarget } from './redis-url.ts'
import { readPage } from './page-reply.ts'
import { Reads } from './reads.ts'
import { Writes } from './writes.ts'

export interface RedisOptions {
  readonly secrets: RedisSecrets
  readonly events: Partial<StoreEvents>
  /** True: a store that is not there is not made, but an error. */
  readonly mustExist: boolean
  /** How far a view may be behind before it reads everything anew; at most 2^20. */
  readonly historyMax: number
  readonly tombstonesMax: number
}

export const REDIS_DEFAULTS: RedisOptions = {
  secrets: {},
  events: {},
  mustExist: false,
  historyMax: 1 << 20,
  tombstonesMax: 100_000,
}

/** How long opening waits for a server that does not answer before it goes on without. */
const OPEN_WAIT_MS = 3000
/** Whoever asks how things are wants to know soon. */
const STATUS_TIMEOUT_MS = 1000
const BLINK_MS = 250
const WIPE_TIMEOUT_MS = 60_000
const WIPE_BATCH = 256
const TRIM_BATCH = 1000
/** So that a page of tiny groups does not keep the server busy for long either. */
const PAGE_GROUPS_MAX = 2000

/**
 * Connects to the store that a URL names, and makes it where there is none. A server that cannot be
 * reached is no error: calls fail until it can be.
 *
 * @throws StoreError unusable when the URL, the login or the server is one that cannot be used
 */
export async function openRedisStore(
  url: string,
  options: Partial<RedisOptions> = {},
): Promise<GroupStore> {
  const settings = { ...REDIS_DEFAULTS, ...options }
  const store = new RedisStore(parseRedisUrl(url, settings.secrets), settings)
  try {
    await store.opened()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

class RedisStore implements GroupStore {
  readonly url: string
  private readonly settings: RedisOptions
  private readonly keys: Keys
  /** Pushes do not wait behind large answers, so they have a connection of their own. */
  private readonly writer: Link
  private readonly reader: Link
  private readonly writes: Writes
  private readonly reads: Reads
  private readonly underWay = new Set<Promise<unknown>>()
  private closed = false

  constructor(target: RedisTarget, settings: RedisOptions) {
    this.settings = settings
    this.url = target.shownUrl
    this.keys = keysOf(target.prefix)
    const { keys } = this
    const { events, mustExist } = settings
    const common = { target, keys, mustExist }
    this.writer = new Link({
      ...common,
      events,
      watches: true,
      connected: () => this.reader.hurry(),
    })
    this.reader = new Link({
      ...common,
      events: {},
      watches: false,
      connected: () => this.writer.hurry(),
    })
    const { writer, reader } = this
    const { shownUrl, wait } = target
    this.writes = new Writes({ writer, keys, wait, shownUrl, events })
    this.reads = new Reads({ reader, writer, keys, shownUrl, events })
  }

  /** Resolves when the server is there, or did not come in time. */
  async opened(): Promise<void> {
    const deadline = performance.now() + OPEN_WAIT_MS
    try {
      await Promise.all([this.writer.ready(deadline), this.reader.ready(deadline)])
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error
    }
  }

  async apply(write: GroupWrite): Promise<ApplyResult> {
    this.checkOpen()
    return this.track(this.writes.make(write))
  }

  async read(keys: readonly Buffer[]): Promise<(StoredGroup | null)[]> {
    if (keys.length === 0) {
      this.checkOpen()
      return []
    }
    const { store, changes, tombstones } = this.keys
    const reply = await this.reads.ask(
      'read',
      [store, changes, tombstones, ...keys.map((key) => this.groupKey(key))],
      keys,
    )
    const groups = reply.slice(4) as Buffer[][]
    return groups.map((fields, i) => decodeGroup(keys[i]!, fields)?.group ?? null)
  }

  async changes(request: ChangesRequest): Promise<ChangePage | ChangesReset> {
    const { position, after, full, bytesMax } = request
    const { store, changes, tombstones, nonces, groups } = this.keys
    const reply = await this.reads.ask(
      'changes',
      [store, changes, tombstones, nonces],
      [
        position.epoch,
        position.revision,
        Buffer.from(position.nonce, 'hex'),
        after,
        full ? 1 : 0,
        // More than a double can hold is as good as no limit.
        Math.min(bytesMax, Number.MAX_SAFE_INTEGER),
        PAGE_GROUPS_MAX,
        groups,
      ],
    )
    if (String(reply[0]) === 'reset') {
      return { kind: 'reset', reason: String(reply[4]) as ChangesReset['reason'] }
    }
    const { epoch, head, nonce, upto, complete, storeTimeUs, items } = readPage(reply)
    return {
      kind: 'page',
      head: { epoch, revision: head, nonce },
      upto,
      complete,
      storeTimeUs,
      items: items.map(({ key, decoded }) => ({ key, group: decoded?.group ?? null })),
    }
  }

  async wipe(nonce: () => string): Promise<number> {
    const { head } = await this.statusNow()
    const { store, changes, tombstones } = this.keys
    let removed = 0
    for (let after = 0; ;) {
      const reply = await this.reads.ask(
        'live',
        [store, changes, tombstones],
        [after, head.revision, WIPE_BATCH],
      )
      const [, , , , next, ...keys] = reply as unknown as [
        Buffer,
        number,
        Buffer,
        number,
        number,
        ...Buffer[],
      ]
      const results = await Promise.all(
        keys.map((key) =>
          this.apply({
            kind: 'delete',
            key,
            nonce: nonce(),
            notAfter: head.revision,
            timeoutMs: WIPE_TIMEOUT_MS,
          }),
        ),
      )
      removed += results.filter(({ kind }) => kind === 'applied').length
      if (next === after) return removed
      after = next
    }
  }

  async maintain(): Promise<void> {
    const { store, changes, tombstones } = this.keys
    const { tombstonesMax, historyMax } = this.settings
    for (let more = true; more;) {
      const reply = await this.reads.ask(
        'trim',
        [store, changes, tombstones],
        [tombstonesMax, historyMax, TRIM_BATCH],
      )
      more = reply[4] === 1
    }
  }

  async verify(): Promise<string[]> {
    const { store, claims, partitions, changes, groups, tombstones, nonces } = this.keys
    return recount({
      books: () => this.reads.ask('books', [store, claims, partitions], []),
      page: (after, bytesMax) =>
        this.reads.ask(
          'changes',
          [store, changes, tombstones, nonces],
          ['', 0, '', after, 1, bytesMax, PAGE_GROUPS_MAX, groups],
        ),
    })
  }

  async status(): Promise<StoreStatus> {
    const startedAt = performance.now()
    try {
      this.checkOpen()
      // A connection that just ended is mostly there again at once.
      await this.writer.ready(startedAt + BLINK_MS)
      const { head, groups, samples } = await this.statusNow()
      const roundTripMs = performance.now() - startedAt
      return { driver: 'redis', unavailable: undefined, head, groups, samples, roundTripMs }
    } catch (error) {
      const unavailable = error instanceof Error ? error.message : String(error)
      const head = { epoch: '', revision: 0, nonce: '' }
      const roundTripMs = performance.now() - startedAt
      return { driver: 'redis', unavailable, head, groups: 0, samples: 0, roundTripMs }
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.allSettled([...this.underWay])
    await Promise.all([this.writer.close(), this.reader.close()])
  }

  private async statusNow(): Promise<{ head: Cursor; groups: number; samples: number }> {
    const reply = await this.reads.ask(
      'status',
      [this.keys.store, this.keys.nonces],
      [],
      STATUS_TIMEOUT_MS,
    )
    const [, , epoch, head, nonce, groups, samples] = reply as unknown as [
      Buffer,
      number,
      Buffer,
      number,
      Buffer,
      number,
      number,
    ]
    return { head: cursor(epoch, head, nonce), groups, samples }
  }

  private groupKey(key: Buffer): Buffer {
    return Buffer.concat([this.keys.groups, key])
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreError('unavailable', `${this.url} is closed`)
  }

  private track<T>(call: Promise<T>): Promise<T> {
    this.underWay.add(call)
    const done = (): void => void this.underWay.delete(call)
    call.then(done, done)
    return call
  }
}

function cursor(epoch: Buffer, revision: number, nonce: Buffer): Cursor {
  return { epoch: String(epoch), revision, nonce: nonce.toString('hex') }
}
