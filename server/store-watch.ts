/** Whether the store can be relied on: notices when it is lost, and has the view follow it again once it is back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../storage/errors.ts'
import type { GroupStore, StoreEvents, StoreStatus } from '../storage/group-store.ts'
import type { Logger } from './telemetry/logger.ts'
import { RepeatedWarnings } from './telemetry/repeated-warnings.ts'
import type { StoreReading } from './telemetry/store-metrics.ts'
import type { View } from './view/view.ts'
import { within } from './within.ts'

export interface StoreWatchOptions {
  readonly logger: Logger
  /** How long a question to the store may take. */
  readonly storeTimeoutMs: number
  readonly countRetry: () => void
}

interface Followed {
  readonly store: GroupStore
  readonly view: View
}

const BACKOFF_MS_MIN = 100
const BACKOFF_MS_MAX = 5_000
/** How long the start waits for the store without asking what the matter is. */
const PATIENCE_MS = 1_000
/** How long own metrics wait for the store; then they show what is known. */
const LOOK_MS_MAX = 1_000

/**
 * How long to wait before the next attempt: longer each time, and different at each replica, so that a store that
 * comes back is not met by all of them at once.
 *
 * @param attempt from 0
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, random: number): number {
  const longest = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** attempt)
  return longest * (0.5 + random / 2)
}

export class StoreWatch implements StoreEvents {
  private readonly options: StoreWatchOptions
  private readonly warnings: RepeatedWarnings
  private followed: Followed | undefined
  /** Why the view cannot be relied on; undefined when it was synced and the store not lost since. */
  private outOfStep: string | undefined = 'the store has not been read yet'
  private wasLost = false
  private status: StoreStatus | undefined
  private asking: Promise<StoreStatus> | undefined
  private isTrying = false
  /** Ends the current pause between two attempts. */
  private wake = new AbortController()
  private stopped = false

  constructor(options: StoreWatchOptions) {
    this.options = options
    this.warnings = new RepeatedWarnings(options.logger)
  }

  /**
   * Has the view follow the store from now on. Resolves when it did so once; or at once when the store is unavailable:
   * then it is tried again until it works.
   *
   * @throws StoreError when the store is there and cannot be used
   */
  async follow(store: GroupStore, view: View): Promise<void> {
    this.followed = { store, view }
    const sync = view.sync()
    try {
      await within(PATIENCE_MS, sync)
      return
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
    if (this.isTrying) return
    const problem = await this.ask(this.options.storeTimeoutMs)
    if (problem === undefined) {
      // There is much to read.
      await sync.catch((error: unknown) => {
        if (!isUnavailable(error)) throw error
      })
    } else if (!this.isInStep) {
      this.lost(problem)
    }
  }

  /** For the view: it shows what the store has. */
  synced(): void {
    if (this.outOfStep === undefined || this.stopped) return
    this.outOfStep = undefined
    const { store, view } = this.followed!
    const message = this.wasLost ? 'the store is there; ready' : 'store opened'
    const fields = { store: store.url, groups: view.groupCount, revision: view.position.revision }
    this.options.logger.info(message, fields)
  }

  /** For the view: it could not be brought up to the store. */
  syncFailed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    if (isUnavailable(error)) return this.lost(message)
    // Otherwise whoever wanted to read says so.
    if (!this.isTrying || this.stopped) return
    this.outOfStep = message
    this.warnings.warn('the store cannot be read; not ready until it can', { reason: message })
  }

  readonly warning = (message: string): void => {
    this.warnings.warn('a warning about the store', { warning: message })
  }

  readonly lost = (reason: string): void => {
    if (this.stopped) return
    const before = this.outOfStep
    this.outOfStep = reason
    this.wasLost = true
    if (before === undefined || !this.isTrying) {
      this.warnings.warn('the store is unavailable; not ready until it is there', { reason })
    }
    if (this.followed !== undefined && !this.isTrying) void this.keepTrying(this.followed.view)
  }

  readonly restored = (): void => {
    this.wake.abort()
  }

  readonly retried = (reason: string): void => {
    this.options.countRetry()
    this.options.logger.debug('a call to the store is tried again', { reason })
  }

  /** False while the view cannot be relied on. */
  get isInStep(): boolean {
    return this.outOfStep === undefined
  }

  /** Why no requests should come here, or undefined. */
  async notReady(): Promise<string | undefined> {
    if (this.outOfStep !== undefined) return this.outOfStep
    return this.ask(this.options.storeTimeoutMs)
  }

  /** What the store says of itself now, or what it said last when that takes too long. */
  async look(waitMs: number): Promise<StoreReading> {
    const problem = await this.ask(Math.min(LOOK_MS_MAX, this.options.storeTimeoutMs, waitMs))
    const { status } = this
    return {
      up: this.outOfStep === undefined && problem === undefined,
      revision: status?.head.revision,
      roundTripSeconds: status === undefined ? undefined : status.roundTripMs / 1000,
    }
  }

  /** No more attempts. */
  stop(): void {
    this.stopped = true
    this.wake.abort()
  }

  /** Resolves to why the store cannot be used, or undefined. */
  private async ask(timeoutMs: number): Promise<string | undefined> {
    try {
      // A store that does not answer is not asked again and again.
      this.asking ??= this.followed!.store.status().finally(() => (this.asking = undefined))
      const status = await within(timeoutMs, this.asking)
      // A store that cannot be reached knows nothing of its head.
      if (status.unavailable === undefined) this.status = status
      return status.unavailable
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Syncs the view until that works, or somebody else's sync did. */
  private async keepTrying(view: View): Promise<void> {
    this.isTrying = true
    for (let attempt = 0; !this.stopped && this.outOfStep !== undefined; attempt++) {
      try {
        await sleep(backoffMs(attempt, Math.random()), undefined, { signal: this.wake.signal })
      } catch {
        // The store says that it is back: soon, but not all replicas at the same moment.
        if (this.stopped) break
        this.wake = new AbortController()
        attempt = -1
        continue
      }
      if (!this.stopped) await view.sync().catch(() => undefined)
    }
    this.isTrying = false
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'unavailable'
}
