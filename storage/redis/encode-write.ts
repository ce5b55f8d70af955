/** A write as its script wants it: keys and arguments, in the order that the heads of the scripts say. */
import type { GroupWrite, Guard, MergeGroup, ReplaceGroup, RestoreGroup } from '../group-store.ts'
import { countSamples } from '../merge-families.ts'
import type { Argument } from './connection.ts'
import { encodeRow } from './group-fields.ts'
import type { Keys } from './keys.ts'
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
  const args: Argument[] = [
    write.kind,
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    write.kind === 'replace' ? write.shape : '',
    countSamples(write.families),
    encodeGuard(write.guard),
  ]
  for (const family of write.families) args.push(family.name, encodeRow(family), family.data)
  return args
}

function encodeRestore(write: RestoreGroup): Argument[] {
  const args: Argument[] = [
    write.rules,
    write.knownInconsistent ? 1 : 0,
    write.partition,
    write.nameSet,
    write.description,
    write.shape,
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
