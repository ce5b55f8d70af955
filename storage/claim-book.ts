/**
 * The rules by which a write's claims are judged; shared by the drivers that run in this process.
 * Exactly these: the claims of one write agree with each other; only claims that the group did not
 * hold already are judged; they are judged against every other holder, the rows of the same group
 * that stay included.
 */
import type { Claim } from './group-store.ts'

/** How many rows (a family of a group each) hold a meaning of a name. */
export type ClaimCounts = ReadonlyMap<string, number>

interface Holder {
  readonly claims: readonly Claim[]
}

export interface Clash {
  readonly claim: string
  readonly wanted: string
  readonly held: string
}

export interface Verdict {
  /** What the write itself would break; undefined when nothing. */
  readonly broken: Clash | undefined
  /** The same, or what the group and others contradicted each other in before. */
  readonly contradiction: Clash | undefined
}

/**
 * Judges the claims of a write.
 *
 * @param incoming the rows that the write brings
 * @param outgoing the rows of the group that it replaces or drops
 * @param staying the rows of the group that it leaves alone
 * @param holders the meanings of a name and how many rows of the whole store hold each
 */
export function judgeClaims(
  incoming: readonly Holder[],
  outgoing: readonly Holder[],
  staying: readonly Holder[],
  holders: (name: string) => ClaimCounts,
): Verdict {
  const released = countClaims(outgoing)
  const kept = countClaims(staying)
  const brought = new Map<string, string>()
  let contradiction: Clash | undefined
  for (const { claims } of incoming) {
    for (const [name, wanted] of claims) {
      const agreed = brought.get(name)
      if (agreed === wanted) continue
      if (agreed !== undefined) {
        const broken = { claim: name, wanted, held: agreed }
        return { broken, contradiction: broken }
      }
      brought.set(name, wanted)
      const held = heldOtherwise(name, wanted, holders(name), released)
      if (held === undefined) continue
      const clash = { claim: name, wanted, held }
      const id = claimId(name, wanted)
      if (!released.has(id) && !kept.has(id)) return { broken: clash, contradiction: clash }
      contradiction ??= clash
    }
  }
  return { broken: undefined, contradiction }
}

/** Another meaning of a name that some row holds which the write does not release. */
function heldOtherwise(
  name: string,
  wanted: string,
  counts: ClaimCounts,
  released: ReadonlyMap<string, number>,
): string | undefined {
  for (const [meaning, count] of counts) {
    if (meaning === wanted) continue
    if (count > (released.get(claimId(name, meaning)) ?? 0)) return meaning
  }
  return undefined
}

/** The change that a write makes to the count of each claim; changes of zero are left out. */
export function claimDeltas(
  incoming: readonly Holder[],
  outgoing: readonly Holder[],
): { readonly claim: Claim; readonly delta: number }[] {
  const deltas = new Map<string, { claim: Claim; delta: number }>()
  const add = (rows: readonly Holder[], step: 1 | -1): void => {
    for (const { claims } of rows) {
      for (const claim of claims) {
        const id = claimId(claim[0], claim[1])
        const entry = deltas.get(id)
        if (entry === undefined) deltas.set(id, { claim, delta: step })
        else entry.delta += step
      }
    }
  }
  add(incoming, 1)
  add(outgoing, -1)
  return [...deltas.values()].filter(({ delta }) => delta !== 0)
}

/** Names an entry of the books in a report of verify, so that no two share a name. */
export function bookId(kind: 'claim' | 'name-set', a: string, b: string): string {
  return `${kind} ${JSON.stringify([a, b])}`
}

/** What verify reports: one sentence for each entry of which the books and the groups say different counts. */
export function bookDifferences(
  books: ReadonlyMap<string, number>,
  groups: ReadonlyMap<string, number>,
): string[] {
  return [...new Set([...groups.keys(), ...books.keys()])]
    .filter((id) => (books.get(id) ?? 0) !== (groups.get(id) ?? 0))
    .map((id) => `${id}: the books say ${books.get(id) ?? 0}, the groups ${groups.get(id) ?? 0}`)
}

function countClaims(rows: readonly Holder[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { claims } of rows) {
    for (const [name, meaning] of claims) {
      const id = claimId(name, meaning)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  }
  return counts
}

/** Meanings hold no NUL, so the last one ends the name. */
function claimId(name: string, meaning: string): string {
  return `${name}\u0000${meaning}`
}
