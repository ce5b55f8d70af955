/** Which rows of a group a write brings, replaces and leaves alone; shared by the local drivers. */
import type {
  FamilyDescription,
  FamilyWrite,
  MergeGroup,
  ReplaceGroup,
  StoredFamily,
} from './group-store.ts'

export interface FamilyChange {
  readonly incoming: readonly FamilyWrite[]
  readonly outgoing: readonly FamilyDescription[]
  readonly staying: readonly StoredFamily[]
}

export function familyChange(
  write: ReplaceGroup | MergeGroup,
  stored: readonly StoredFamily[],
): FamilyChange {
  if (write.kind === 'replace') return { incoming: write.families, outgoing: stored, staying: [] }
  const names = new Set(write.families.map((family) => family.name))
  return {
    incoming: write.families,
    outgoing: stored.filter((family) => names.has(family.name)),
    staying: stored.filter((family) => !names.has(family.name)),
  }
}

/** True when the write brings nothing but new values for series that the group has already. */
export function hasSameShape(
  write: ReplaceGroup | MergeGroup,
  stored: readonly FamilyDescription[],
): boolean {
  if (write.kind === 'replace' && write.families.length !== stored.length) return false
  const shapes = new Map(stored.map((family) => [family.name, family.shape]))
  return write.families.every((family) => shapes.get(family.name) === family.shape)
}

/**
 * True when the group is marked whatever the claims say: its writer knows better, or the rows that
 * a merge leaves alone, and does not judge, may be what earned the mark.
 */
export function staysInconsistent(write: ReplaceGroup | MergeGroup, marked: boolean): boolean {
  return write.knownInconsistent || (write.kind === 'merge' && marked)
}

/** The families of the group after the write, sorted by name. */
export function familiesAfter(change: FamilyChange, pushedAtUs: number): StoredFamily[] {
  const families = change.staying.slice()
  for (const family of change.incoming) families.push({ ...family, pushedAtUs })
  return sortedByName(families)
}

/** The families in order of the bytes of their names; usually they are so already. */
export function sortedByName<Family extends FamilyWrite>(families: readonly Family[]): Family[] {
  const sorted = [...families]
  const inOrder = sorted.every((family, i) => i === 0 || compareNames(sorted[i - 1]!, family) < 0)
  return inOrder ? sorted : sorted.sort(compareNames)
}

function compareNames(a: FamilyWrite, b: FamilyWrite): number {
  // UTF-16 order is that of the bytes, except beyond the basic plane.
  if (SURROGATE.test(a.name) || SURROGATE.test(b.name)) {
    return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

const SURROGATE = /[\ud800-\udfff]/

/** Sum of the samples of some families. */
export function countSamples(families: readonly FamilyDescription[]): number {
  return families.reduce((total, family) => total + family.sampleCount, 0)
}
