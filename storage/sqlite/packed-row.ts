/**
 * How a group's families lie in its row: their bytes one behind the other in `exposition`, in the order of the row's
 * layout, and in `lengths` how many are whose, as JSON. One row a group took half the time and space of one row a
 * family, and an operator can read it.
 */
import type { FamilyWrite, PackedFamilies, StoredFamily } from '../group-store.ts'
import { DamagedRow } from './errors.ts'
import type { Layout } from './layout.ts'

export interface PackedRow {
  readonly lengths: string
  /** '' when all families came with the group's last push. */
  readonly pushedBeforeUs: string
  readonly exposition: Buffer
}

/** Packs families, sorted by name, that were all pushed at the row's push_time_us. */
export function packPushed(families: readonly FamilyWrite[]): PackedRow {
  let lengths = ''
  for (const { data } of families) lengths += lengths === '' ? data.length : `,${data.length}`
  return { lengths: `[${lengths}]`, pushedBeforeUs: '', exposition: joined(families) }
}

/** Packs families, sorted by name. */
export function packStored(families: readonly StoredFamily[], pushTimeUs: number): PackedRow {
  const together = families.every(({ pushedAtUs }) => pushedAtUs === pushTimeUs)
  return {
    ...packPushed(families),
    pushedBeforeUs: together
      ? ''
      : JSON.stringify(families.map(({ pushedAtUs }) => pushTimeUs - pushedAtUs)),
  }
}

/** The data of all families as one; without a copy where they lie one behind the other already. */
function joined(families: readonly FamilyWrite[]): Buffer {
  const first = families[0]?.data
  if (first === undefined) return Buffer.alloc(0)
  let end = first.byteOffset
  for (const { data } of families) {
    if (data.buffer !== first.buffer || data.byteOffset !== end) {
      return Buffer.concat(families.map((family) => family.data))
    }
    end += data.length
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset)
}

/** @throws DamagedRow when the parts of the row do not fit each other */
export function readPacked(row: PackedRow, layout: Layout, pushTimeUs: number): PackedFamilies {
  const { exposition } = row
  const lengths = parseNumbers(row.lengths, layout)
  let at = 0
  const ends = lengths.map((length) => (at += length))
  if (at !== exposition.length) {
    throw new DamagedRow(`a group's lengths make ${at} bytes, its text has ${exposition.length}`)
  }
  const before = row.pushedBeforeUs === '' ? undefined : parseNumbers(row.pushedBeforeUs, layout)
  return {
    layout,
    ends,
    data: exposition,
    pushedAtUs: before?.map((microseconds) => pushTimeUs - microseconds),
  }
}

function parseNumbers(text: string, { families }: Layout): number[] {
  let numbers: unknown
  try {
    numbers = JSON.parse(text)
  } catch (error) {
    throw new DamagedRow("a group's lengths cannot be read", { cause: error })
  }
  if (!Array.isArray(numbers) || numbers.length !== families.length) {
    throw new DamagedRow("a group's lengths are not those of its families")
  }
  if (!numbers.every((number) => Number.isSafeInteger(number))) {
    throw new DamagedRow("a group's lengths are no numbers")
  }
  return numbers as number[]
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
