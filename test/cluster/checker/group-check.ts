/** One group through all that was seen of it. */
import type { Content, Scrape, Write } from '../history.ts'
import { apply, isEqual, keyOf } from './content.ts'
import type { Eras } from './eras.ts'
import { explain, type Step } from './explain.ts'
import { BEGINNING, isWithin, snapshotsOf, type Snapshot } from './snapshots.ts'
import type { Guarantee, Loss, Violation } from './verdict.ts'
import { hasEffect, isWithoutRevision, revisionOf, untilOf } from './writes.ts'

/** Of all groups together. */
export interface GroupResults {
  readonly violations: Violation[]
  readonly losses: Loss[]
  compared: number
  changed: number
  ambiguousSeen: number
}

/** From one snapshot to the next, for one group. */
interface Segment extends Step {
  readonly from: Snapshot
  readonly to: Snapshot
}

const NOTHING: Content = new Map()

export class GroupCheck {
  private readonly group: string
  private readonly writes: readonly Write[]
  private readonly eras: Eras
  private readonly guarantee: Guarantee
  private readonly results: GroupResults
  private readonly everSeen = new Set<string>()

  constructor(
    group: string,
    writes: readonly Write[],
    eras: Eras,
    guarantee: Guarantee,
    results: GroupResults,
  ) {
    this.group = group
    this.writes = writes
    this.eras = eras
    this.guarantee = guarantee
    this.results = results
  }

  /** @param durable for each era, the highest revision that the eras before have promised to keep */
  run(snapshots: readonly (readonly Snapshot[])[], durable: readonly number[]): void {
    for (const [era, ofEra] of snapshots.entries()) {
      if (era === 0) {
        this.follow(era, BEGINNING, ofEra)
      } else if (this.guarantee === 'lossless') {
        const before = snapshots[era - 1]!
        const kept = before.findLast(({ revision }) => revision <= durable[era]!) ?? BEGINNING
        this.follow(era, kept, ofEra)
      } else if (ofEra.length > 0) {
        this.takeOver(era, snapshots[era - 1]!, ofEra[0]!)
        this.follow(era, ofEra[0]!, ofEra.slice(1))
      }
    }
    for (const { outcome, value } of this.writes) {
      if (outcome.kind === 'ambiguous' && this.everSeen.has(value)) this.results.ambiguousSeen++
    }
  }

  /**
   * What is shown while a failover goes on may be of before it or of after it. In any case it has what was promised to
   * last before the failover, and what was acknowledged before somebody asked for it.
   */
  lookAmidst(
    scrapes: readonly Scrape[],
    snapshots: readonly (readonly Snapshot[])[],
    durable: readonly number[],
  ): void {
    for (const scrape of scrapes) {
      const [first, last] = this.eras.rangeOf(scrape)
      const promised = durable[first + 1]!
      const from = snapshots[first]!.findLast(({ revision }) => revision <= promised) ?? BEGINNING
      const [to] = snapshotsOf([scrape])
      if (to === undefined || to.revision < from.revision) continue
      const isPlaced = (write: Write): boolean =>
        this.eras.rangeOf(write)[1] <= first || write.endedAt < scrape.startedAt
      const possible = this.writes.filter((write) => {
        const revision = revisionOf(write) ?? to.revision
        const isInRange = from.revision < revision && revision <= to.revision
        return isInRange && this.eras.rangeOf(write)[0] <= last && hasEffect(write)
      })
      const ordered = possible
        .filter((write) => revisionOf(write) !== undefined && isPlaced(write))
        .sort((a, b) => revisionOf(a)! - revisionOf(b)!)
      const floating = possible.filter((write) => !ordered.includes(write))
      const step = this.step(from, to, ordered, floating, new Set())
      this.results.compared++
      if (step !== undefined) this.judge(step)
    }
  }

