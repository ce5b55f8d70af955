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
  Guard,
  MergeGroup,
  ReplaceGroup,
  RestoreGroup,
  StoredGroup,
  StoreEvents,
  StoreStatus,
} from '../group-store.ts'
import { countSamples } from '../merge-families.ts'
import { decodeGroup, encodeRow } from './group-fields.ts'
import { Link, type Argument, type Connection, type Reply } from './link.ts'
import { recount } from './recount.ts'
import { parseRedisUrl, type RedisSecrets, type RedisTarget } from './redis-url.ts'
import { storeErrorOf, troubleOf, type Trouble } from './reply-errors.ts'
import { READ_ONLY, SCRIPTS, type Script } from './scripts.ts'

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
const READ_TIMEOUT_MS = 5000
const WIPE_TIMEOUT_MS = 60_000
const WIPE_BATCH = 256
const TRIM_BATCH = 1000
/** So that a page of tiny groups does not keep the server busy for long either. */
const PAGE_GROUPS_MAX = 2000
const RETRY_MIN_MS = 5
const RETRY_MAX_MS = 200

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

interface Keys {
  readonly store: string
  readonly claims: string
  readonly partitions: string
  readonly changes: string
  readonly tombstones: string
  readonly nonces: string
  /** What stands before the key of a group. */
  readonly groups: Buffer
}

function keysOf(prefix: string): Keys {
  const key = (name: string): string => `{${prefix}}:${name}`
  return {
    store: key('store'),
    claims: key('claims'),
    partitions: key('partitions'),
    changes: key('changes'),
    tombstones: key('tombstones'),
    nonces: key('nonces'),
    groups: Buffer.from(key('group:')),
  }
}

class RedisStore implements GroupStore {
  readonly url: string
  private readonly target: RedisTarget
  private readonly settings: RedisOptions
  private readonly keys: Keys
  /** Pushes do not wait behind large answers, so they have a connection of their own. */
  private readonly writer: Link
  private readonly reader: Link
  private readonly underWay = new Set<Promise<unknown>>()
  private closed = false

