/**
 * A standing connection to the server that takes writes: made anew whenever it ends, watched by
 * heartbeats, and never a queue. Whoever wants to send waits for it to be ready, until its deadline.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { StoreEvents } from '../group-store.ts'
import { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { connectToPrimary } from './places.ts'
import type { RedisTarget } from './redis-url.ts'
import { storeErrorOf, troubleOf } from './reply-errors.ts'
import { READ_ONLY, SCRIPTS } from './scripts.ts'
import { checkServer } from './server-checks.ts'

/** Of the layout of keys. A store of a newer one is refused. */
export const FORMAT = 1

/** With the silence that ends a connection this is how soon a dead server is noticed; Sentinel must take longer. */
const HEARTBEAT_MS = 500
/** After so many refused heartbeats another server is looked for, which may have taken over. */
const REFUSED_BEATS_MAX = 2
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2000

export interface LinkOptions {
  readonly target: RedisTarget
  readonly keys: Keys
  /** True: a store that is not there is not made, but an error. */
  readonly mustExist: boolean
  readonly events: Partial<StoreEvents>
  /** Whether this one looks at how the server is set up, and tells of losing it. */
  readonly watches: boolean
  /** Called whenever it got through. */
  readonly connected: () => void
}

export class Link {
  private readonly options: LinkOptions
  private connection: Connection | undefined
  /** Why there is none. */
  private reason: StoreError
  private readonly waiting = new Set<() => void>()
  private readonly running: Promise<void>
  private readonly abort = new AbortController()
  /** Ends the pause before the next attempt. */
  private hurried = new AbortController()
  private warned = ''

  constructor(options: LinkOptions) {
    this.options = options
    this.reason = new StoreError('unavailable', `${options.target.shownUrl}: not connected yet`)
    this.running = this.keepConnected()
  }

  /** The connection, if there is one now. */
  get current(): Connection | undefined {
    return this.connection?.isOpen === true ? this.connection : undefined
  }

  /**
   * The connection, as soon as there is one.
   *
   * @param deadline by performance.now()
   * @throws StoreError unavailable at the deadline, or at once what waiting does not help against
   */
  async ready(deadline: number): Promise<Connection> {
    for (;;) {
      if (this.isClosed) throw this.closedError()
      const { current } = this
      if (current !== undefined) return current
      if (this.reason.code !== 'unavailable' && this.connection === undefined) throw this.reason
      const left = deadline - performance.now()
      if (left <= 0) throw this.reason
      await this.change(left)
    }
  }

  /** Gives a connection up: what was there is not the primary, or not any more. */
  drop(connection: Connection, why: string): void {
    if (this.connection === connection) this.lose(why)
    connection.end()
  }

  /** Connects at once where it is waiting to: somebody else got through. */
  hurry(): void {
    this.hurried.abort()
    this.hurried = new AbortController()
  }

  async close(): Promise<void> {
    this.abort.abort()
    this.connection?.end()
    this.tell()
    await this.running
  }

  private get isClosed(): boolean {
    return this.abort.signal.aborted
  }

  private closedError(): StoreError {
    return new StoreError('unavailable', `${this.options.target.shownUrl} is closed`)
  }

