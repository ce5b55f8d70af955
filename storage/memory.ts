/**
 * A store in this process' memory: the contract in its plainest form, and what
 * `--storage.url=memory:` (or an empty `--persistence.file`) asks for. One tick is one transaction.
 */
import { randomBytes } from 'node:crypto'
import { ChangeLog } from './change-log.ts'
import { bookDifferences, bookId, claimDeltas, judgeClaims } from './claim-book.ts'
import { createClock } from './clock.ts'
import { StoreError } from './errors.ts'
import type {
  ApplyResult,
  ChangePage,
  ChangesRequest,
  ChangesReset,
  Cursor,
  DeleteGroup,
  GroupStore,
  GroupWrite,
  Guard,
  MergeGroup,
  RecordFailure,
  ReplaceGroup,
  RestoreGroup,
  Revision,
  StoredFamily,
  StoredGroup,
} from './group-store.ts'
import { hasLayout, KnownLayouts, type Layout } from './layout.ts'
import { MemoryGroup, type PackedWithLayout } from './memory-group.ts'
import {
  countSamples,
  familiesAfter,
  familyChange,
  hasSameShape,
  sortedByName,
  staysInconsistent,
} from './merge-families.ts'
import { NonceLog } from './nonce-log.ts'
import { pack, packedOf, pushTimesOf } from './packed-families.ts'

interface Entry {
  readonly key: Buffer
  revision: Revision
  /** Null: a tombstone. */
  group: MemoryGroup | null
  readonly partition: string
  readonly nameSet: string
}

/** How much history a view may be behind before it has to read everything anew. */
export interface MemoryLimits {
  readonly historyMax: number
  readonly tombstonesMax: number
}

/** About what a group costs to hand over besides its families. */
const ROW_BYTES = 256

const LIMITS: MemoryLimits = { historyMax: 1 << 20, tombstonesMax: 100_000 }

