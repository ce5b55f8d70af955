/** All families of a group in one piece, and one by one again. */
import type { FamilyWrite, PackedFamilies, StoredFamily } from './group-store.ts'

type Packed = Omit<PackedFamilies, 'layout'>

/** Packs families, sorted by name, that were all pushed at the group's push time. */
export function packPushed(families: readonly FamilyWrite[]): Packed {
  return { data: joined(families), ends: endsOf(families), pushedAtUs: undefined }
}

/** Packs families, sorted by name. */
export function packStored(families: readonly StoredFamily[], pushTimeUs: number): Packed {
  const together = families.every(({ pushedAtUs }) => pushedAtUs === pushTimeUs)
  const pushedAtUs = together ? undefined : families.map((family) => family.pushedAtUs)
  return { ...packPushed(families), pushedAtUs }
}

function endsOf(families: readonly FamilyWrite[]): number[] {
  let end = 0
  return families.map(({ data }) => (end += data.length))
}

/** The data of all families as one; without a copy where they lie one behind the other already. */
export function joined(families: readonly FamilyWrite[]): Buffer {
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
