/** Short ways to say a write, for the contract suite: everything a test does not name is harmless. */
import { randomBytes } from 'node:crypto'
import type {
  Claim,
  DeleteGroup,
  FamilyWrite,
  Guard,
  MergeGroup,
  RecordFailure,
  ReplaceGroup,
  RestoreGroup,
  StoredGroup,
} from '../../../storage/group-store.ts'

export interface FamilyOptions {
  readonly type?: string
  /** Names of the series; they make up the shape, as label sets do for the gateway. */
  readonly series?: readonly string[]
  readonly claims?: readonly Claim[]
  readonly data?: string | Buffer
  readonly samples?: number
}

export function family(name: string, options: FamilyOptions = {}): FamilyWrite {
  const { type = 'gauge', series = ['s'], claims = [[name, type]], data = `${name} 1\n` } = options
  return {
    name,
    shape: `${type} ${series.join(' ')}`,
    claims,
    sampleCount: options.samples ?? series.length,
    data: Buffer.isBuffer(data) ? data : Buffer.from(data),
  }
}

/** A family that says more than its own name, as a summary does. */
export function summary(name: string, options: FamilyOptions = {}): FamilyWrite {
  const claims: Claim[] = [
    [name, 'summary'],
    [`${name}_sum`, 'reserved'],
    [`${name}_count`, 'reserved'],
  ]
  return family(name, { type: 'summary', claims, ...options })
}

export interface Circumstances {
  readonly partition?: string
  readonly nameSet?: string
  readonly guard?: Partial<Guard>
  readonly rules?: 'enforce' | 'mark'
  readonly knownInconsistent?: boolean
  readonly nonce?: string
  readonly timeoutMs?: number
}

/** Long, since a loaded machine must not decide what a test says. */
const TIMEOUT_MS = 20_000

export function newNonce(): string {
  return randomBytes(8).toString('hex')
}

export function keyOf(key: string | Buffer): Buffer {
  return Buffer.isBuffer(key) ? key : Buffer.from(key)
}

function base(key: string | Buffer, { nonce, timeoutMs }: Circumstances) {
  return {
    key: keyOf(key),
    nonce: nonce ?? newNonce(),
    timeoutMs: timeoutMs ?? TIMEOUT_MS,
  }
}

function toPartition(key: string | Buffer, circumstances: Circumstances) {
  const { partition = 'p', nameSet = 'n', guard = {}, rules = 'enforce' } = circumstances
  return {
    ...base(key, circumstances),
    partition,
    nameSet,
    description: `group ${keyOf(key).toString('hex')}`,
    guard: { nameSets: [], groups: [], ...guard },
    rules,
  }
}

export function replace(
  key: string | Buffer,
  families: readonly FamilyWrite[],
  circumstances: Circumstances = {},
): ReplaceGroup {
  return {
    kind: 'replace',
    ...toPartition(key, circumstances),
    families,
    knownInconsistent: circumstances.knownInconsistent ?? false,
  }
}

export function merge(
  key: string | Buffer,
  families: readonly FamilyWrite[],
  circumstances: Circumstances = {},
): MergeGroup {
  return {
    kind: 'merge',
    ...toPartition(key, circumstances),
    families,
    knownInconsistent: circumstances.knownInconsistent ?? false,
  }
}

export function fail(key: string | Buffer, circumstances: Circumstances = {}): RecordFailure {
  return { kind: 'fail', ...toPartition(key, circumstances) }
}

export function remove(key: string | Buffer, circumstances: Circumstances = {}): DeleteGroup {
  return { kind: 'delete', ...base(key, circumstances) }
}

/** Puts a group back as it was read, from whichever store. */
export function restore(group: StoredGroup, circumstances: Circumstances = {}): RestoreGroup {
  const { families, createdTimeUs, pushTimeUs, failureTimeUs } = group
  return {
    kind: 'restore',
    ...toPartition(group.key, circumstances),
    families,
    knownInconsistent: circumstances.knownInconsistent ?? false,
    createdTimeUs,
    pushTimeUs,
    failureTimeUs,
  }
}
