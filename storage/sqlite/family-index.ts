/**
 * How a group's families lie in its row: their bytes one behind the other in `exposition`, and in
 * `families` a JSON array with one entry each:
 * `[name, bytes, samples, shape, pushed µs before push_time_us, claim name, meaning, …]`.
 * One row a group took half the time and space of one row a family, and an operator can read it.
 */
import type { Claim, FamilyWrite, StoredFamily } from '../group-store.ts'
import { sortedByName } from '../merge-families.ts'
import { DamagedRow } from './errors.ts'

type Entry = [
  name: string,
  bytes: number,
  samples: number,
  shape: string,
  beforePushUs: number,
  ...claims: string[],
]

export interface EncodedFamilies {
  readonly index: string
  readonly exposition: Buffer
}

/** Encodes families that were all pushed at the row's push_time_us, in whatever order they came. */
export function encodePushed(pushed: readonly FamilyWrite[]): EncodedFamilies {
  const families = sortedByName(pushed)
  return {
    index: JSON.stringify(families.map((family) => entryOf(family, 0))),
    exposition: Buffer.concat(families.map((family) => family.data)),
  }
}

export function encodeFamilies(
  families: readonly StoredFamily[],
  pushTimeUs: number,
): EncodedFamilies {
  return {
    index: JSON.stringify(
      families.map((family) => entryOf(family, pushTimeUs - family.pushedAtUs)),
    ),
    exposition: Buffer.concat(families.map((family) => family.data)),
  }
}

function entryOf(
  { name, data, sampleCount, shape, claims }: FamilyWrite,
  beforePushUs: number,
): Entry {
  return [name, data.length, sampleCount, shape, beforePushUs, ...claims.flat()]
}

/**
 * The families of a row; their data are views of `exposition`.
 *
 * @throws DamagedRow when the index is none, or not that of the text
 */
export function decodeFamilies(
  index: string,
  exposition: Buffer,
  pushTimeUs: number,
): StoredFamily[] {
  const families: StoredFamily[] = []
  let at = 0
  for (const [name, bytes, sampleCount, shape, beforePushUs, ...flatClaims] of parseIndex(index)) {
    const claims: Claim[] = []
    for (let i = 0; i < flatClaims.length; i += 2) claims.push([flatClaims[i]!, flatClaims[i + 1]!])
    const data = exposition.subarray(at, (at += bytes))
    families.push({ name, shape, claims, sampleCount, data, pushedAtUs: pushTimeUs - beforePushUs })
  }
  if (at !== exposition.length) {
    throw new DamagedRow(`a group's index speaks of ${at} bytes, its text has ${exposition.length}`)
  }
  return families
}

function parseIndex(index: string): Entry[] {
  try {
    const entries: unknown = JSON.parse(index)
    if (Array.isArray(entries) && entries.every(isEntry)) return entries
  } catch (error) {
    throw new DamagedRow("a group's index of families cannot be read", { cause: error })
  }
  throw new DamagedRow("a group's index of families is none")
}

function isEntry(entry: unknown): entry is Entry {
  if (!Array.isArray(entry)) return false
  const [name, bytes, samples, shape, beforePushUs, ...claims] = entry as unknown[]
  return (
    typeof name === 'string' &&
    [bytes, samples, beforePushUs].every((number) => Number.isSafeInteger(number)) &&
    typeof shape === 'string' &&
    claims.length % 2 === 0 &&
    claims.every((text) => typeof text === 'string')
  )
}
