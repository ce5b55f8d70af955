/** Warnings that may come again and again: each is logged once, and then seldom. */
import type { LogFields, Logger } from './logger.ts'

const QUIET_MS = 60_000
/** So many different warnings are remembered. */
const REMEMBERED_MAX = 100

interface Seen {
  readonly loggedAt: number
  suppressed: number
}

export class RepeatedWarnings {
  private readonly logger: Logger
  private readonly now: () => number
  private readonly seen = new Map<string, Seen>()

  /** @param now milliseconds of a monotonic clock */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.logger = logger
    this.now = now
  }

  /** Logs it, unless the same was logged within the last minute; says how often it came meanwhile. */
  warn(message: string, fields: LogFields): void {
    const id = JSON.stringify([message, fields])
    const before = this.seen.get(id)
    const now = this.now()
    if (before !== undefined && now - before.loggedAt < QUIET_MS) {
      before.suppressed++
      return
    }
    const repeated = before === undefined || before.suppressed === 0 ? undefined : before.suppressed
    this.logger.warn(message, { ...fields, repeated })
    this.seen.delete(id)
    this.seen.set(id, { loggedAt: now, suppressed: 0 })
    if (this.seen.size > REMEMBERED_MAX) this.seen.delete(this.seen.keys().next().value!)
  }
}
