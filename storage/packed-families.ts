/** All families of a group in one piece, and one by one again. */
import type {
  FamilyWrite,
  PackedFamilies,
  PackedWrite,
  StoredFamily,
  StoredGroup,
} from './group-store.ts'

/** What is to be known of a group besides its key and its families. */
export type GroupState = Omit<StoredGroup, 'key' | 'families' | 'packed'>

/** A group whose families are made when they are first asked for. */
export function packedGroup(key: Buffer, state: GroupState, packed: PackedFamilies): StoredGroup {
  const { revision, shapeRevision, createdTimeUs, pushTimeUs, failureTimeUs, inconsistent } = state
  let families: readonly StoredFamily[] | undefined
  return {
    key,
    revision,
    shapeRevision,
    createdTimeUs,
    pushTimeUs,
    failureTimeUs,
    inconsistent,
    packed,
    get families() {
      return (families ??= unpack(packed, pushTimeUs))
    },
  }
}

/** The families of a push in one piece. */
export function packedOf(push: {
  readonly families: readonly FamilyWrite[]
  readonly packed?: PackedWrite | undefined
}): PackedWrite {
  return push.packed ?? pack(push.families)
}

/** Families, sorted by name, in one piece; a view of their data where they lie one behind the other already. */
export function pack(families: readonly FamilyWrite[]): PackedWrite {
  let end = 0
  return {
    families,
    data: joined(families),
    ends: families.map(({ data }) => (end += data.length)),
  }
}

/** When each family was pushed; undefined: all at the group's `pushTimeUs`. */
export function pushTimesOf(
  families: readonly StoredFamily[],
  pushTimeUs: number,
): number[] | undefined {
  const together = families.every(({ pushedAtUs }) => pushedAtUs === pushTimeUs)
  return together ? undefined : families.map((family) => family.pushedAtUs)
}

function joined(families: readonly FamilyWrite[]): Buffer {
  const first = families[0]?.data
  if (first === undefined) return Buffer.alloc(0)
  if (families.length === 1) return first
  const { buffer, byteOffset } = first
  let end = byteOffset
  for (const { data } of families) {
    if (data.byteOffset !== end || data.buffer !== buffer) {
      return Buffer.concat(families.map((family) => family.data))
    }
    end += data.length
  }
  return Buffer.from(buffer, byteOffset, end - byteOffset)
}

/** The families one by one; their data are views of the packed ones. */
export function unpack(
  { layout, ends, data, pushedAtUs }: PackedFamilies,
  pushTimeUs: number,
): StoredFamily[] {
  return layout.families.map(({ name, shape, claims, sampleCount }, i) => ({
    name,
    shape,
    claims,
    sampleCount,
    data: data.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]),
    pushedAtUs: pushedAtUs === undefined ? pushTimeUs : pushedAtUs[i]!,
  }))
}
