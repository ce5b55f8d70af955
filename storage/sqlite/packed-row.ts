/**
 * How a group's families lie in its row: their bytes one behind the other in `exposition`, in the order of the row's
 * layout, and in `lengths` how many are whose, as JSON. One row a group took half the time and space of one row a
 * family, and an operator can read it.
 */
import type { PackedFamilies, PackedWrite, StoredFamily } from '../group-store.ts'
import type { Layout } from '../layout.ts'
import { pack } from '../packed-families.ts'
import { DamagedRow } from './errors.ts'

export interface PackedRow {
  readonly lengths: string
  /** '' when all families came with the group's last push. */
  readonly pushedBeforeUs: string
  readonly exposition: Buffer
}

/** The row of families that were all pushed at its push_time_us. */
export function rowOfPushed({ data, ends }: PackedWrite): PackedRow {
  let lengths = '['
  let start = 0
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!
    lengths += i === 0 ? end : `,${end - start}`
    start = end
  }
  return { lengths: `${lengths}]`, pushedBeforeUs: '', exposition: data }
}

/** The row of families, sorted by name. */
export function rowOfStored(families: readonly StoredFamily[], pushTimeUs: number): PackedRow {
  const row = rowOfPushed(pack(families))
  if (families.every(({ pushedAtUs }) => pushedAtUs === pushTimeUs)) return row
  const before = families.map(({ pushedAtUs }) => pushTimeUs - pushedAtUs)
  return { ...row, pushedBeforeUs: JSON.stringify(before) }
}

/** @throws DamagedRow when the parts of the row do not fit each other */
export function readRow(row: PackedRow, layout: Layout, pushTimeUs: number): PackedFamilies {
  const { exposition: data, pushedBeforeUs } = row
  const ends = parseNumbers(row.lengths, layout)
  let at = 0
  for (let i = 0; i < ends.length; i++) ends[i] = at += ends[i]!
  if (at !== data.length) {
    throw new DamagedRow(`a group's lengths make ${at} bytes, its text has ${data.length}`)
  }
  const before = pushedBeforeUs === '' ? undefined : parseNumbers(pushedBeforeUs, layout)
  return { layout, data, ends, pushedAtUs: before?.map((us) => pushTimeUs - us) }
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
  for (const number of numbers) {
    if (!Number.isSafeInteger(number)) throw new DamagedRow("a group's lengths are no numbers")
  }
  return numbers as number[]
}
