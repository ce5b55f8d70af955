/**
 * A standing connection to the server that takes writes: made anew whenever it ends, watched by
 * heartbeats, and never a queue. Whoever wants to send waits for it to be ready, until its deadline.
 */
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { StoreEvents } from '../group-store.ts'
import { Confirmations } from './confirmations.ts'
import { connectToPrimary, hangUp } from './places.ts'
import type { RedisTarget } from './redis-url.ts'
import { storeErrorOf, troubleOf } from './reply-errors.ts'
import { SCRIPTS, type Script } from './scripts.ts'
import { checkServer } from './server-checks.ts'
import { StoreClock } from './store-clock.ts'

/** Of the layout of keys. A store of a newer one is refused. */
export const FORMAT = 1

/** With the silence that ends a connection this is how soon a dead server is noticed; Sentinel must take longer. */
const HEARTBEAT_MS = 500
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2000

export type Argument = string | Buffer | number

/** Kind, the server's time, and whatever the script says it gives. */
export type Reply = readonly [kind: Buffer, timeUs: number, ...rest: unknown[]]

/** One connection, from being ready to its end. */
export class Connection {
  readonly clock = new StoreClock()
  readonly confirmations: Confirmations
  /** The last head that was seen on it. */
  head = 0
  private givenUp = false
  private readonly redis: Redis

  constructor(redis: Redis, replicas: number) {
    this.redis = redis
    this.confirmations = new Confirmations(redis, replicas)
  }

  /** Runs a script. Throws what ioredis throws; reply-errors.ts tells what that means. */
  async run(script: Script, keys: readonly Argument[], args: readonly Argument[]): Promise<Reply> {
    const sentAt = performance.now()
    const reply = (await this.send(script, keys, args)) as Reply
    this.clock.learn(reply[1], sentAt, performance.now())
    return reply
  }

  private async send(
    script: Script,
    keys: readonly Argument[],
    args: readonly Argument[],
  ): Promise<unknown> {
    try {
      return await this.redis.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (troubleOf(error) !== 'unknown script') throw error
    }
    return this.redis.callBuffer('EVAL', script.lua, keys.length, ...keys, ...args)
  }

  /** True as long as it can be sent on. */
  get isOpen(): boolean {
    return !this.givenUp && this.redis.status === 'ready'
  }

  /** Ends it, once; calls under way fail. */
  end(): void {
    if (this.givenUp) return
    this.givenUp = true
    hangUp(this.redis)
  }
}

export interface LinkOptions {
  readonly target: RedisTarget
  /** The hash that says where the store stands. */
  readonly storeKey: string
  /** True: a store that is not there is not made, but an error. */
  readonly mustExist: boolean
  readonly events: Partial<StoreEvents>
  /** Whether this one looks at how the server is set up, and tells of losing it. */
  readonly watches: boolean
}

export class Link {
  private readonly options: LinkOptions
  private connection: Connection | undefined
  /** Why there is none. */
  private reason: StoreError
  private readonly waiting = new Set<() => void>()
  private closed = false
  private readonly running: Promise<void>
  private readonly abort = new AbortController()
  private warned = ''

  constructor(options: LinkOptions) {
    this.options = options
    this.reason = new StoreError('unavailable', `${options.target.shownUrl}: not connected yet`)
    this.running = this.keepConnected()
  }

  /** Why calls fail now; undefined when they do not have to. */
  get trouble(): StoreError | undefined {
    return this.connection === undefined ? this.reason : undefined
  }

  /**
   * The connection, as soon as there is one.
   *
   * @param deadline by performance.now()
   * @throws StoreError unavailable at the deadline, or at once what waiting does not help against
   */
  async ready(deadline: number): Promise<Connection> {
    for (;;) {
      if (this.closed) throw this.closedError()
      if (this.connection?.isOpen === true) return this.connection
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

  async close(): Promise<void> {
    this.closed = true
    this.abort.abort()
    this.connection?.end()
    this.tell()
    await this.running
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
    while (!this.closed) {
      try {
        await this.connectOnce(() => (failures = 0))
      } catch (error) {
        this.reason = this.explain(error)
        this.tell()
      }
      if (this.closed) return
      const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** failures++)
      await sleep(most * (0.5 + Math.random() / 2), undefined, { signal: this.abort.signal }).catch(
        () => undefined,
      )
    }
  }

  /** From dialling to the end of the connection. */
  private async connectOnce(succeeded: () => void): Promise<void> {
    const { target, storeKey } = this.options
    const redis = await connectToPrimary(target, storeKey)
    const ended = new Promise<void>((resolve) => redis.once('end', resolve))
    const connection = new Connection(redis, target.wait)
    let beating: NodeJS.Timeout | undefined
    let said = 'the connection ended'
    redis.on('error', (error: Error) => (said = error.message))
    try {
      await this.prepare(redis, connection)
      if (this.closed) return
      this.connection = connection
      succeeded()
      if (this.options.watches) this.options.events.restored?.()
      this.tell()
      beating = setInterval(() => void redis.ping().catch(() => undefined), HEARTBEAT_MS)
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
    if (this.options.watches && !this.closed) this.options.events.lost?.(why)
    this.tell()
  }

  /** Makes the store where there is none, and looks whether this is one that we can work with. */
  private async prepare(redis: Redis, connection: Connection): Promise<void> {
    const { target, watches, events } = this.options
    if (watches) {
      const warnings = await checkServer(redis, target.wait)
      // Once for each finding, not for each connection.
      if (warnings.join() !== this.warned) for (const text of warnings) events.warning?.(text)
      this.warned = warnings.join()
    }
    await this.openStore(connection)
  }

  /** @throws StoreError unusable for a store of a newer format; else what the server says */
  async openStore(connection: Connection): Promise<void> {
    const epoch = randomBytes(8).toString('hex')
    const { storeKey, mustExist } = this.options
    const reply = await connection.run(SCRIPTS.open, [storeKey], [epoch, FORMAT, mustExist ? 0 : 1])
    if (String(reply[0]) === 'absent') {
      throw new StoreError('unusable', `there is no store of Sluice: no key ${storeKey}`)
    }
    const [, , , format, head] = reply as unknown as [Buffer, number, Buffer, number, number]
    connection.head = head
    if (format > FORMAT) {
      throw new StoreError(
        'unusable',
        `the store has format ${format}, this version of Sluice knows up to ${FORMAT}`,
      )
    }
    if (format < FORMAT) {
      throw new StoreError('unusable', `${storeKey} is not a store of Sluice`)
    }
  }

  private explain(error: unknown): StoreError {
    const { shownUrl } = this.options.target
    if (error instanceof StoreError) {
      return new StoreError(error.code, `${shownUrl}: ${error.message}`, { cause: error })
    }
    const trouble = troubleOf(error)
    if (trouble === 'unusable' || trouble === 'corrupt')
      return storeErrorOf(trouble, shownUrl, error)
    return new StoreError('unavailable', `${shownUrl}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
