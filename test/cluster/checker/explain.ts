/**
 * How one content of a group can have become another: by all of the writes whose order is known, and some of those of
 * which it is known only when they may have taken effect. A search through all orders, so it neither misses one nor
 * invents one.
 */
import type { Content, Write } from '../history.ts'
import { apply, keyOf } from './content.ts'
import { isWithoutRevision, untilOf } from './writes.ts'

export interface Step {
  readonly before: Content
  /** These took effect, in this order. */
  readonly ordered: readonly Write[]
  /** These took effect too, somewhere. */
  readonly forced: readonly Write[]
  /** Each of these may have taken effect. */
  readonly optional: readonly Write[]
  readonly after: Content
}

export type Explanation = 'explained' | 'impossible' | 'undecided'

const STATES_MAX = 200_000

export function explain({ before, ordered, forced, optional, after }: Step): Explanation {
  const goal = keyOf(after)
  if (forced.length === 0 && keyOf(ordered.reduce(apply, before)) === goal) return 'explained'
  const floating = [...forced, ...optional.filter((write) => canMatter(write))]
  if (floating.length === 0) return 'impossible'
  if (floating.length > 30) return 'undecided'
  const needed = 2 ** forced.length - 1
  const places = floating.map((write) => placeOf(write, forced, ordered))
  const visited = new Set<string>()
  const search = (next: number, used: number, content: Content): Explanation => {
    const key = keyOf(content)
    if (next === ordered.length && (used & needed) === needed && key === goal) return 'explained'
    const state = `${next} ${used} ${key}`
    if (visited.has(state)) return 'impossible'
    if (visited.size === STATES_MAX) return 'undecided'
    visited.add(state)
    let result: Explanation = 'impossible'
    const isMissing = places.some(
      ({ latest }, i) => i < forced.length && (used & (1 << i)) === 0 && next >= latest,
    )
    if (next < ordered.length && !isMissing) {
      result = search(next + 1, used, apply(content, ordered[next]!))
      if (result !== 'impossible') return result
    }
    for (const [i, write] of floating.entries()) {
      const { earliest, latest, after } = places[i]!
      const isOpen = (used & (1 << i)) === 0 && (used & after) === after
      if (!isOpen || next < earliest || next > latest) continue
      if (isAbsence(write) && content.size > 0) continue
      result = search(next, used | (1 << i), apply(content, write))
      if (result !== 'impossible') return result
    }
    return result
  }
  return search(0, 0, before)
}

/** A delete that found nothing says that there was nothing. */
function isAbsence(write: Write): boolean {
  return write.kind === 'delete' && isWithoutRevision(write)
}

/** A merge that leaves no trace may as well not have been. */
function canMatter({ kind }: Write): boolean {
  return kind !== 'merge'
}

function isBefore(a: Write, b: Write): boolean {
  return untilOf(a) < b.startedAt
}

/** Between which of the ordered writes a floating one can be, and after which of the forced ones. */
function placeOf(
  write: Write,
  forced: readonly Write[],
  ordered: readonly Write[],
): { earliest: number; latest: number; after: number } {
  const earliest = ordered.findLastIndex((other) => isBefore(other, write)) + 1
  const following = ordered.findIndex((other) => isBefore(write, other))
  let after = 0
  for (const [i, other] of forced.entries()) if (isBefore(other, write)) after |= 1 << i
  return { earliest, latest: following < 0 ? ordered.length : following, after }
}