  /** Resolves when something changed, or after so long. */
  private change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      this.waiting.add(done)
    })
  }

  private tell(): void {
    for (const done of [...this.waiting]) done()
  }

  private async keepConnected(): Promise<void> {
    let failures = 0
    while (!this.isClosed) {
      try {
        await this.connectOnce(() => (failures = 0))
      } catch (error) {
        this.reason = this.explain(error)
        this.tell()
      }
      if (this.isClosed) return
      const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** failures++)
      const pause = most * (0.5 + Math.random() / 2)
      const signal = AbortSignal.any([this.abort.signal, this.hurried.signal])
      await sleep(pause, undefined, { signal }).catch(() => undefined)
    }
  }

  /** From dialling to the end of the connection. */
  private async connectOnce(succeeded: () => void): Promise<void> {
    const { target, keys, watches, events } = this.options
    const redis = await connectToPrimary(
      target,
      keys.store,
      watches ? 'sluice-writer' : 'sluice-reader',
      this.abort.signal,
    )
    const ended = new Promise<void>((resolve) => redis.once('end', resolve))
    const connection = new Connection(redis, target.wait)
    let beating: NodeJS.Timeout | undefined
    let said = 'the connection ended'
    redis.on('error', (error: Error) => (said = error.message))
    try {
      if (watches) this.warn(await checkServer(redis, target.wait))
      await this.prepare(connection)
      if (this.isClosed) return
      this.connection = connection
      succeeded()
      if (watches) events.restored?.()
      this.tell()
      this.options.connected()
      beating = this.startBeating(connection)
      await ended
    } finally {
      clearInterval(beating)
      connection.end()
      if (this.connection === connection) this.lose(said)
      if (redis.status !== 'end') await ended
    }
  }

  private lose(why: string): void {
    this.connection = undefined
    this.reason = new StoreError('unavailable', `${this.options.target.shownUrl}: ${why}`)
    if (this.options.watches && !this.isClosed) this.options.events.lost?.(why)
    this.tell()
  }

  /** Once for each finding, not for each connection. */
  private warn(warnings: readonly string[]): void {
    const all = warnings.join('\n')
    if (all !== this.warned) for (const text of warnings) this.options.events.warning?.(text)
    this.warned = all
  }

  /** One at a time: whether the server still is what it was, and where the store stands. */
  private startBeating(connection: Connection): NodeJS.Timeout {
    let underWay = false
    let refused = 0
    const beat = async (): Promise<void> => {
      underWay = true
      try {
        const [kind] = await connection.run(SCRIPTS.beat, [this.options.keys.store], [])
        if (String(kind) === 'absent') await this.openStore(connection)
        refused = 0
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const trouble = error instanceof StoreError ? 'unusable' : troubleOf(error)
        if (trouble === 'refused for now') refused++
        if (['elsewhere', 'unusable', 'corrupt'].includes(trouble) || refused >= REFUSED_BEATS_MAX)
          this.drop(connection, why)
        else if (trouble === 'read only' || trouble === 'full')
          this.options.events.warning?.(`the server refuses pushes: ${why}`)
      } finally {
        underWay = false
      }
    }
    return setInterval(() => {
      if (!underWay && connection.isOpen) void beat()
    }, HEARTBEAT_MS)
  }

  /** Makes the store where there is none, and looks whether this is one that we can work with. */
  private async prepare(connection: Connection): Promise<void> {
    if (this.options.watches) await this.tryRights(connection)
    await this.openStore(connection)
  }

  private async tryRights(connection: Connection): Promise<void> {
    try {
      const [, , ...failed] = await connection.run(SCRIPTS.probe, this.options.keys.probe, [])
      if (failed.length === 0) return
      throw new StoreError(
        'unusable',
        `the server refuses ${String(failed[0])}: ${String(failed[1])}; storage/DESIGN.md says which rights a user needs`,
      )
    } catch (error) {
      // A server that takes no writes now cannot be asked.
      if (error instanceof StoreError || troubleOf(error) !== 'read only') throw error
    }
  }

  /** @throws StoreError for a store that cannot be worked with; else what the server says */
  async openStore(connection: Connection): Promise<void> {
    const { keys, mustExist } = this.options
    const all = [
      keys.store,
      keys.claims,
      keys.partitions,
      keys.changes,
      keys.tombstones,
      keys.nonces,
    ]
    const epoch = randomBytes(8).toString('hex')
    const run = async (): Promise<readonly unknown[]> => {
      try {
        return await connection.run(SCRIPTS.open, all, [epoch, FORMAT, mustExist ? 0 : 1])
      } catch (error) {
        if (troubleOf(error) !== 'read only') throw error
        return connection.run(READ_ONLY.open, all, [epoch, FORMAT, 0])
      }
    }
    const [kind, , rest, , format] = await run()
    if (String(kind) === 'corrupt') throw new StoreError('corrupt', String(rest))
    if (String(kind) === 'absent') {
      throw new StoreError('unusable', `there is no store of Sluice: no key ${keys.store}`)
    }
    if (format !== FORMAT) {
      throw new StoreError(
        'unusable',
        format === 0
          ? `${keys.store} is not a store of Sluice`
          : `the store has format ${String(format)}, this version of Sluice knows up to ${FORMAT}`,
      )
    }
  }

  private explain(error: unknown): StoreError {
    const { target } = this.options
    const { shownUrl } = target
    if (error instanceof StoreError) {
      return new StoreError(error.code, `${shownUrl}: ${error.message}`)
    }
    const trouble = troubleOf(error)
    if (target.place.kind === 'single' && (error as Error).message.startsWith('MOVED')) {
      return new StoreError(
        'unusable',
        `${shownUrl}: the server is part of a cluster: name its nodes as redis+cluster://HOST,HOST`,
      )
    }
    if (trouble === 'unusable' || trouble === 'corrupt')
      return storeErrorOf(trouble, shownUrl, error)
    return new StoreError('unavailable', `${shownUrl}: ${(error as Error).message}`)
  }
}
