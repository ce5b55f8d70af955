/** A token bucket: so many requests at once, and then one each interval. */
import type { RateLimit } from '../../config/web-config.ts'

export class TokenBucket {
  readonly limit: RateLimit
  private tokens: number
  private filledAtMs: number

  /** @param nowMs a monotonic clock, as in `take` */
  constructor(limit: RateLimit, nowMs: number) {
    this.limit = limit
    this.tokens = limit.burst
    this.filledAtMs = nowMs
  }

  /** True when the request may pass. */
  take(nowMs: number): boolean {
    const { intervalMs, burst } = this.limit
    this.tokens = Math.min(burst, this.tokens + (nowMs - this.filledAtMs) / intervalMs)
    this.filledAtMs = nowMs
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