  /** Goes from snapshot to snapshot of an era, from one that is taken for granted. */
  private follow(era: number, start: Snapshot, snapshots: readonly Snapshot[]): void {
    const ordered = this.orderedIn(era).filter((write) => revisionOf(write)! > start.revision)
    const floating = this.floatingIn(era)
    const seen = new Set(this.contentOf(start).values())
    // Those that may have had their moment before the start are of no use.
    const isAfterStart = ({ startedAt }: Write): boolean =>
      era === 0 || this.guarantee === 'lossless' || startedAt > start.seenBy
    const unseen = floating.filter(
      (write) => isWithoutRevision(write) && this.eras.of(write) === era && isAfterStart(write),
    )
    const segments: Segment[] = []
    let from = start
    let next = 0
    for (const to of snapshots) {
      const first = next
      while (next < ordered.length && revisionOf(ordered[next]!)! <= to.revision) next++
      const step = this.step(from, to, ordered.slice(first, next), floating, seen)
      this.results.compared++
      if (step !== undefined) this.judge(step)
      if (unseen.length > 0) segments.push(step ?? this.unchanged(from, to))
      for (const value of this.contentOf(to).values()) {
        seen.add(value)
        this.everSeen.add(value)
      }
      from = to
    }
    for (const write of unseen) {
      if (!seen.has(write.value)) this.judgeUnseen(write, segments)
    }
  }

  /** What has to be explained; undefined where nothing changed. */
  private step(
    from: Snapshot,
    to: Snapshot,
    ordered: readonly Write[],
    floating: readonly Write[],
    seen: ReadonlySet<string>,
  ): Segment | undefined {
    const [before, after] = [this.contentOf(from), this.contentOf(to)]
    if (ordered.length === 0 && isEqual(before, after)) return undefined
    this.results.changed++
    const shown = new Set(before.values())
    const appeared = new Set([...after.values()].filter((value) => !shown.has(value)))
    const forced = floating.filter(({ value }) => appeared.has(value))
    for (const write of forced) this.judgeAppearance(write, from, to, seen)
    const optional = floating.filter(
      (write) =>
        !isWithoutRevision(write) &&
        !seen.has(write.value) &&
        !appeared.has(write.value) &&
        isWithin(write, from, to),
    )
    return { from, to, before, after, ordered, forced, optional }
  }

  private unchanged(from: Snapshot, to: Snapshot): Segment {
    const [before, after] = [this.contentOf(from), this.contentOf(to)]
    return { from, to, before, after, ordered: [], forced: [], optional: [] }
  }

  private judge(segment: Segment): void {
    const explanation = explain(segment)
    if (explanation === 'explained') return
    const { from, to, before, after, ordered, forced, optional } = segment
    const expected = ordered.reduce(apply, before)
    const rule = explanation === 'undecided' ? 'decidable' : 'groups are what was written'
    const what =
      `{${this.group}} has {${keyOf(after)}} at revision ${to.revision}; {${keyOf(before)}} at ${from.revision} ` +
      `and ${ordered.length} acknowledged writes make {${keyOf(expected)}}` +
      (forced.length + optional.length > 0
        ? `, and ${forced.length + optional.length} that may have taken effect do not explain it`
        : '') +
      this.historyOf(new Set([...expected.values(), ...after.values()]))
    this.results.violations.push({ rule, what, at: to.notPastAt })
  }

  /** A write of which the order is not known shows for the first time. */
  private judgeAppearance(
    write: Write,
    from: Snapshot,
    to: Snapshot,
    seen: ReadonlySet<string>,
  ): void {
    const say = (rule: string, what: string): void => {
      this.results.violations.push({
        rule,
        what: `${write.kind} ${write.value} of {${this.group}} ${what} at revision ${to.revision}`,
        at: to.notPastAt,
      })
    }
    if (seen.has(write.value)) say('once at most', 'took effect once more')
    else if (untilOf(write) < from.notPastAt) {
      say(
        'not after its deadline',
        `took effect ${(from.notPastAt - untilOf(write)).toFixed(0)} ms too late`,
      )
    }
  }

  /** An acknowledged write without a revision, which no page shows, must fit in somewhere. */
  private judgeUnseen(write: Write, segments: readonly Segment[]): void {
    const open = segments.filter(({ from, to }) => isWithin(write, from, to))
    if (open.length === 0 || (segments.at(-1)?.to.notPastAt ?? 0) < write.endedAt) return
    const fits = open.some(
      (segment) => explain({ ...segment, forced: [...segment.forced, write] }) !== 'impossible',
    )
    if (fits) return
    this.results.violations.push({
      rule: 'groups are what was written',
      what: `${write.target} acknowledged ${write.kind} ${write.value} of {${this.group}}, which took no effect`,
      at: write.startedAt,
    })
  }

