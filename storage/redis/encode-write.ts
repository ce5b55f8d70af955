/** A write as its script wants it: keys and arguments, in the order that the heads of the scripts say. */
import { hash } from 'node:crypto'
import type {
  FamilyDescription,
  GroupWrite,
  Guard,
  MergeGroup,
  ReplaceGroup,
  RestoreGroup,
} from '../group-store.ts'
import { countSamples } from '../merge-families.ts'
import type { Argument } from './connection.ts'
import { encodeRow } from './group-fields.ts'
import type { Keys } from './keys.ts'
import { packedOf } from '../packed-families.ts'
import { SCRIPTS, type Script } from './scripts.ts'

export interface EncodedWrite {
  readonly script: Script
  readonly keys: readonly Argument[]
  /** Those behind the arguments that all writes have. */
  readonly args: readonly Argument[]
}

export function encodeWrite(write: GroupWrite, keys: Keys): EncodedWrite {
  const { store, claims, partitions, changes, tombstones, nonces, groups } = keys
  const groupKey = (key: Buffer): Buffer => Buffer.concat([groups, key])
  const guarded = write.kind === 'delete' ? [] : write.guard.groups.map(({ key }) => groupKey(key))
  return {
    script: write.kind === 'replace' || write.kind === 'merge' ? SCRIPTS.push : SCRIPTS[write.kind],
    keys: [store, claims, partitions, changes, tombstones, nonces, groupKey(write.key), ...guarded],
    args: argumentsOf(write, groups),
  }
}

function argumentsOf(write: GroupWrite, groups: Buffer): Argument[] {
  switch (write.kind) {
    case 'replace':
    case 'merge':
      return encodePush(write)
    case 'fail':
      return [write.partition, write.nameSet, write.description, encodeGuard(write.guard)]
    case 'restore':
      return encodeRestore(write)
    case 'delete':
      return [write.notAfter ?? '', groups]
  }
}

function encodePush(write: ReplaceGroup | MergeGroup): Argument[] {
  const { families, data, ends } = packedOf(write)
  const { rows, fields, digest, samples } = encodeRows(families)
  const args: Argument[] = [
    write.kind,
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    write.kind === 'replace' ? digest : '',
    samples,
    encodeGuard(write.guard),
    rows,
  ]
  for (let i = 0, start = 0; i < fields.length; i++) {
    const end = ends[i]!
    args.push(fields[i]!, data.subarray(start, end))
    start = end
  }
  return args
}

interface EncodedRows {
  /** A JSON list of them. */
  readonly rows: string
  /** Where the data of the families go. */
  readonly fields: readonly string[]
  /** Equal only for families of equal names and rows. */
  readonly digest: string
  readonly samples: number
}

/** Pushes of one kind come with one and the same list of families. */
const known = new WeakMap<readonly FamilyDescription[], EncodedRows>()

function encodeRows(families: readonly FamilyDescription[]): EncodedRows {
  let encoded = known.get(families)
  if (encoded === undefined) {
    const rows = JSON.stringify(families.map(encodeRow))
    const names = families.map(({ name }) => name)
    const digest = hash('sha256', JSON.stringify([names, rows]), 'base64url').slice(0, 22)
    const fields = names.map((name) => `d:${name}`)
    encoded = { rows, fields, digest, samples: countSamples(families) }
    known.set(families, encoded)
  }
  return encoded
}

function encodeRestore(write: RestoreGroup): Argument[] {
  const args: Argument[] = [
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    encodeRows(write.families).digest,
    encodeGuard(write.guard),
    write.createdTimeUs,
    write.pushTimeUs,
    write.failureTimeUs,
  ]
  for (const family of write.families) {
    args.push(family.name, encodeRow(family), family.data, family.pushedAtUs)
  }
  return args
}

function encodeGuard({ nameSets, groups }: Guard): string {
  return JSON.stringify({
    nameSets,
    shapeRevisions: groups.map(({ shapeRevision }) => shapeRevision),
  })
}
