/**
 * The statements of the SQLite store and what they mean: one write inside an open transaction, and
 * reading. No transactions are begun or ended here, and no errors translated.
 */
import type { Database, Statement } from 'better-sqlite3'
import { claimDeltas, judgeClaims } from '../claim-book.ts'
import type {
  ApplyResult,
  Claim,
  DeleteGroup,
  GroupWrite,
  Guard,
  MergeGroup,
  RecordFailure,
  ReplaceGroup,
  RestoreGroup,
  Revision,
  StoredFamily,
  StoredGroup,
} from '../group-store.ts'
import {
  countSamples,
  familiesAfter,
  familyChange,
  hasSameShape,
  sortedByName,
  staysInconsistent,
} from '../merge-families.ts'
import {
  decodeFamilies,
  encodeFamilies,
  encodePushed,
  type EncodedFamilies,
} from './family-index.ts'

export interface Meta {
  epoch: string
  revision: Revision
  floor: Revision
  groups: number
  samples: number
}

interface Head {
  id: number
  live: number
  partition: string
  name_set: string
  revision: Revision
  shape_revision: Revision
  shape: string
  created_time_us: number
  push_time_us: number
  failure_time_us: number
  inconsistent: number
  samples: number
}

interface Body {
  families: string
  exposition: Buffer
}

export interface GroupRow extends Body {
  key: Buffer
  live: number
  revision: Revision
  shape_revision: Revision
  created_time_us: number
  push_time_us: number
  failure_time_us: number
  inconsistent: number
}

const ROW =
  'key, live, revision, shape_revision, created_time_us, push_time_us, failure_time_us, inconsistent, families, exposition'

export class GroupTable {
  private readonly head: Statement<[Buffer], Head>
  private readonly body: Statement<[number], Body>
  private readonly row: Statement<[Buffer], GroupRow>
  private readonly changed: Statement<[Revision], GroupRow>
  private readonly values: Statement<[Revision, string, number, number, string, Buffer, number]>
  private readonly upsert: Statement<Record<string, unknown>>
  private readonly failed: Statement<[Revision, number, number]>
  private readonly bury: Statement<[Revision, Revision, number]>
  private readonly holders: Statement<[string], { meaning: string; holders: number }>
  private readonly addClaim: Statement<[string, string, number]>
  private readonly dropClaims: Statement<[string, string]>
  private readonly nameSets: Statement<[string], string>
  private readonly addNameSet: Statement<[string, string, number]>
  private readonly dropNameSet: Statement<[string, string]>
  private readonly meta: Statement<[], Meta>
  private readonly saveMeta: Statement<[Revision, number, number]>
  private readonly nonceAt: Statement<[Revision], string>
  private readonly addNonce: Statement<[Revision, string]>

