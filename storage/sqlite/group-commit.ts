/**
 * Many writes, one commit: what arrives while the event loop is busy, or the last commit on its way to the disk, goes
 * into the next transaction. Waiting for the disk and for another process' lock leaves the loop free.
 */
import { StoreError } from '../errors.ts'

/** Runs a batch in one transaction. Throws when the transaction as a whole did not happen. */
export type RunBatch<Write, Result> = (writes: readonly Write[]) => Result[]

export interface GroupCommitOptions<Write, Result> {
  readonly run: RunBatch<Write, Result>
  /** Makes what was run so far last, these many writes; nobody is answered before. Undefined: it does already. */
  readonly settle: ((writes: number) => Promise<void>) | undefined
  readonly isBusy: (error: unknown) => boolean
  /** True while what keeps the file busy is probably over at once. */
  readonly isBusyBriefly?: () => boolean
  /** About how many bytes a write brings. */
  readonly bytesOf: (write: Write) => number
  /** What the caller of a write gets to see of an error. */
  readonly translate: (error: unknown) => unknown
}

interface Waiting<Write, Result> {
  readonly write: Write
  readonly deadline: number
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** A transaction longer than this would keep scrapes and other processes waiting. */
const BATCH_MAX = 256
const BATCH_BYTES_MAX = 4 * 1024 * 1024
const BUSY_RETRY_MAX_MS = 8
/** So many writes do not wait for the last transaction to settle before theirs begins. */
const PIPELINED_MIN = 32

export class GroupCommit<Write, Result> {
  private readonly options: GroupCommitOptions<Write, Result>
  private waiting: Waiting<Write, Result>[] = []
  private scheduled = false
  /** How many of the waiting writes are to be committed one by one, since their batch failed. */
  private solo = 0
  private settling = 0
  private idle: (() => void)[] = []

  constructor(options: GroupCommitOptions<Write, Result>) {
    this.options = options
  }

  /** Resolves when the write's transaction is committed. */
  submit(write: Write, timeoutMs: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ write, deadline: performance.now() + timeoutMs, resolve, reject })
      this.proceed()
    })
  }

  /** Resolves when nothing is waiting any more. */
  async drain(): Promise<void> {
    if (this.waiting.length === 0 && this.settling === 0) return
    await new Promise<void>((resolve) => this.idle.push(resolve))
  }

  private proceed(): void {
    if (this.scheduled) return
    if (this.waiting.length > 0) {
      if (this.settling === 0 || this.waiting.length >= PIPELINED_MIN) this.schedule(0)
    } else if (this.settling === 0) {
      for (const resolve of this.idle.splice(0)) resolve()
    }
  }

  private schedule(delayMs: number): void {
    this.scheduled = true
    if (delayMs === 0) setImmediate(() => this.flush())
    else setTimeout(() => this.flush(), delayMs)
  }

  private flush(): void {
    this.scheduled = false
    this.dropLate()
    const batch = this.waiting.slice(0, this.solo > 0 ? 1 : this.batchLength())
    const outcome = batch.length === 0 ? 'done' : this.commit(batch)
    if (outcome === 'busy') {
      // Short random waits: SQLite's own handler sleeps longer and longer, and starves one writer.
      const longest = this.options.isBusyBriefly?.() === true ? 1 : BUSY_RETRY_MAX_MS
      return this.schedule(1 + Math.random() * (longest - 1))
    }
    if (outcome === 'done') this.waiting = this.waiting.slice(batch.length)
    this.proceed()
  }

  private commit(batch: readonly Waiting<Write, Result>[]): 'done' | 'busy' | 'split' {
    try {
      const results = this.options.run(batch.map(({ write }) => write))
      this.settle(batch, results)
    } catch (error) {
      if (this.options.isBusy(error)) return 'busy'
      if (batch.length > 1) {
        // Each of them once more by itself, so that only those fail that must.
        this.solo = batch.length
        return 'split'
      }
      batch[0]!.reject(this.options.translate(error))
    }
    if (this.solo > 0) this.solo--
    return 'done'
  }

  private settle(batch: readonly Waiting<Write, Result>[], results: readonly Result[]): void {
    const { settle, translate } = this.options
    const succeed = (): void => {
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!)
    }
    if (settle === undefined) return succeed()
    this.settling++
    settle(batch.length)
      .then(succeed, (error: unknown) => {
        for (const { reject } of batch) reject(translate(error))
      })
      .finally(() => {
        this.settling--
        this.proceed()
      })
  }

  private batchLength(): number {
    let bytes = 0
    let length = 0
    for (const { write } of this.waiting) {
      bytes += this.options.bytesOf(write)
      if (length > 0 && (bytes > BATCH_BYTES_MAX || length === BATCH_MAX)) break
      length++
    }
    return length
  }

  private dropLate(): void {
    const now = performance.now()
    if (this.waiting.every(({ deadline }) => deadline >= now)) return
    const late = this.waiting.filter(({ deadline }) => deadline < now)
    this.waiting = this.waiting.filter(({ deadline }) => deadline >= now)
    for (const { reject } of late) {
      reject(
        new StoreError(
          'unavailable',
          'the database was too busy to make the write in time; nothing was written',
        ),
      )
    }
  }
}
