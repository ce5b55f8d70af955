/**
 * When long work in slices goes on: not while a push is under way, for a while. A push takes several turns of the event
 * loop, and would wait for a slice in each of them (ratio in test/bench/README.md).
 */
import { setImmediate } from 'node:timers/promises'

/** Pushes that never stop coming leave the long work a seventh of the time. */
const WAIT_MS_MAX = 3

export class Pace {
  private underWay = 0
  private waiting: (() => void)[] = []

  /** A push begins. */
  begin(): void {
    this.underWay++
  }

  /** A push is over. */
  end(): void {
    this.underWay--
    // Not at once: its answer is still to be sent.
    if (this.waiting.length > 0 && this.underWay === 0)
      globalThis.setImmediate(() => this.release())
  }

  /** Resolves when long work may go on: in another turn of the loop, and after the pushes that are under way. */
  async turn(): Promise<void> {
    await setImmediate()
    if (this.underWay === 0) return
    await new Promise<void>((resolve) => {
      const enough = setTimeout(resolve, WAIT_MS_MAX)
      this.waiting.push(() => {
        clearTimeout(enough)
        resolve()
      })
    })
  }

  private release(): void {
    // Others may have come meanwhile.
    if (this.underWay > 0) return
    for (const goOn of this.waiting.splice(0)) goOn()
  }
}