  constructor(db: Database) {
    this.head = db.prepare(
      `SELECT id, live, partition, name_set, revision, shape_revision, shape, created_time_us,
              push_time_us, failure_time_us, inconsistent, samples FROM groups WHERE key = ?`,
    )
    this.body = db.prepare('SELECT families, exposition FROM groups WHERE id = ?')
    this.row = db.prepare(`SELECT ${ROW} FROM groups WHERE key = ? AND live = 1`)
    this.changed = db.prepare(
      `SELECT ${ROW} FROM groups WHERE revision > ? ORDER BY revision LIMIT 1`,
    )
    this.values = db.prepare(
      `UPDATE groups SET revision = ?, shape = ?, push_time_us = ?, samples = ?, families = ?, exposition = ?
        WHERE id = ?`,
    )
    this.upsert = db.prepare(
      `INSERT INTO groups (key, labels, partition, name_set, live, revision, shape_revision, shape,
                           created_time_us, push_time_us, failure_time_us, inconsistent, samples, families, exposition)
       VALUES (@key, @labels, @partition, @nameSet, 1, @revision, @revision, @shape,
               @createdTimeUs, @pushTimeUs, @failureTimeUs, @inconsistent, @samples, @families, @exposition)
       ON CONFLICT (key) DO UPDATE SET
         live = 1, revision = excluded.revision, shape_revision = excluded.shape_revision,
         shape = excluded.shape, created_time_us = excluded.created_time_us,
         push_time_us = excluded.push_time_us,
         failure_time_us = excluded.failure_time_us, inconsistent = excluded.inconsistent,
         samples = excluded.samples, families = excluded.families, exposition = excluded.exposition`,
    )
    this.failed = db.prepare('UPDATE groups SET revision = ?, failure_time_us = ? WHERE id = ?')
    this.bury = db.prepare(
      `UPDATE groups SET live = 0, revision = ?, shape_revision = ?, shape = '', push_time_us = 0,
              failure_time_us = 0, inconsistent = 0, samples = 0, families = '[]', exposition = x''
        WHERE id = ?`,
    )
    this.holders = db.prepare('SELECT meaning, holders FROM claims WHERE name = ?')
    this.addClaim = db.prepare(
      `INSERT INTO claims (name, meaning, holders) VALUES (?, ?, ?)
       ON CONFLICT (name, meaning) DO UPDATE SET holders = holders + excluded.holders`,
    )
    this.dropClaims = db.prepare(
      'DELETE FROM claims WHERE name = ? AND meaning = ? AND holders = 0',
    )
    this.nameSets = db
      .prepare<[string], string>('SELECT name_set FROM name_sets WHERE partition = ?')
      .pluck()
    this.addNameSet = db.prepare(
      `INSERT INTO name_sets (partition, name_set, groups) VALUES (?, ?, ?)
       ON CONFLICT (partition, name_set) DO UPDATE SET groups = groups + excluded.groups`,
    )
    this.dropNameSet = db.prepare(
      'DELETE FROM name_sets WHERE partition = ? AND name_set = ? AND groups = 0',
    )
    this.meta = db.prepare('SELECT epoch, revision, floor, groups, samples FROM meta')
    this.saveMeta = db.prepare('UPDATE meta SET revision = ?, groups = ?, samples = ?')
    this.nonceAt = db
      .prepare<[Revision], string>('SELECT nonce FROM commits WHERE revision = ?')
      .pluck()
    this.addNonce = db.prepare('INSERT INTO commits (revision, nonce) VALUES (?, ?)')
  }

  readMeta(): Meta {
    const meta = this.meta.get()
    if (meta === undefined) throw new Error('the table meta is empty')
    return meta
  }

  /** Ends the writes of a transaction: `meta` is what they made of it. */
  finish(meta: Meta, nonce: string): void {
    this.saveMeta.run(meta.revision, meta.groups, meta.samples)
    this.addNonce.run(meta.revision, nonce)
  }

  nonceOf(revision: Revision): string | undefined {
    return this.nonceAt.get(revision)
  }

  readGroup(key: Buffer): StoredGroup | null {
    const row = this.row.get(key)
    return row === undefined ? null : toGroup(row)
  }

  /** Live groups and tombstones after a revision, in order of revision. */
  *changedAfter(revision: Revision): Generator<GroupRow> {
    // Each has a revision of its own.
    let row = this.changed.get(revision)
    while (row !== undefined) {
      yield row
      row = this.changed.get(row.revision)
    }
  }

  /** Judges and makes one write; counts it into `meta`. */
  apply(write: GroupWrite, meta: Meta, timeUs: number): ApplyResult {
    switch (write.kind) {
      case 'replace':
      case 'merge':
        return this.push(write, meta, timeUs)
      case 'fail':
        return this.fail(write, meta, timeUs)
      case 'restore':
        return this.restore(write, meta)
      case 'delete':
        return this.delete(write, meta)
    }
  }

