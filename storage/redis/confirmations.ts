/**
 * Waits until replicas have what was written on one connection. WAIT covers all that was written on its connection before, and
 * holds up what comes behind it; so there is one at a time, for all writes that were sent since the last one.
 */
import type { Redis } from 'ioredis'

interface Waiting {
  readonly deadline: number
  readonly resolve: (confirmed: boolean) => void
  readonly reject: (error: unknown) => void
}

/** A WAIT must end before its silence is taken for a dead server. */
const WAIT_MS_MAX = 1000

export class Confirmations {
  private readonly redis: Redis
  private readonly replicas: number
  private waiting: Waiting[] = []
  private running = false

  constructor(redis: Redis, replicas: number) {
    this.redis = redis
    this.replicas = replicas
  }

  /**
   * Resolves to true when enough replicas have all that was sent before this call; to false when
   * they do not have it in time.
   *
   * @param deadline by performance.now()
   * @throws when the connection ends
   */
  confirm(deadline: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ deadline, resolve, reject })
      if (!this.running) {
        this.running = true
        // What else is sent in this turn is covered by the same WAIT.
        setImmediate(() => void this.run())
      }
    })
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const covered = this.waiting
      this.waiting = []
      await this.waitFor(covered)
    }
    this.running = false
  }

  private async waitFor(covered: readonly Waiting[]): Promise<void> {
    const left = Math.min(...covered.map(({ deadline }) => deadline)) - performance.now()
    try {
      const timeout = Math.max(1, Math.min(WAIT_MS_MAX, Math.ceil(left)))
      const have = await this.redis.wait(this.replicas, timeout)
      const now = performance.now()
      for (const one of covered) {
        if (have >= this.replicas) one.resolve(true)
        else if (one.deadline <= now) one.resolve(false)
        else this.waiting.push(one)
      }
    } catch (error) {
      for (const { reject } of covered) reject(error)
    }
  }
}
