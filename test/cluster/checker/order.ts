/**
 * Rule: what ended before something else began has the lower revision. So no scrape is older than what was acknowledged
 * before it, or than a page that somebody has seen already, and writes have the order in which they were made.
 */
import type { History, Position, Scrape, Write } from '../history.ts'
import type { Eras } from './eras.ts'
import type { Guarantee, Violation } from './verdict.ts'

export interface Order {
  readonly violations: Violation[]
  readonly compared: number
  readonly freshElsewhere: number
}

/** Something that took place at a revision. */
interface Placed {
  readonly isWrite: boolean
  readonly revision: number
  readonly target: string
  readonly startedAt: number
  readonly endedAt: number
  readonly said: string
}

export function checkOrder(history: History, eras: Eras, guarantee: Guarantee): Order {
  const writes = history.writes.flatMap(placedWrite)
  const scrapes = history.scrapes.flatMap(placedScrape)
  const order: Order & { compared: number; freshElsewhere: number } = {
    violations: [...checkNames(history), ...checkEpoch(history)],
    compared: 0,
    freshElsewhere: 0,
  }
  for (let era = 0; era < eras.count; era++) {
    const inEra = (placed: Placed): boolean => eras.of(placed) === era
    const [ownWrites, ownScrapes] = [writes.filter(inEra), scrapes.filter(inEra)]
    sweep(ownWrites, [...ownWrites, ...ownScrapes], order)
    sweep(ownScrapes, [...ownWrites, ...ownScrapes], order)
    order.violations.push(...checkDistinct(guarantee === 'lossless' ? [] : ownWrites))
  }
  if (guarantee === 'may lose the tail') return order
  order.violations.push(...checkDistinct(writes))
  // What was promised to last is never older than what came after it, whatever took over in between.
  if (eras.count > 1) sweep(writes, [...writes, ...scrapes], order)
  return order
}

/** Compares each of `later` with the highest of `earlier` that had ended when it began. */
function sweep(
  earlier: readonly Placed[],
  later: readonly Placed[],
  order: { violations: Violation[]; compared: number; freshElsewhere: number },
): void {
  const ended = [...earlier].sort((a, b) => a.endedAt - b.endedAt)
  let highest: Placed | undefined
  let next = 0
  for (const placed of [...later].sort((a, b) => a.startedAt - b.startedAt)) {
    for (; next < ended.length && ended[next]!.endedAt < placed.startedAt; next++) {
      if (highest === undefined || ended[next]!.revision > highest.revision) highest = ended[next]
    }
    if (highest === undefined) continue
    order.compared++
    if (highest.isWrite && !placed.isWrite && highest.target !== placed.target) {
      order.freshElsewhere++
    }
    const isInOrder = placed.isWrite
      ? placed.revision > highest.revision
      : placed.revision >= highest.revision
    if (isInOrder) continue
    const late = (placed.startedAt - highest.endedAt).toFixed(1)
    const rule = placed.isWrite ? 'writes in order' : 'no stale page'
    const what = `${placed.said} at revision ${placed.revision}, ${late} ms after ${highest.said} at ${highest.revision}`
    order.violations.push({ rule, what, at: placed.startedAt })
  }
}

function checkDistinct(writes: readonly Placed[]): Violation[] {
  const seen = new Map<number, Placed>()
  return writes.flatMap((write) => {
    const other = seen.get(write.revision)
    seen.set(write.revision, write)
    if (other === undefined) return []
    const what = `${other.said} and ${write.said} have the same revision, ${write.revision}`
    return [{ rule: 'writes in order', what, at: write.startedAt }]
  })
}

/** Who acknowledges a push or shows a page says of which revision. */
function checkNames({ writes, scrapes }: History): Violation[] {
  const rule = 'revisions are named'
  const unnamed = writes.filter(
    ({ kind, outcome }) =>
      kind !== 'delete' && outcome.kind === 'acknowledged' && outcome.position === undefined,
  )
  return [
    ...unnamed.map((write) => {
      return { rule, what: `${sayWrite(write)} without a revision`, at: write.startedAt }
    }),
    ...scrapes
      .filter(({ position }) => position === undefined)
      .map(({ target, startedAt }) => {
        return { rule, what: `${target} showed a page without a revision`, at: startedAt }
      }),
  ]
}

function checkEpoch({ writes, scrapes }: History): Violation[] {
  const epochs = new Map<string, number>()
  const note = (position: Position | undefined, at: number): void => {
    if (position !== undefined && !epochs.has(position.epoch)) epochs.set(position.epoch, at)
  }
  for (const { position, startedAt } of scrapes) note(position, startedAt)
  for (const { outcome, startedAt } of writes) {
    if (outcome.kind === 'acknowledged') note(outcome.position, startedAt)
  }
  return [...epochs].slice(1).map(([epoch, at]) => {
    return { rule: 'one store', what: `a second epoch, ${epoch}`, at }
  })
}

function placedWrite(write: Write): Placed[] {
  const { outcome, target, startedAt, endedAt } = write
  if (outcome.kind !== 'acknowledged' || outcome.position === undefined) return []
  const { revision } = outcome.position
  return [{ isWrite: true, revision, target, startedAt, endedAt, said: sayWrite(write) }]
}

function placedScrape({ position, target, startedAt, endedAt, client }: Scrape): Placed[] {
  if (position === undefined) return []
  const said = `${target} showed ${client} a page`
  return [{ isWrite: false, revision: position.revision, target, startedAt, endedAt, said }]
}

function sayWrite({ target, kind, value, group }: Write): string {
  return `${target} acknowledged ${kind} ${value} of {${group}}`
}