  private push(write: ReplaceGroup | MergeGroup, meta: Meta, timeUs: number): ApplyResult {
    const head = this.head.get(write.key)
    const live = head?.live === 1 ? head : undefined
    // Judging by the digest alone spares the usual PUT from reading what it replaces.
    if (live !== undefined && write.kind === 'replace' && live.shape === write.shape) {
      return this.putValues(
        write,
        live,
        encodePushed(write.families),
        countSamples(write.families),
        meta,
        timeUs,
      )
    }
    const stored = live === undefined ? [] : this.familiesOf(live)
    const change = familyChange(write, stored)
    const after = familiesAfter(change, timeUs)
    if (live !== undefined && hasSameShape(write, stored)) {
      return this.putValues(
        write,
        live,
        encodeFamilies(after, timeUs),
        countSamples(after),
        meta,
        timeUs,
      )
    }
    const unguarded = this.uncovered(write)
    if (unguarded !== undefined) return unguarded
    const { broken, contradiction } = judgeClaims(
      change.incoming,
      change.outgoing,
      change.staying,
      (name) => this.holdersOf(name),
    )
    if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
    const inconsistent =
      staysInconsistent(write, live?.inconsistent === 1) || contradiction !== undefined
    this.countClaims(change.incoming, change.outgoing)
    const samples = countSamples(after)
    const { index, exposition } = encodeFamilies(after, timeUs)
    this.store(write, meta, live, {
      shape: write.kind === 'replace' ? write.shape : '',
      createdTimeUs: live?.created_time_us ?? timeUs,
      pushTimeUs: timeUs,
      failureTimeUs: live?.failure_time_us ?? 0,
      inconsistent: inconsistent ? 1 : 0,
      samples,
      families: index,
      exposition,
    })
    return { kind: 'applied', epoch: meta.epoch, revision: meta.revision, inconsistent }
  }

  private putValues(
    write: ReplaceGroup | MergeGroup,
    head: Head,
    { index, exposition }: EncodedFamilies,
    samples: number,
    meta: Meta,
    timeUs: number,
  ): ApplyResult {
    meta.revision++
    meta.samples += samples - head.samples
    // After a merge the digest over all families is not known; the next PUT brings it back.
    const shape = write.kind === 'replace' ? write.shape : head.shape
    this.values.run(meta.revision, shape, timeUs, samples, index, exposition, head.id)
    return {
      kind: 'applied',
      epoch: meta.epoch,
      revision: meta.revision,
      inconsistent: head.inconsistent === 1,
    }
  }

  private fail(write: RecordFailure, meta: Meta, timeUs: number): ApplyResult {
    const head = this.head.get(write.key)
    if (head?.live === 1) {
      meta.revision++
      this.failed.run(meta.revision, timeUs, head.id)
      return {
        kind: 'applied',
        epoch: meta.epoch,
        revision: meta.revision,
        inconsistent: head.inconsistent === 1,
      }
    }
    const unguarded = this.uncovered(write)
    if (unguarded !== undefined) return unguarded
    this.store(write, meta, undefined, {
      shape: '',
      createdTimeUs: timeUs,
      pushTimeUs: 0,
      failureTimeUs: timeUs,
      inconsistent: 0,
      samples: 0,
      families: '[]',
      exposition: Buffer.alloc(0),
    })
    return { kind: 'applied', epoch: meta.epoch, revision: meta.revision, inconsistent: false }
  }

  private restore(write: RestoreGroup, meta: Meta): ApplyResult {
    if (this.head.get(write.key)?.live === 1) return { kind: 'unchanged' }
    const unguarded = this.uncovered(write)
    if (unguarded !== undefined) return unguarded
    const { broken, contradiction } = judgeClaims(write.families, [], [], (name) =>
      this.holdersOf(name),
    )
    if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
    const inconsistent = write.knownInconsistent || contradiction !== undefined
    this.countClaims(write.families, [])
    const { index, exposition } = encodeFamilies(sortedByName(write.families), write.pushTimeUs)
    this.store(write, meta, undefined, {
      shape: write.shape,
      createdTimeUs: write.createdTimeUs,
      pushTimeUs: write.pushTimeUs,
      failureTimeUs: write.failureTimeUs,
      inconsistent: inconsistent ? 1 : 0,
      samples: countSamples(write.families),
      families: index,
      exposition,
    })
    return { kind: 'applied', epoch: meta.epoch, revision: meta.revision, inconsistent }
  }

