/** One connection to a server, from being ready to its end: scripts are run on it, and what it was told is remembered. */
import { Command, type Redis } from 'ioredis'
import { Confirmations } from './confirmations.ts'
import { hangUp } from './places.ts'
import { troubleOf } from './reply-errors.ts'
import type { Script } from './scripts.ts'
import { StoreClock } from './store-clock.ts'

export type Argument = string | Buffer | number

/** Kind, the server's time, and whatever the script says it gives: mostly epoch and head first. */
export type Reply = readonly [kind: Buffer, timeUs: number, ...rest: unknown[]]

/** Where the store stood when it was last heard of. */
export interface Standing {
  readonly epoch: string
  readonly head: number
}

export class Connection {
  readonly clock = new StoreClock()
  private readonly redis: Redis
  private readonly confirmations: Confirmations
  private givenUp = false
  private isGathering = false
  private known: Standing = { epoch: '', head: 0 }

  /** @param replicas how many are to confirm a write */
  constructor(redis: Redis, replicas: number) {
    this.redis = redis
    this.confirmations = new Confirmations(redis, replicas)
  }

  get standing(): Standing {
    return this.known
  }

  /** True as long as it can be sent on. */
  get isOpen(): boolean {
    return !this.givenUp && this.redis.status === 'ready'
  }

  /** Runs a script. Throws what ioredis throws; reply-errors.ts tells what that means. */
  async run(script: Script, keys: readonly Argument[], args: readonly Argument[]): Promise<Reply> {
    try {
      return await this.evaluate('EVALSHA', script.sha, keys, args)
    } catch (error) {
      if (troubleOf(error) !== 'unknown script') throw error
    }
    return this.evaluate('EVAL', script.lua, keys, args)
  }

  /**
   * The same, and `confirmed` resolves to whether enough replicas had by the deadline what the script
   * wrote: what is waited for is sent behind the script that was run, and not behind one that was not known.
   *
   * @param deadline by performance.now()
   */
  async runConfirmed(
    script: Script,
    keys: readonly Argument[],
    args: readonly Argument[],
    deadline: number,
  ): Promise<{ reply: Reply; confirmed: Promise<boolean> }> {
    const attempt = async (
      command: string,
      what: string,
    ): Promise<{ reply: Reply; confirmed: Promise<boolean> }> => {
      const sent = this.evaluate(command, what, keys, args)
      const confirmed = this.confirmations.confirm(deadline)
      // Looked at by the caller, unless the script itself fails.
      confirmed.catch(() => undefined)
      return { reply: await sent, confirmed }
    }
    try {
      return await attempt('EVALSHA', script.sha)
    } catch (error) {
      if (troubleOf(error) !== 'unknown script') throw error
    }
    return attempt('EVAL', script.lua)
  }

  /** Ends it, once; calls under way fail. */
  end(): void {
    if (this.givenUp) return
    this.givenUp = true
    hangUp(this.redis)
  }

  /** The arguments are handed over as one list: there may be more than a call takes. */
  private async evaluate(
    command: string,
    what: string,
    keys: readonly Argument[],
    args: readonly Argument[],
  ): Promise<Reply> {
    const sentAt = performance.now()
    const all = [what, keys.length, ...keys, ...args]
    const sent = new Command(command, all, { replyEncoding: null })
    this.gather()
    const reply = (await this.redis.sendCommand(sent)) as Reply
    this.clock.learn(reply[1], sentAt, performance.now())
    this.hear(reply)
    return reply
  }

  /**
   * What is sent in one turn of the event loop goes out together, and the server reads it with one call: half of what a push
   * cost it (ratio in test/bench/README.md). ioredis' own way of that makes one command of several, with one fate.
   */
  private gather(): void {
    if (this.isGathering) return
    const { stream } = this.redis
    this.isGathering = true
    stream.cork()
    setImmediate(() => {
      this.isGathering = false
      stream.uncork()
    })
  }

  private hear([kind, , epoch, head]: Reply): void {
    if (!Buffer.isBuffer(epoch) || typeof head !== 'number') return
    const text = epoch.toString('latin1')
    // A write that was made by an earlier attempt is answered with its revision of then.
    const isOlder = text === this.known.epoch && head < this.known.head
    if (isOlder && kind.toString('latin1') === 'applied') return
    this.known = { epoch: text, head }
  }
}