  constructor(target: RedisTarget, settings: RedisOptions) {
    this.target = target
    this.settings = settings
    this.url = target.shownUrl
    this.keys = keysOf(target.prefix)
    const { events, mustExist } = settings
    const storeKey = this.keys.store
    this.writer = new Link({ target, storeKey, mustExist, events, watches: true })
    this.reader = new Link({ target, storeKey, mustExist, events: {}, watches: false })
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

  apply(write: GroupWrite): Promise<ApplyResult> {
    return this.track(this.write(write))
  }

  async read(keys: readonly Buffer[]): Promise<(StoredGroup | null)[]> {
    if (keys.length === 0) {
      this.checkOpen()
      return []
    }
    const reply = await this.ask(
      'read',
      [this.keys.store, ...keys.map((key) => this.groupKey(key))],
      [],
    )
    const groups = reply.slice(2) as Buffer[][]
    return groups.map((fields, i) => decodeGroup(keys[i]!, fields)?.group ?? null)
  }

  async changes(request: ChangesRequest): Promise<ChangePage | ChangesReset> {
    const { position, after, full, bytesMax } = request
    const { store, changes, tombstones, nonces, groups } = this.keys
    const reply = await this.ask(
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
      return { kind: 'reset', reason: String(reply[2]) as ChangesReset['reason'] }
    }
    const [, storeTimeUs, epoch, head, nonce, upto, complete, ...rest] = reply as unknown as [
      Buffer,
      number,
      Buffer,
      number,
      Buffer,
      number,
      number,
      ...(Buffer | Buffer[])[],
    ]
    const items: { key: Buffer; group: StoredGroup | null }[] = []
    for (let i = 0; i < rest.length; i += 2) {
      const key = rest[i] as Buffer
      items.push({ key, group: decodeGroup(key, rest[i + 1] as Buffer[])?.group ?? null })
    }
    return {
      kind: 'page',
      head: cursor(epoch, head, nonce),
      upto,
      complete: complete === 1,
      storeTimeUs,
      items,
    }
  }

  async wipe(nonce: () => string): Promise<number> {
    const { head } = await this.statusNow()
    const { changes, tombstones } = this.keys
    let removed = 0
    for (let after = 0; ;) {
      const reply = await this.ask(
        'live',
        [changes, tombstones],
        [after, head.revision, WIPE_BATCH],
      )
      const [, , next, ...keys] = reply as unknown as [Buffer, number, number, ...Buffer[]]
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
      const reply = await this.ask(
        'trim',
        [store, changes, tombstones],
        [tombstonesMax, historyMax, TRIM_BATCH],
      )
      more = reply[2] === 1
    }
  }

  async verify(): Promise<string[]> {
    const { store, claims, partitions, changes, groups, tombstones, nonces } = this.keys
    return recount({
      books: () => this.ask('books', [store, claims, partitions], []),
      page: (after, bytesMax) =>
        this.ask(
          'changes',
          [store, changes, tombstones, nonces],
          ['', 0, '', after, 1, bytesMax, PAGE_GROUPS_MAX, groups],
        ),
    })
  }

  async status(): Promise<StoreStatus> {
    const startedAt = performance.now()
    const trouble = this.closed ? undefined : (this.writer.trouble ?? this.reader.trouble)
    try {
      if (trouble !== undefined) throw trouble
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
    const reply = await this.ask('status', [this.keys.store, this.keys.nonces], [])
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

  /** Runs a script that can be run again at will, until there is an answer or the time is up. */
  private async ask(
    name: Exclude<keyof typeof SCRIPTS, 'push' | 'fail' | 'delete' | 'restore' | 'open'>,
    keys: readonly Argument[],
    args: readonly Argument[],
  ): Promise<Reply> {
    this.checkOpen()
    const deadline = performance.now() + READ_TIMEOUT_MS
    let script: Script = SCRIPTS[name]
    for (let tries = 0; ; tries++) {
      const connection = await this.reader.ready(deadline)
      try {
        const reply = await connection.run(script, keys, args)
        const kind = String(reply[0])
        if (kind === 'corrupt') throw this.corrupt(reply)
        if (kind !== 'absent') return reply
        await this.reader.openStore(connection)
      } catch (error) {
        if (error instanceof StoreError) throw error
        const trouble = troubleOf(error)
        if (trouble === 'read only' && name in READ_ONLY) {
          script = READ_ONLY[name as keyof typeof READ_ONLY]
          continue
        }
        await this.beforeAnotherTry(this.reader, connection, trouble, error, deadline, tries)
      }
    }
  }

  /**
   * Makes a write. The server makes it at most once, and not after the deadline: an attempt whose
   * fate is not known is followed by one that first looks for it.
   */
  private async write(write: GroupWrite): Promise<ApplyResult> {
    this.checkOpen()
    const deadline = performance.now() + write.timeoutMs
    const { script, guarded, args } = this.encode(write)
    const { store, claims, partitions, changes, tombstones, nonces } = this.keys
    const keys = [
      store,
      claims,
      partitions,
      changes,
      tombstones,
      nonces,
      this.groupKey(write.key),
      ...guarded.map((key) => this.groupKey(key)),
    ]
    const nonce = Buffer.from(write.nonce, 'hex')
    const waits = this.target.wait > 0
    let mayBeMade = false
    /** No attempt was made at or before this revision. */
    let headBefore = Infinity
    for (let tries = 0; ; tries++) {
      const connection = await this.connectionFor(deadline, mayBeMade)
      headBefore = Math.min(headBefore, connection.head)
      try {
        const call = connection.run(script, keys, [
          write.key,
          nonce,
          connection.clock.at(deadline),
          mayBeMade ? headBefore : '',
          waits ? 1 : 0,
          ...args,
        ])
        const confirmed = waits ? connection.confirmations.confirm(deadline) : undefined
        // Looked at below, unless the call itself fails.
        confirmed?.catch(() => undefined)
        const reply = await inTime(call, deadline)
        if (reply === undefined) throw this.unconfirmed('the server did not answer in time')
        const result = this.resultOf(reply, connection)
        if (result === 'absent') {
          await this.writer.openStore(connection)
          continue
        }
        if (result === 'late') {
          // The server's clock was not known well enough, or the way was too long.
          if (performance.now() < deadline) continue
          throw mayBeMade
            ? this.unconfirmed('no attempt was answered in time')
            : new StoreError(
                'unavailable',
                `${this.url}: too slow to make the write in time; nothing was written`,
              )
        }
        if (confirmed !== undefined && (result.kind === 'applied' || result.kind === 'unchanged')) {
          mayBeMade = true
          if (!(await confirmed)) {
            throw this.unconfirmed(`fewer than ${this.target.wait} replicas have the write`)
          }
        }
        return result
      } catch (error) {
        if (error instanceof StoreError) throw error
        const trouble = troubleOf(error)
        if (trouble === 'lost' || trouble === 'other') mayBeMade = true
        await this.beforeAnotherTry(this.writer, connection, trouble, error, deadline, tries).catch(
          (failure: unknown) => {
            throw mayBeMade ? this.unconfirmed(String((failure as Error).message)) : failure
          },
        )
      }
    }
  }

  private async connectionFor(deadline: number, mayBeMade: boolean): Promise<Connection> {
    try {
      return await this.writer.ready(deadline)
    } catch (error) {
      throw mayBeMade ? this.unconfirmed((error as Error).message) : error
    }
  }

  /** @throws StoreError when another try would not help, or would come too late */
  private async beforeAnotherTry(
    link: Link,
    connection: Connection,
    trouble: Trouble,
    error: unknown,
    deadline: number,
    tries: number,
  ): Promise<void> {
    const why = (error as Error).message
    switch (trouble) {
      case 'full':
      case 'unusable':
      case 'corrupt':
      case 'other':
        throw storeErrorOf(trouble, this.url, error)
      case 'elsewhere':
        link.drop(connection, why)
        break
      case 'lost':
      case 'not sent':
        link.drop(connection, why)
        this.settings.events.retried?.(why)
        return
      default:
    }
    const left = deadline - performance.now()
    const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** tries) * (0.5 + Math.random() / 2)
    if (pause >= left) {
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left))
      throw storeErrorOf(trouble, this.url, error)
    }
    await new Promise((resolve) => setTimeout(resolve, pause))
    this.settings.events.retried?.(why)
  }