  private delete(write: DeleteGroup, meta: Meta): ApplyResult {
    const head = this.head.get(write.key)
    if (head?.live !== 1) return { kind: 'unchanged' }
    if (write.notAfter !== undefined && head.revision > write.notAfter) return { kind: 'unchanged' }
    this.countClaims([], this.familiesOf(head))
    this.addNameSet.run(head.partition, head.name_set, -1)
    this.dropNameSet.run(head.partition, head.name_set)
    meta.revision++
    meta.groups--
    meta.samples -= head.samples
    this.bury.run(meta.revision, meta.revision, head.id)
    return { kind: 'applied', epoch: meta.epoch, revision: meta.revision, inconsistent: false }
  }

  private store(
    write: ReplaceGroup | MergeGroup | RecordFailure | RestoreGroup,
    meta: Meta,
    live: Head | undefined,
    columns: {
      shape: string
      createdTimeUs: number
      pushTimeUs: number
      failureTimeUs: number
      inconsistent: number
      samples: number
      families: string
      exposition: Buffer
    },
  ): void {
    if (live === undefined) {
      this.addNameSet.run(write.partition, write.nameSet, 1)
      meta.groups++
    }
    meta.samples += columns.samples - (live?.samples ?? 0)
    meta.revision++
    this.upsert.run({
      key: write.key,
      labels: write.description,
      partition: write.partition,
      nameSet: write.nameSet,
      revision: meta.revision,
      ...columns,
    })
  }

  /** Undefined when the guard of a write covers all that its judgement depends on. */
  private uncovered(write: {
    partition: string
    nameSet: string
    guard: Guard
  }): ApplyResult | undefined {
    const held = this.nameSets.all(write.partition)
    const others = held.filter((nameSet) => nameSet !== write.nameSet)
    const judged = new Set(write.guard.nameSets)
    const covered =
      others.every((nameSet) => judged.has(nameSet)) &&
      write.guard.groups.every(({ key, shapeRevision }) => {
        const head = this.head.get(key)
        return (head?.live === 1 ? head.shape_revision : 0) === shapeRevision
      })
    return covered ? undefined : { kind: 'unguarded', nameSets: others }
  }

  private familiesOf(head: Head): StoredFamily[] {
    const body = this.body.get(head.id)
    if (body === undefined) return []
    return decodeFamilies(body.families, body.exposition, head.push_time_us)
  }

  private holdersOf(name: string): Map<string, number> {
    return new Map(this.holders.all(name).map(({ meaning, holders }) => [meaning, holders]))
  }

  private countClaims(
    incoming: readonly { readonly claims: readonly Claim[] }[],
    outgoing: readonly { readonly claims: readonly Claim[] }[],
  ): void {
    for (const { claim, delta } of claimDeltas(incoming, outgoing)) {
      this.addClaim.run(claim[0], claim[1], delta)
      if (delta < 0) this.dropClaims.run(claim[0], claim[1])
    }
  }
}

export function toGroup(row: GroupRow): StoredGroup {
  return {
    key: row.key,
    revision: row.revision,
    shapeRevision: row.shape_revision,
    createdTimeUs: row.created_time_us,
    pushTimeUs: row.push_time_us,
    failureTimeUs: row.failure_time_us,
    inconsistent: row.inconsistent === 1,
    families: decodeFamilies(row.families, row.exposition, row.push_time_us),
  }
}
