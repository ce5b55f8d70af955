/** Keeps what clients did and saw while a run goes on, and makes the history of it. */
import { untilOf } from '../checker/writes.ts'
import type { Failover, History, Outcome, Scrape, Write, WriteKind } from '../history.ts'

/** As it is known when the answer comes, or does not. */
export type Told =
  | Exclude<Outcome, { kind: 'ambiguous' }>
  /** An answer that says so: it will not take effect any more, if it has not. */
  | { readonly kind: 'unconfirmed'; readonly status: number }
  /** Somebody may still have it, and go on with it. */
  | { readonly kind: 'open'; readonly status: number }

export interface Intent {
  readonly client: string
  readonly kind: WriteKind
  readonly target: string
  readonly group: string
  readonly families: readonly string[]
  readonly value: string
  readonly isFlawed: boolean
}

/** A time in which somebody stood still who goes on afterwards where he was. */
export interface Pause {
  readonly from: number
  readonly until: number
}

interface Recorded extends Intent {
  readonly startedAt: number
  readonly endedAt: number
  readonly told: Told
}

export class Recorder {
  private readonly writes: Recorded[] = []
  private readonly scrapes: Scrape[] = []
  private readonly failedScrapes = new Map<number, number>()
  private readonly failovers: Failover[] = []
  private readonly pauses: Pause[] = []
  private values = 0
  private readonly startedAt = performance.now()

  /** How long a gateway goes on with a push that it has. */
  private readonly graceMs: number

  constructor(graceMs: number) {
    this.graceMs = graceMs
  }

  /** Milliseconds since the start. */
  now(): number {
    return performance.now() - this.startedAt
  }

  /** One that no other write of the run has. */
  newValue(): string {
    return String(++this.values)
  }

  wrote(intent: Intent, startedAt: number, told: Told): void {
    this.writes.push({ ...intent, startedAt, endedAt: this.now(), told })
  }

  scraped(scrape: Scrape): void {
    this.scrapes.push(scrape)
  }

  scrapeFailed(status: number): void {
    this.failedScrapes.set(status, (this.failedScrapes.get(status) ?? 0) + 1)
  }

  failedOver(failover: Failover): void {
    this.failovers.push(failover)
  }

  paused(pause: Pause): void {
    this.pauses.push(pause)
  }

  /** Until when something may still take effect. */
  get settledAt(): number {
    return this.history().writes.reduce((last, write) => Math.max(last, untilOf(write)), 0)
  }

  get acknowledged(): number {
    return this.writes.filter(({ told }) => told.kind === 'acknowledged').length
  }

  history(): History {
    return {
      writes: this.writes.map(({ told, ...write }): Write => {
        return { ...write, outcome: this.outcomeOf(told, write) }
      }),
      scrapes: this.scrapes,
      failedScrapes: this.failedScrapes,
      failovers: this.failovers,
    }
  }

  private outcomeOf(
    told: Told,
    { startedAt, endedAt }: Pick<Write, 'startedAt' | 'endedAt'>,
  ): Outcome {
    switch (told.kind) {
      case 'unconfirmed':
        return { kind: 'ambiguous', status: told.status, until: endedAt }
      case 'open':
        return {
          kind: 'ambiguous',
          status: told.status,
          until: this.lastMoment(startedAt, endedAt),
        }
      default:
        return told
    }
  }

  /** Until when a write may take effect of which nobody said anything. */
  private lastMoment(startedAt: number, endedAt: number): number {
    let until = endedAt + this.graceMs
    for (const pause of this.pauses) {
      if (pause.until > startedAt && pause.from < until) {
        until = Math.max(until, pause.until + this.graceMs)
      }
    }
    return until
  }
}