export function createMemoryStore(limits: MemoryLimits = LIMITS): GroupStore {
  const now = createClock()
  const epoch = randomBytes(8).toString('hex')
  const entries = new Map<string, Entry>()
  const log = new ChangeLog<Entry>()
  const layouts = new KnownLayouts()
  const claims = new Map<string, Map<string, number>>()
  const nameSets = new Map<string, Map<string, number>>()
  const nonces = new NonceLog()
  let revision: Revision = 0
  let floor: Revision = 0
  let groups = 0
  let samples = 0
  let tombstones = 0
  let closed = false

  const checkOpen = (): void => {
    if (closed) throw new StoreError('unavailable', 'the memory store is closed')
  }
  const cursor = (): Cursor => ({ epoch, revision, nonce: nonces.at(revision) ?? '' })
  const live = (key: Buffer): MemoryGroup | null => entries.get(idOf(key))?.group ?? null

  function bump(map: Map<string, Map<string, number>>, a: string, b: string, delta: number): void {
    let counts = map.get(a)
    if (counts === undefined) map.set(a, (counts = new Map<string, number>()))
    const count = (counts.get(b) ?? 0) + delta
    if (count !== 0) counts.set(b, count)
    else counts.delete(b)
    if (counts.size === 0) map.delete(a)
  }

  /** Undefined when the guard holds. */
  function uncovered({
    partition,
    nameSet: own,
    guard,
  }: {
    partition: string
    nameSet: string
    guard: Guard
  }): ApplyResult | undefined {
    const held = [...(nameSets.get(partition)?.keys() ?? [])]
    const others = held.filter((nameSet) => nameSet !== own)
    const judged = new Set(guard.nameSets)
    const covered =
      others.every((nameSet) => judged.has(nameSet)) &&
      guard.groups.every(
        ({ key, shapeRevision }) => (live(key)?.shapeRevision ?? 0) === shapeRevision,
      )
    return covered ? undefined : { kind: 'unguarded', nameSets: others }
  }

  function commit(
    write: GroupWrite,
    place: { partition: string; nameSet: string },
    group: (revision: Revision) => MemoryGroup | null,
  ): ApplyResult {
    const id = idOf(write.key)
    let entry = entries.get(id)
    const before = entry?.group ?? null
    const layoutBefore = before?.layout
    revision++
    nonces.add(write.nonce)
    const after = group(revision)
    if (before === null && entry !== undefined) tombstones--
    if (entry === undefined) {
      const { partition, nameSet } = place
      entry = { key: ownCopy(write.key), revision, group: after, partition, nameSet }
      entries.set(id, entry)
    } else {
      entry.revision = revision
      entry.group = after
    }
    log.record(entry, revision, entries.size)
    count(layoutBefore, after?.layout)
    if (after !== null && before === null) {
      groups++
      bump(nameSets, entry.partition, entry.nameSet, 1)
    } else if (after === null) {
      groups--
      tombstones++
      bump(nameSets, entry.partition, entry.nameSet, -1)
    }
    return { kind: 'applied', epoch, revision, inconsistent: after?.inconsistent ?? false }
  }

  function count(before: Layout | undefined, after: Layout | undefined): void {
    if (before === after) return
    for (const { claim, delta } of claimDeltas(after?.families ?? [], before?.families ?? [])) {
      bump(claims, claim[0], claim[1], delta)
    }
    samples += (after?.sampleCount ?? 0) - (before?.sampleCount ?? 0)
  }

  /** The usual PUT: the stored families with new values. Undefined when it is another one. */
  function replaceValues(write: ReplaceGroup): ApplyResult | undefined {
    const entry = entries.get(idOf(write.key))
    const stored = entry?.group
    if (entry === undefined || stored === undefined || stored === null) return undefined
    const packed = packedOf(write)
    if (!hasLayout(packed.families, stored.layout)) return undefined
    revision++
    nonces.add(write.nonce)
    stored.putValues(packed, revision, now())
    entry.revision = revision
    log.record(entry, revision, entries.size)
    return { kind: 'applied', epoch, revision, inconsistent: stored.inconsistent }
  }

  function applyPush(write: ReplaceGroup | MergeGroup): ApplyResult {
    const stored = live(write.key)
    const sameShape = stored !== null && hasSameShape(write, stored.layout.families)
    const change = familyChange(write, stored?.families() ?? [])
    let inconsistent = stored?.inconsistent ?? false
    if (!sameShape) {
      const unguarded = uncovered(write)
      if (unguarded !== undefined) return unguarded
      const { broken, contradiction } = judgeClaims(
        change.incoming,
        change.outgoing,
        change.staying,
        (name) => claims.get(name) ?? new Map<string, number>(),
      )
      if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
      inconsistent = staysInconsistent(write, inconsistent) || contradiction !== undefined
    }
    return commit(write, write, (revision) => {
      const timeUs = now()
      const state = {
        revision,
        shapeRevision: sameShape ? stored.shapeRevision : revision,
        createdTimeUs: stored?.createdTimeUs ?? timeUs,
        pushTimeUs: timeUs,
        failureTimeUs: stored?.lastFailureTimeUs ?? 0,
        inconsistent,
      }
      return new MemoryGroup(state, packedWithLayout(familiesAfter(change, timeUs), timeUs))
    })
  }

  function packedWithLayout(
    families: readonly StoredFamily[],
    pushTimeUs: number,
  ): PackedWithLayout {
    const { data, ends } = pack(families)
    const pushedAtUs = pushTimesOf(families, pushTimeUs)
    return { layout: layouts.of(families), data, ends, pushedAtUs }
  }

  function applyFailure(write: RecordFailure): ApplyResult {
    const stored = live(write.key)
    const unguarded = stored === null ? uncovered(write) : undefined
    if (unguarded !== undefined) return unguarded
    return commit(write, write, (revision) => {
      const timeUs = now()
      if (stored !== null) {
        stored.fail(revision, timeUs)
        return stored
      }
      const state = {
        revision,
        shapeRevision: revision,
        createdTimeUs: timeUs,
        pushTimeUs: 0,
        failureTimeUs: timeUs,
        inconsistent: false,
      }
      return new MemoryGroup(state, packedWithLayout([], 0))
    })
  }

  function applyRestore(write: RestoreGroup): ApplyResult {
    if (live(write.key) !== null) return { kind: 'unchanged' }
    const unguarded = uncovered(write)
    if (unguarded !== undefined) return unguarded
    const { broken, contradiction } = judgeClaims(
      write.families,
      [],
      [],
      (name) => claims.get(name) ?? new Map<string, number>(),
    )
    if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
    return commit(write, write, (revision) => {
      const { createdTimeUs, pushTimeUs, failureTimeUs } = write
      const inconsistent = write.knownInconsistent || contradiction !== undefined
      const times = { createdTimeUs, pushTimeUs, failureTimeUs }
      const state = { revision, shapeRevision: revision, ...times, inconsistent }
      return new MemoryGroup(state, packedWithLayout(sortedByName(write.families), pushTimeUs))
    })
  }

  function applyDelete(write: DeleteGroup): ApplyResult {
    const entry = entries.get(idOf(write.key))
    if (entry === undefined || entry.group === null) return { kind: 'unchanged' }
    if (write.notAfter !== undefined && entry.revision > write.notAfter)
      return { kind: 'unchanged' }
    return commit(write, { partition: entry.partition, nameSet: entry.nameSet }, () => null)
  }

  function apply(write: GroupWrite): ApplyResult {
    switch (write.kind) {
      case 'replace':
        return replaceValues(write) ?? applyPush(write)
      case 'merge':
        return applyPush(write)
      case 'fail':
        return applyFailure(write)
      case 'restore':
        return applyRestore(write)
      case 'delete':
        return applyDelete(write)
    }
  }

  function resetReason({
    position,
    after,
    full,
  }: ChangesRequest): ChangesReset['reason'] | undefined {
    if (position.revision === 0) return undefined
    if (position.epoch !== epoch) return 'epoch'
    if (position.revision > revision) return 'ahead'
    const nonce = nonces.at(position.revision)
    if (nonce === undefined) return 'history'
    if (nonce !== position.nonce) return 'diverged'
    return floor > (full ? position.revision : after) ? 'floor' : undefined
  }

  function readChanges(request: ChangesRequest): ChangePage | ChangesReset {
    const reason = resetReason(request)
    if (reason !== undefined) return { kind: 'reset', reason }
    const items: { key: Buffer; group: StoredGroup | null }[] = []
    let upto = request.after
    let bytes = 0
    let complete = true
    for (const { key, group, revision: changed } of log.after(request.after)) {
      if (bytes >= request.bytesMax) {
        complete = false
        break
      }
      items.push({ key, group: group?.copy(key) ?? null })
      upto = changed
      bytes += ROW_BYTES + (group?.byteLength ?? 0)
    }
    return {
      kind: 'page',
      head: cursor(),
      upto: complete ? revision : upto,
      complete,
      storeTimeUs: now(),
      items,
    }
  }

  /** Tombstones and nonces are trimmed oldest first. */
  function trim(): void {
    const byAge = tombstones > limits.tombstonesMax ? [...log.after(0)] : []
    for (const entry of byAge) {
      if (tombstones <= limits.tombstonesMax) break
      if (entry.group !== null) continue
      entries.delete(idOf(entry.key))
      tombstones--
      floor = entry.revision
      // The log forgets it.
      entry.revision = 0
    }
    nonces.keep(limits.historyMax)
  }

  function recount(): string[] {
    const expected = new Map<string, number>()
    const add = (id: string, count: number): void => {
      expected.set(id, (expected.get(id) ?? 0) + count)
    }
    for (const { group, partition, nameSet } of entries.values()) {
      if (group === null) {
        add('tombstones', 1)
        continue
      }
      add('groups', 1)
      add('samples', countSamples(group.layout.families))
      add(bookId('name-set', partition, nameSet), 1)
      for (const { claim, delta } of claimDeltas(group.layout.families, [])) {
        add(bookId('claim', ...claim), delta)
      }
    }
    const books = new Map<string, number>([
      ['groups', groups],
      ['samples', samples],
      ['tombstones', tombstones],
    ])
    for (const [name, counts] of claims)
      for (const [meaning, n] of counts) books.set(bookId('claim', name, meaning), n)
    for (const [name, counts] of nameSets)
      for (const [set, n] of counts) books.set(bookId('name-set', name, set), n)
    return bookDifferences(books, expected)
  }

  return {
    url: 'memory:',
    async apply(write) {
      checkOpen()
      const result = apply(write)
      await endOfTurn()
      return result
    },
    async read(keys) {
      checkOpen()
      return keys.map((key) => live(key)?.copy(key) ?? null)
    },
    async changes(request) {
      checkOpen()
      return readChanges(request)
    },
    async wipe(nonce) {
      checkOpen()
      const keys = [...entries.values()]
        .filter((entry) => entry.group !== null)
        .map((entry) => entry.key)
      for (const key of keys) apply({ kind: 'delete', key, nonce: nonce(), timeoutMs: 0 })
      return keys.length
    },
    async maintain() {
      checkOpen()
      trim()
    },
    async verify() {
      checkOpen()
      return recount()
    },
    async status() {
      return {
        driver: 'memory',
        unavailable: closed ? 'closed' : undefined,
        head: cursor(),
        groups,
        samples,
        roundTripMs: 0,
      }
    },
    async close() {
      closed = true
    },
  }
}

/** In memory of its own: a part of the pool that small Buffers come from would keep all of that. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

function idOf(key: Buffer): string {
  return key.toString('latin1')
}

let turn: Promise<void> | undefined

/**
 * Resolves when the event loop has gone through what it has now. Pushes that came together are so answered together,
 * as after a commit: an answer by itself wakes its client up, which costs more than the whole push (ratio in
 * test/bench/README.md).
 */
function endOfTurn(): Promise<void> {
  return (turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  }))
}
