/**
 * How a group lies in its hash. `head` holds numbers, `labels`, `partition` and `name-set` are for
 * whoever looks; a family has a row `r:NAME` (JSON: samples, shape, claim, meaning, …), its bytes
 * `d:NAME`, and `t:NAME` when it was pushed at another time than most of the group. storage/DESIGN.md
 * has it in full; scripts/prelude.lua reads the same.
 */
import { StoreError } from '../errors.ts'
import type { Claim, FamilyDescription, StoredFamily, StoredGroup } from '../group-store.ts'
import { sortedByName } from '../merge-families.ts'

/** The row of a family, as JSON. */
export function encodeRow({ sampleCount, shape, claims }: FamilyDescription): string {
  return JSON.stringify([sampleCount, shape, ...claims.flat()])
}

interface Row {
  readonly sampleCount: number
  readonly shape: string
  readonly claims: readonly Claim[]
}

/** @throws StoreError corrupt */
export function decodeRow(text: string): Row {
  const row: unknown = parseJson(text)
  if (!Array.isArray(row)) throw damaged('the row of a family is none')
  const [sampleCount, shape, ...flat] = row as unknown[]
  if (
    !Number.isSafeInteger(sampleCount) ||
    typeof shape !== 'string' ||
    flat.length % 2 !== 0 ||
    !flat.every((part) => typeof part === 'string')
  ) {
    throw damaged('the row of a family is none')
  }
  const claims: Claim[] = []
  for (let i = 0; i < flat.length; i += 2) claims.push([flat[i]!, flat[i + 1]!])
  return { sampleCount: sampleCount as number, shape, claims }
}

interface FamilyParts {
  row?: string
  data?: Buffer
  time?: number
}

export interface DecodedGroup {
  readonly group: StoredGroup
  readonly partition: string
  readonly nameSet: string
}

/**
 * The group of a hash; null when the hash is empty.
 *
 * @param fields fields and values in turn, in any order
 * @throws StoreError corrupt
 */
export function decodeGroup(key: Buffer, fields: readonly Buffer[]): DecodedGroup | null {
  if (fields.length === 0) return null
  let head: string | undefined
  let partition = ''
  let nameSet = ''
  const parts = new Map<string, FamilyParts>()
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i]!
    const value = fields[i + 1]!
    if (field[1] === COLON) {
      const name = field.toString('utf8', 2)
      let family = parts.get(name)
      if (family === undefined) parts.set(name, (family = {}))
      if (field[0] === ROW) family.row = value.toString()
      else if (field[0] === DATA) family.data = value
      else family.time = Number(value.toString('latin1'))
      continue
    }
    switch (field.toString('latin1')) {
      case 'head':
        head = value.toString()
        break
      case 'partition':
        partition = value.toString()
        break
      case 'name-set':
        nameSet = value.toString()
    }
  }
  if (head === undefined) throw damaged('a group has no head')
  return { group: toGroup(key, head, parts), partition, nameSet }
}

const COLON = 0x3a
const ROW = 0x72
const DATA = 0x64

function toGroup(key: Buffer, head: string, parts: ReadonlyMap<string, FamilyParts>): StoredGroup {
  const [revision, shapeRevision, created, pushed, failed, base, inconsistent, , , families] = head
    .split(' ', 10)
    .map(Number)
  if (families !== parts.size) {
    throw damaged(`a group speaks of ${families} families and has ${parts.size}`)
  }
  const stored: StoredFamily[] = []
  for (const [name, { row, data, time }] of parts) {
    if (row === undefined || data === undefined) throw damaged('a family has no row or no data')
    stored.push({ name, ...decodeRow(row), data, pushedAtUs: time ?? base! })
  }
  return {
    key,
    revision: revision!,
    shapeRevision: shapeRevision!,
    createdTimeUs: created!,
    pushTimeUs: pushed!,
    failureTimeUs: failed!,
    inconsistent: inconsistent === 1,
    families: sortedByName(stored),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw damaged('the row of a family cannot be read', error)
  }
}

function damaged(what: string, cause?: unknown): StoreError {
  return new StoreError('corrupt', `the store is damaged: ${what}`, { cause })
}
