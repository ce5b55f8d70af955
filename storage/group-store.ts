/**
 * The contract between the gateway and whatever keeps its groups. A store knows bytes, claims and
 * guards; it knows nothing of Prometheus. storage/DESIGN.md explains why, what a driver may assume
 * and how to add one; test/storage/contract.ts is the same promise as a test suite.
 */

/** 1, 2, 3, …: the total order of all committed writes of an epoch. 0 is "before the first". */
export type Revision = number

/** `[name, meaning]`: all live families of a consistent store agree on the meaning of a name. */
export type Claim = readonly [name: string, meaning: string]

/** What can be said of a family without its values. */
export interface FamilyDescription {
  readonly name: string
  /** Equal exactly for families with equal type and equal series; opaque. */
  readonly shape: string
  readonly claims: readonly Claim[]
  readonly sampleCount: number
}

/** Families of a push in one piece, sorted by name. */
export interface PackedWrite {
  /** Usually one object for all pushes of one kind. */
  readonly families: readonly FamilyDescription[]
  /** The data of the families, one behind the other. Once the write is answered, the caller may use it for something else. */
  readonly data: Buffer
  /** Where in `data` each family ends, and the next one begins. Nobody changes it afterwards. */
  readonly ends: readonly number[]
}

/** A family as a push brings it. */
export interface FamilyWrite extends FamilyDescription {
  /** Opaque bytes. */
  readonly data: Buffer
}

export interface StoredFamily extends FamilyWrite {
  /** Store time of the push that brought it, in microseconds since 1970. */
  readonly pushedAtUs: number
}

export interface StoredGroup {
  readonly key: Buffer
  /** Revision of the last write to the group. */
  readonly revision: Revision
  /** Revision at which the group last changed in more than values; what guards compare. */
  readonly shapeRevision: Revision
  /** Store times in microseconds since 1970; 0 = never. */
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
  /** True when the last checked part of the group was written although it breaks a rule. */
  readonly inconsistent: boolean
  /** Sorted by name, bytewise. */
  readonly families: readonly StoredFamily[]
  /**
   * The same families in one piece, from stores that keep them so. Where it is there, `families` is made when it is
   * first asked for; who reads very many groups spares an object and a Buffer a family by not asking.
   */
  readonly packed?: PackedFamilies
}

/** All families of a group, in the order of `families`. */
export interface PackedFamilies {
  /**
   * Usually one object for all groups with the same families: what is worked out of it may be kept for it (a WeakMap),
   * but two that read the same need not be one.
   */
  readonly layout: { readonly families: readonly FamilyDescription[]; readonly sampleCount: number }
  /**
   * The data of the families, one behind the other. Nobody writes to it any more; but it, and a key that came with it,
   * may lie in something far larger: whoever keeps it for long copies it.
   */
  readonly data: Buffer
  /** Where in `data` each family ends, and the next one begins. */
  readonly ends: readonly number[]
  /** As in `families`; undefined: all were pushed at the group's `pushTimeUs`. */
  readonly pushedAtUs: readonly number[] | undefined
}

/**
 * What must still hold for the caller's own judgement of a write to be worth anything: that it
 * judged against every other name-set of the partition, and that the groups it looked at have not
 * changed in more than values since.
 */
export interface Guard {
  readonly nameSets: readonly string[]
  readonly groups: readonly { readonly key: Buffer; readonly shapeRevision: Revision }[]
}

interface WriteBase {
  readonly key: Buffer
  /** 8 random bytes in hex, new for each write; kept as the nonce of its revision. */
  readonly nonce: string
  /** How long the caller waits. A store never applies a write after that. */
  readonly timeoutMs: number
}

/** Its fields may be made when they are asked for: whoever needs one twice keeps it, and nobody spreads a write. */
interface WriteToPartition extends WriteBase {
  /** Groups of different partitions never need to be compared (the value of `job`). */
  readonly partition: string
  /** Groups of one partition and one name-set never need to be compared either. */
  readonly nameSet: string
  /** The grouping labels as a person reads them; kept for whoever looks into the store. */
  readonly description: string
  readonly guard: Guard
  /**
   * Whether a broken rule refuses the write (`enforce`) or marks the group as inconsistent and
   * lets it pass (`mark`).
   */
  readonly rules: 'enforce' | 'mark'
}

interface PushedFamilies {
  readonly families: readonly FamilyWrite[]
  /**
   * The same families in one piece, from callers that have them so. Where it is there, `families` is made when it is
   * first asked for; who does not ask spares an object and a Buffer a family.
   */
  readonly packed?: PackedWrite | undefined
}

/** PUT: the group then has exactly these families. */
export interface ReplaceGroup extends WriteToPartition, PushedFamilies {
  readonly kind: 'replace'
  /** With `rules: 'mark'`: the caller found the write to break a rule; mark it whatever claims say. */
  readonly knownInconsistent: boolean
}

/** POST: these families replace those of their names; others stay. */
export interface MergeGroup extends WriteToPartition, PushedFamilies {
  readonly kind: 'merge'
  readonly knownInconsistent: boolean
}

