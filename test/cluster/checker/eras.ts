/**
 * Failovers divide a run into eras. Within one, the order of writes only grows; from one to the next, the store may
 * have forgotten what it had not promised. What overlaps a failover may belong to either side.
 */
import type { Failover } from '../history.ts'

interface Timed {
  readonly startedAt: number
  readonly endedAt: number
}

export class Eras {
  private readonly failovers: readonly Failover[]

  constructor(failovers: readonly Failover[]) {
    this.failovers = failovers
  }

  get count(): number {
    return this.failovers.length + 1
  }

  /** The first and the last era that something may belong to. */
  rangeOf({ startedAt, endedAt }: Timed): readonly [first: number, last: number] {
    const first = this.failovers.filter(({ until }) => until < startedAt).length
    const last = this.failovers.filter(({ from }) => from < endedAt).length
    return [first, last]
  }

  /** The era that something surely belongs to; undefined when there are several. */
  of(timed: Timed): number | undefined {
    const [first, last] = this.rangeOf(timed)
    return first === last ? first : undefined
  }

  /** When the failover began that ended the era before this one. */
  endOfPrevious(era: number): number {
    return this.failovers[era - 1]?.from ?? 0
  }
}
