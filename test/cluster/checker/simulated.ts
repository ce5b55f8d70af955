/**
 * Histories of a store that keeps its promises, drawn by lot: each write takes effect, and each scrape looks, at one
 * moment of its time. What the checker says of them must be that all is well.
 */
import { generator, type Random } from '../../storage/random.ts'
import type { Content, Failover, History, Outcome, Scrape, Write, WriteKind } from '../history.ts'
import { apply } from './content.ts'
import type { Guarantee } from './verdict.ts'

export interface Simulated {
  readonly history: History
  /** Values of acknowledged writes that a failover undid. */
  readonly undone: readonly string[]
}

export interface SimulationOptions {
  readonly seed: number
  readonly operations: number
  readonly failovers: number
  readonly guarantee: Guarantee
  /** Spoils a page that is about to be shown. */
  readonly spoil?: (shown: Shown, past: readonly Shown[], random: Random) => Shown
}

export interface Shown {
  readonly revision: number
  readonly groups: ReadonlyMap<string, Content>
}

const GROUPS = ['a', 'b', 'c'].map((name) => `instance="${name}",job="j"`)
const FAMILIES = ['f', 'g', 'h']
/** As many requests are under way at a time. */
const CLIENTS = 6

interface Intent {
  readonly write: Omit<Write, 'outcome'>
  readonly isAnswered: boolean
  readonly until: number
  outcome: Outcome
}

interface Moment {
  readonly at: number
  readonly run: () => void
}

export function simulate({
  seed,
  operations,
  failovers: failoverCount,
  guarantee,
  spoil = (shown) => shown,
}: SimulationOptions): Simulated {
  const random = generator(seed)
  const moments: Moment[] = []
  const intents: Intent[] = []
  const scrapes: Scrape[] = []
  const failovers: Failover[] = []
  const undone: string[] = []
  const past: Shown[] = []
  /** Place in it = revision - 1. */
  let log: Intent[] = []

  const shown = (): Shown => {
    const groups = new Map<string, Content>()
    for (const { write } of log) {
      const content = apply(groups.get(write.group) ?? new Map(), { ...write, outcome: OPEN })
      if (content.size > 0) groups.set(write.group, content)
      else groups.delete(write.group)
    }
    return { revision: log.length, groups }
  }

  const takeEffect = (intent: Intent): void => {
    const { write, isAnswered } = intent
    const isOfNothing = write.kind === 'delete' && !shown().groups.has(write.group)
    if (!isOfNothing) log.push(intent)
    if (!isAnswered) return
    const position = isOfNothing ? undefined : { epoch: 'e', revision: log.length }
    intent.outcome = { kind: 'acknowledged', position }
  }

  const failOver = (): void => {
    const isPromised = ({ isAnswered }: Intent): boolean => guarantee === 'lossless' && isAnswered
    let kept = log.length
    while (kept > 0 && !isPromised(log[kept - 1]!) && random.chance(0.7)) kept--
    undone.push(
      ...log.slice(kept).flatMap(({ isAnswered, write }) => (isAnswered ? write.value : [])),
    )
    log = log.slice(0, kept)
  }

  const span = operations * 10
  for (let i = 0; i < operations; i++) {
    const startedAt = random.below(span)
    const endedAt = startedAt + 1 + random.below(10 * CLIENTS)
    const within = (end: number): number => startedAt + random.below(end - startedAt) + 0.5
    if (random.chance(0.5)) {
      const at = within(endedAt)
      const look = (): void => {
        const { revision, groups } = spoil(shown(), past, random)
        past.push({ revision, groups })
        const digest = JSON.stringify([...groups].map(([group, held]) => [group, [...held]]).sort())
        scrapes.push({
          client: `s${i}`,
          target: `gateway ${random.below(3)}`,
          startedAt,
          endedAt,
          position: { epoch: 'e', revision },
          page: { digest, groups, problems: [] },
        })
      }
      moments.push({ at, run: look })
      continue
    }
    const isAnswered = random.chance(0.8)
    const until = isAnswered ? endedAt : endedAt + random.below(100)
    const kind = random.pick<WriteKind>(['replace', 'replace', 'merge', 'merge', 'delete'])
    const families = FAMILIES.filter(() => random.chance(0.5))
    const intent: Intent = {
      write: {
        client: `w${i}`,
        kind,
        target: `gateway ${random.below(3)}`,
        group: random.pick(GROUPS),
        families: kind === 'delete' ? [] : families.length > 0 ? families : ['f'],
        value: String(i),
        isFlawed: false,
        startedAt,
        endedAt,
      },
      isAnswered,
      until,
      outcome: isAnswered ? OPEN : { kind: 'ambiguous', status: 0, until },
    }
    intents.push(intent)
    if (isAnswered || random.chance(0.5)) {
      moments.push({ at: within(until), run: () => takeEffect(intent) })
    }
  }
  for (let i = 1; i <= failoverCount; i++) {
    const from = (span * i) / (failoverCount + 1)
    const until = from + 50
    failovers.push({ from, until })
    moments.push({ at: from + random.below(50) + 0.25, run: failOver })
  }
  moments.sort((a, b) => a.at - b.at)
  for (const { run } of moments) run()
  const writes = intents.map(({ write, outcome }) => ({ ...write, outcome }))
  return { history: { writes, scrapes, failedScrapes: new Map(), failovers }, undone }
}

const OPEN: Outcome = { kind: 'ambiguous', status: 0, until: Infinity }