  /**
   * After a failover that may lose the tail: the new one begins with what the writes before it made, up to some
   * revision. What came after that is lost; as little as explains what is shown.
   */
  private takeOver(era: number, previous: readonly Snapshot[], first: Snapshot): void {
    const after = this.contentOf(first)
    const shown = new Set(after.values())
    const before = this.orderedIn(era - 1)
    const since = this.orderedIn(era).filter((write) => revisionOf(write)! <= first.revision)
    const floating = this.floatingIn(era)
    this.results.compared++
    for (const value of shown) this.everSeen.add(value)
    let isDecided = true
    // Before the first failover there was nothing to begin with; before others, what the eras before had left.
    const starts = era === 1 ? [BEGINNING, ...previous] : previous
    for (const [i, from] of [...starts.entries()].reverse()) {
      const next = starts[i + 1]?.revision ?? Infinity
      const start = before.filter((write) => revisionOf(write)! <= from.revision).length
      const end = before.filter((write) => revisionOf(write)! <= next).length
      const was = new Set(this.contentOf(from).values())
      const forced = floating.filter(({ value }) => shown.has(value) && !was.has(value))
      const optional = floating.filter(
        (write) => !shown.has(write.value) && isWithin(write, from, first),
      )
      for (let kept = end; kept >= start; kept--) {
        const ordered = [...before.slice(start, kept), ...since]
        const explanation = explain({
          before: this.contentOf(from),
          after,
          ordered,
          forced,
          optional,
        })
        if (explanation === 'undecided') isDecided = false
        if (explanation !== 'explained') continue
        for (const { value } of before.slice(kept)) {
          this.results.losses.push({ group: this.group, value })
        }
        return
      }
    }
    if (isDecided && era > 1) {
      // It lost all of the era before.
      this.results.losses.push(...before.map(({ value }) => ({ group: this.group, value })))
      return
    }
    this.results.violations.push({
      rule: isDecided ? 'groups are what was written' : 'decidable',
      what: `{${this.group}} has {${keyOf(after)}} after a failover, at revision ${first.revision}, which it never had${this.historyOf(shown)}`,
      at: first.notPastAt,
    })
  }

  private contentOf(snapshot: Snapshot): Content {
    return snapshot.groups.get(this.group) ?? NOTHING
  }

  /** Writes whose place in an era is known, in their order. */
  private orderedIn(era: number): Write[] {
    return this.writes
      .filter((write) => this.standingIn(era, write) === 'ordered')
      .sort((a, b) => revisionOf(a)! - revisionOf(b)!)
  }

  /** Writes that took effect in an era at a place that is not known, or may have. */
  private floatingIn(era: number): Write[] {
    return this.writes.filter((write) => this.standingIn(era, write) === 'floating')
  }

  private standingIn(era: number, write: Write): 'ordered' | 'floating' | 'absent' {
    const [first, last] = this.eras.rangeOf(write)
    if (!hasEffect(write) || first > era) return 'absent'
    if (write.outcome.kind === 'ambiguous') return 'floating'
    if (revisionOf(write) === undefined) return last < era ? 'absent' : 'floating'
    // What is promised to last has its place in every later era, too.
    if (last < era) return this.guarantee === 'lossless' ? 'ordered' : 'absent'
    if (last > era) return 'floating'
    return first === era || this.guarantee === 'lossless' ? 'ordered' : 'floating'
  }

  private historyOf(values: ReadonlySet<string>): string {
    const lines = this.writes
      .filter(({ value }) => values.has(value))
      .map(({ kind, value, families, outcome, startedAt, endedAt, target }) => {
        const position = outcome.kind === 'acknowledged' ? ` at ${outcome.position?.revision}` : ''
        const time = `${startedAt.toFixed(1)}..${endedAt.toFixed(1)}`
        return `\n    ${kind} ${value} of ${families.join(' ')}: ${outcome.kind}${position}, ${time}, ${target}`
      })
    return lines.join('')
  }
}
