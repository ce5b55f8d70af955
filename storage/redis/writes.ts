/**
 * Writes, each made at most once and not after its deadline. An attempt whose answer does not come may
 * still be on its way, in some buffer, and be made any time until the deadline; so every attempt first
 * looks for the others (scripts/write-prelude.lua), and what is answered while the fate of one is open
 * is only what holds whatever becomes of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { ApplyResult, GroupWrite, StoreEvents } from '../group-store.ts'
import type { Connection, Reply, Standing } from './connection.ts'
import { encodeWrite, type EncodedWrite } from './encode-write.ts'
import type { Keys } from './keys.ts'
import type { Link } from './link.ts'
import { damageOf, troubleOf } from './reply-errors.ts'
import { untilNextAttempt } from './retries.ts'

export interface WritesOptions {
  readonly writer: Link
  readonly keys: Keys
  /** How many replicas must have a write. */
  readonly wait: number
  readonly shownUrl: string
  readonly events: Partial<StoreEvents>
}

/** A write from its first attempt to its answer. */
interface Pending {
  readonly encoded: EncodedWrite
  readonly key: Buffer
  readonly nonce: Buffer
  readonly deadline: number
  /** Where the store stood before any attempt. */
  since: Standing | undefined
  /** Whether an attempt was sent of which nobody knows what became. */
  isOpen: boolean
}

interface Answer {
  readonly reply: Reply
  /** Undefined where replicas are not waited for. */
  readonly confirmed: Promise<boolean> | undefined
}

export class Writes {
  private readonly options: WritesOptions

  constructor(options: WritesOptions) {
    this.options = options
  }

  /** @throws StoreError; see GroupStore.apply */
  async make(write: GroupWrite): Promise<ApplyResult> {
    const pending: Pending = {
      encoded: encodeWrite(write, this.options.keys),
      key: write.key,
      nonce: Buffer.from(write.nonce, 'hex'),
      deadline: performance.now() + write.timeoutMs,
      since: undefined,
      isOpen: false,
    }
    let why: string
    try {
      const result = await this.attempts(pending)
      if (!pending.isOpen || result.kind === 'applied') return result
      // A delete that finds nothing is one whether or not it was the one that deleted.
      if (result.kind === 'unchanged' && write.kind === 'delete') {
        await passed(pending.deadline)
        return result
      }
      why = 'an attempt was not answered'
    } catch (error) {
      if (!pending.isOpen) throw error
      why = (error as Error).message.replace(`${this.options.shownUrl}: `, '')
    }
    await passed(pending.deadline)
    throw new StoreError(
      'unconfirmed',
      `${this.options.shownUrl}: ${why}; the write may have been made, and will not be any more if it was not`,
    )
  }

  /** Until one is answered, or the time is up. */
  private async attempts(pending: Pending): Promise<ApplyResult> {
    const { writer, shownUrl } = this.options
    const { deadline } = pending
    for (let tries = 0; ; tries++) {
      const connection = await writer.ready(deadline)
      pending.since = earlier(pending.since, connection.standing)
      try {
        const result = await this.attempt(pending, connection, pending.since)
        if (result !== 'late') return result
        // The server's clock was not known well enough, or the way was too long.
        if (performance.now() >= deadline) {
          throw new StoreError(
            'unavailable',
            `${shownUrl}: too slow to make the write in time; nothing was written`,
          )
        }
      } catch (error) {
        if (error instanceof StoreError) throw error
        const trouble = troubleOf(error)
        if (trouble === 'lost' || trouble === 'other') pending.isOpen = true
        await untilNextAttempt(
          { ...this.options, link: writer, deadline },
          connection,
          error,
          tries,
        )
      }
    }
  }

  private async attempt(
    pending: Pending,
    connection: Connection,
    { epoch, head }: Standing,
  ): Promise<ApplyResult | 'late'> {
    const { wait, writer } = this.options
    const { encoded, deadline } = pending
    const args = [
      pending.key,
      pending.nonce,
      connection.clock.at(deadline),
      `${epoch} ${head}`,
      wait > 0 ? 1 : 0,
      ...encoded.args,
    ]
    const { script, keys } = encoded
    const call: Promise<Answer> =
      wait > 0
        ? connection.runConfirmed(script, keys, args, deadline)
        : connection.run(script, keys, args).then((reply) => ({ reply, confirmed: undefined }))
    const answer = await inTime(call, deadline)
    if (answer === undefined) {
      pending.isOpen = true
      throw new StoreError('unconfirmed', 'the server did not answer in time')
    }
    const result = this.resultOf(answer.reply)
    if (result === 'absent') {
      await writer.openStore(connection)
      return this.attempt(pending, connection, { epoch: '', head: 0 })
    }
    const { confirmed } = answer
    if (result === 'late' || confirmed === undefined) return result
    if (result.kind !== 'applied' && result.kind !== 'unchanged') return result
    const wasOpen = pending.isOpen
    // It is made, but nobody may be told before the replicas have it.
    pending.isOpen = true
    if ((await inTime(confirmed, deadline)) !== true) {
      throw new StoreError('unconfirmed', `fewer than ${wait} replicas have the write`)
    }
    pending.isOpen = wasOpen
    return result
  }

  private resultOf(reply: Reply): ApplyResult | 'late' | 'absent' {
    const [kind, , ...rest] = reply
    switch (String(kind)) {
      case 'applied': {
        const [epoch, revision, inconsistent] = rest as [Buffer, number, number]
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
      case 'late':
        return 'late'
      case 'absent':
        return 'absent'
      default:
        throw damageOf(this.options.shownUrl, rest[0])
    }
  }
}

/** What is certain for two connections: heads of different histories cannot be compared. */
function earlier(before: Standing | undefined, now: Standing): Standing {
  if (before === undefined) return now
  return {
    epoch: now.epoch,
    head: before.epoch === now.epoch ? Math.min(before.head, now.head) : 0,
  }
}

/** Resolves when a moment of performance.now() has passed. */
async function passed(deadline: number): Promise<void> {
  while (performance.now() < deadline) await sleep(Math.ceil(deadline - performance.now()))
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