  private unconfirmed(why: string): StoreError {
    return new StoreError(
      'unconfirmed',
      `${this.url}: ${why}; the write may have been made, and will not be any more if it was not`,
    )
  }

  private corrupt(reply: Reply): StoreError {
    return new StoreError('corrupt', `${this.url}: ${String(reply[2])}`)
  }

  private resultOf(reply: Reply, connection: Connection): ApplyResult | 'late' | 'absent' {
    const [kind, , ...rest] = reply
    switch (String(kind)) {
      case 'applied': {
        const [epoch, revision, inconsistent] = rest as [Buffer, number, number]
        connection.head = revision
        return {
          kind: 'applied',
          epoch: String(epoch),
          revision,
          inconsistent: inconsistent === 1,
        }
      }
      case 'unchanged':
        return { kind: 'unchanged' }
      case 'refused': {
        const [claim, wanted, held] = rest.map(String) as [string, string, string]
        return { kind: 'refused', claim, wanted, held }
      }
      case 'unguarded':
        return { kind: 'unguarded', nameSets: rest.map(String) }
      case 'corrupt':
        throw this.corrupt(reply)
      case 'late':
        return 'late'
      case 'absent':
        return 'absent'
      default:
        throw new StoreError('corrupt', `${this.url}: an answer that is not known: ${String(kind)}`)
    }
  }

  private encode(write: GroupWrite): {
    script: Script
    guarded: readonly Buffer[]
    args: readonly Argument[]
  } {
    switch (write.kind) {
      case 'replace':
      case 'merge':
        return {
          script: SCRIPTS.push,
          guarded: write.guard.groups.map(({ key }) => key),
          args: encodePush(write),
        }
      case 'fail':
        return {
          script: SCRIPTS.fail,
          guarded: write.guard.groups.map(({ key }) => key),
          args: [write.partition, write.nameSet, write.description, encodeGuard(write.guard)],
        }
      case 'restore':
        return {
          script: SCRIPTS.restore,
          guarded: write.guard.groups.map(({ key }) => key),
          args: encodeRestore(write),
        }
      case 'delete':
        return { script: SCRIPTS.delete, guarded: [], args: [write.notAfter ?? ''] }
    }
  }
}

function encodePush(write: ReplaceGroup | MergeGroup): Argument[] {
  const args: Argument[] = [
    write.kind,
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    write.kind === 'replace' ? write.shape : '',
    countSamples(write.families),
    encodeGuard(write.guard),
  ]
  for (const family of write.families) args.push(family.name, encodeRow(family), family.data)
  return args
}

function encodeRestore(write: RestoreGroup): Argument[] {
  const args: Argument[] = [
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    write.shape,
    encodeGuard(write.guard),
    write.createdTimeUs,
    write.pushTimeUs,
    write.failureTimeUs,
  ]
  for (const family of write.families) {
    args.push(family.name, encodeRow(family), family.data, family.pushedAtUs)
  }
  return args
}

function encodeGuard({ nameSets, groups }: Guard): string {
  return JSON.stringify({
    nameSets,
    shapeRevisions: groups.map(({ shapeRevision }) => shapeRevision),
  })
}

function cursor(epoch: Buffer, revision: number, nonce: Buffer): Cursor {
  return { epoch: String(epoch), revision, nonce: nonce.toString('hex') }
}

/** Undefined when the promise does not come through by a moment of performance.now(). */
async function inTime<T>(call: Promise<T>, deadline: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - performance.now()))
  })
  try {
    return await Promise.race([call, over])
  } finally {
    clearTimeout(timer)
    call.catch(() => undefined)
  }
}