/** A push was rejected: set the failure time, and create the group when it is missing. */
export interface RecordFailure extends WriteToPartition {
  readonly kind: 'fail'
}

/** Puts a group back as it was, times included, where there is none of its key; judged like a push. */
export interface RestoreGroup extends WriteToPartition {
  readonly kind: 'restore'
  readonly families: readonly StoredFamily[]
  readonly knownInconsistent: boolean
  /** Store times in microseconds since 1970; 0 = never. */
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
}

export interface DeleteGroup extends WriteBase {
  readonly kind: 'delete'
  /** Only when the group was last written at this revision or before; else it stays. */
  readonly notAfter?: Revision
}

export type GroupWrite = ReplaceGroup | MergeGroup | RecordFailure | RestoreGroup | DeleteGroup

export type ApplyResult =
  /** Committed: every `changes` that begins from now on, anywhere, reports it or a later write. */
  | {
      readonly kind: 'applied'
      /** Of the history that the revision is part of. */
      readonly epoch: string
      readonly revision: Revision
      readonly inconsistent: boolean
    }
  /**
   * A delete of a group that is not there, or too new for it; or a restore of one that is there: no
   * revision was made.
   */
  | { readonly kind: 'unchanged' }
  /** A claim of the write is held with another meaning. Nothing changed. */
  | {
      readonly kind: 'refused'
      readonly claim: string
      readonly wanted: string
      readonly held: string
    }
  /**
   * The guard does not cover what the store holds now: judge again, against the groups of these
   * name-sets. Nothing changed.
   */
  | { readonly kind: 'unguarded'; readonly nameSets: readonly string[] }

/** A place in the history of one store. Epoch and nonce tell histories apart that share numbers. */
export interface Cursor {
  readonly epoch: string
  readonly revision: Revision
  readonly nonce: string
}

export const ORIGIN: Cursor = { epoch: '', revision: 0, nonce: '' }

export interface ChangesRequest {
  /** A head that the store gave before, which must still be part of its history; or ORIGIN. */
  readonly position: Cursor
  /** Report what changed after this revision. On the first page: the position's revision. */
  readonly after: Revision
  /** True while reading everything from the start: deletions before `position` do not matter. */
  readonly full: boolean
  /** About how many bytes of families a page may carry; it has at least one item. */
  readonly bytesMax: number
}

export interface ChangePage {
  readonly kind: 'page'
  readonly head: Cursor
  /** Changes up to this revision have been reported; ask for the rest with it as `after`. */
  readonly upto: Revision
  /** True when nothing is left: what was reported since the start equals the store at `head`. */
  readonly complete: boolean
  readonly storeTimeUs: number
  /** In order of revision, each group once, as it is now; null = it is gone. */
  readonly items: readonly { readonly key: Buffer; readonly group: StoredGroup | null }[]
}

/** The position is not part of this store's history any more: read everything anew. */
export interface ChangesReset {
  readonly kind: 'reset'
  readonly reason: 'epoch' | 'ahead' | 'diverged' | 'history' | 'floor'
}

export interface StoreStatus {
  readonly driver: string
  /** Undefined when the store can take writes; else why not, for people. */
  readonly unavailable: string | undefined
  readonly head: Cursor
  readonly groups: number
  readonly samples: number
  /** How long the store took to say so, in milliseconds. */
  readonly roundTripMs: number
}

/** What a store tells whoever opened it, without being asked. */
export interface StoreEvents {
  /** Something in how the store is set up that its operator should know. */
  warning(message: string): void
  /** The store cannot be reached any more. */
  lost(reason: string): void
  /** The store can be reached again; also the first time, when opening it did not wait for that. */
  restored(): void
  /** A call is tried once more. */
  retried(reason: string): void
}

export interface GroupStore {
  /** The storage URL as it may be shown: without credentials. */
  readonly url: string

  /**
   * Makes one write, entirely or not at all, in one order with all others. Equal shape as stored
   * means that neither claims nor guard are looked at: nothing they judge has changed.
   *
   * @throws StoreError: the write is not and will not be applied; with the code `unconfirmed` it may
   *   have been, once, but will not be from now on
   */
  apply(write: GroupWrite): Promise<ApplyResult>

  /** The groups as they are now, null where there is none. All from one moment. */
  read(keys: readonly Buffer[]): Promise<(StoredGroup | null)[]>

  /** What changed since a position. See ChangesRequest for reading in pages. */
  changes(request: ChangesRequest): Promise<ChangePage | ChangesReset>

  /**
   * Deletes every group that was written before it began, in bounded steps; groups pushed
   * meanwhile stay. Returns how many were deleted.
   */
  wipe(nonce: () => string): Promise<number>

  /** Housekeeping, to be called now and then: trims tombstones and history. */
  maintain(): Promise<void>

  /**
   * Recounts claims, name-sets and totals from the groups.
   * Returns one sentence for each difference: none when the books are right.
   */
  verify(): Promise<string[]>

  status(): Promise<StoreStatus>

  /** Waits for writes under way; afterwards every call throws. May be called twice. */
  close(): Promise<void>
}
