/**
 * The statements of the SQLite store and what they mean: one write inside an open transaction, and
 * reading. No transactions are begun or ended here, and no errors translated. Rows are read as arrays: objects with
 * named columns cost better-sqlite3 twice as much.
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
  familiesAfter,
  familyChange,
  hasSameShape,
  sortedByName,
  staysInconsistent,
} from '../merge-families.ts'
import { hasLayout, type Layout } from '../layout.ts'
import { packedOf, unpack } from '../packed-families.ts'
import type { Progress } from './commit-table.ts'
import { groupOfRow, STATE, type GroupState } from './group-row.ts'
import type { LayoutTable } from './layout-table.ts'
import { readRow, rowOfPushed, rowOfStored, type PackedRow } from './packed-row.ts'

/** What a write has to know of the group that is there. */
type HeadRow = [
  id: number,
  live: number,
  layout: string,
  inconsistent: number,
  revision: Revision,
  shapeRevision: Revision,
  createdTimeUs: number,
  pushTimeUs: number,
  failureTimeUs: number,
]

interface StoredHead {
  readonly id: number
  readonly live: boolean
  readonly layout: string
  readonly inconsistent: boolean
  readonly revision: Revision
  readonly shapeRevision: Revision
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
}

const HEAD =
  'id, live, layout, inconsistent, revision, shape_revision, created_time_us, push_time_us, failure_time_us'

type BodyRow = [lengths: string, pushedBeforeUs: string, exposition: Buffer]

/** What a write that is not of the stored shape makes of a row. */
interface NewState extends PackedRow {
  readonly layout: Layout
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
  readonly inconsistent: boolean
}

type StateColumns = [
  revision: Revision,
  shapeRevision: Revision,
  createdTimeUs: number,
  pushTimeUs: number,
  failureTimeUs: number,
  inconsistent: number,
  layout: string,
  lengths: string,
  pushedBeforeUs: string,
  exposition: Buffer,
]

const EMPTY: PackedRow = rowOfStored([], 0)

export class GroupTable {
  private readonly layouts: LayoutTable
  private readonly head: Statement<[Buffer], HeadRow>
  private readonly body: Statement<[number], BodyRow>
  private readonly place: Statement<[number], [partition: string, nameSet: string]>
  private readonly rowByKey: Statement<[Buffer], [...GroupState, exposition: Buffer]>
  private readonly values: Statement<[Revision, number, string, Buffer, number]>
  private readonly valuesAndLayout: Statement<
    [Revision, number, string, string, string, Buffer, number]
  >
  private readonly insert: Statement<[Buffer, string, string, string, ...StateColumns]>
  private readonly update: Statement<[...StateColumns, number]>
  private readonly failed: Statement<[Revision, number, number]>
  private readonly bury: Statement<[Revision, Revision, number]>
  private readonly holders: Statement<[string], [meaning: string, holders: number]>
  private readonly addClaim: Statement<[string, string, number]>
  private readonly dropClaims: Statement<[string, string]>
  private readonly nameSets: Statement<[string], string>
  private readonly addNameSet: Statement<[string, string, number]>
  private readonly dropNameSet: Statement<[string, string]>

  constructor(db: Database, layouts: LayoutTable) {
    this.layouts = layouts
    this.head = db.prepare<[Buffer], HeadRow>(`SELECT ${HEAD} FROM groups WHERE key = ?`).raw()
    this.body = db
      .prepare<[number], BodyRow>(
        'SELECT lengths, pushed_before_us, exposition FROM groups WHERE id = ?',
      )
      .raw()
    this.place = db
      .prepare<[number], [string, string]>('SELECT partition, name_set FROM groups WHERE id = ?')
      .raw()
    this.rowByKey = db
      .prepare<[Buffer], [...GroupState, Buffer]>(
        `SELECT ${STATE}, exposition FROM groups WHERE key = ? AND live = 1`,
      )
      .raw()
    this.values = db.prepare(
      `UPDATE groups SET revision = ?, push_time_us = ?, lengths = ?, pushed_before_us = '', exposition = ?
        WHERE id = ?`,
    )
    this.valuesAndLayout = db.prepare(
      `UPDATE groups SET revision = ?, push_time_us = ?, layout = ?, lengths = ?, pushed_before_us = ?,
              exposition = ?
        WHERE id = ?`,
    )
    this.insert = db.prepare(
      `INSERT INTO groups (key, labels, partition, name_set, live, revision, shape_revision, created_time_us,
                           push_time_us, failure_time_us, inconsistent, layout, lengths, pushed_before_us, exposition)
       VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.update = db.prepare(
      `UPDATE groups SET live = 1, revision = ?, shape_revision = ?, created_time_us = ?, push_time_us = ?,
              failure_time_us = ?, inconsistent = ?, layout = ?, lengths = ?, pushed_before_us = ?, exposition = ?
        WHERE id = ?`,
    )
    this.failed = db.prepare('UPDATE groups SET revision = ?, failure_time_us = ? WHERE id = ?')
    this.bury = db.prepare(
      `UPDATE groups SET live = 0, revision = ?, shape_revision = ?, push_time_us = 0, failure_time_us = 0,
              inconsistent = 0, layout = '', lengths = '[]', pushed_before_us = '', exposition = x''
        WHERE id = ?`,
    )
    this.holders = db
      .prepare<[string], [string, number]>('SELECT meaning, holders FROM claims WHERE name = ?')
      .raw()
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
  }

  readGroup(key: Buffer): StoredGroup | null {
    const row = this.rowByKey.get(key)
    return row === undefined ? null : groupOfRow(key, row, row[10], this.layouts)
  }

  /** Judges and makes one write; counts it into `progress`. */
  apply(write: GroupWrite, progress: Progress, timeUs: number): ApplyResult {
    switch (write.kind) {
      case 'replace':
        return this.replaceValues(write, progress, timeUs) ?? this.push(write, progress, timeUs)
      case 'merge':
        return this.push(write, progress, timeUs)
      case 'fail':
        return this.fail(write, progress, timeUs)
      case 'restore':
        return this.restore(write, progress)
      case 'delete':
        return this.delete(write, progress)
    }
  }

  /** The usual PUT: the stored families with new values. Undefined when it is another one. */
  private replaceValues(
    write: ReplaceGroup,
    progress: Progress,
    timeUs: number,
  ): ApplyResult | undefined {
    const row = this.head.get(write.key)
    if (row === undefined) return undefined
    const [id, live, layout, inconsistent] = row
    const packed = packedOf(write)
    if (live !== 1 || !hasLayout(packed.families, this.layouts.get(layout))) return undefined
    const { lengths, exposition } = rowOfPushed(packed)
    const revision = written(progress, id)
    this.values.run(revision, timeUs, lengths, exposition, id)
    return { kind: 'applied', epoch: progress.epoch, revision, inconsistent: inconsistent === 1 }
  }

  private push(write: ReplaceGroup | MergeGroup, progress: Progress, timeUs: number): ApplyResult {
    const head = this.headOf(write.key)
    const live = head?.live === true ? head : undefined
    const before = live === undefined ? undefined : this.layouts.get(live.layout)
    const sameShape = before !== undefined && hasSameShape(write, before.families)
    const change =
      write.kind === 'merge'
        ? familyChange(write, live === undefined ? [] : this.familiesOf(live))
        : { incoming: write.families, outgoing: before?.families ?? [], staying: [] }
    const families = familiesAfter(change, timeUs)
    const layout = this.layouts.of(families)
    let inconsistent = live?.inconsistent ?? false
    if (!sameShape) {
      const unguarded = this.uncovered(write)
      if (unguarded !== undefined) return unguarded
      const { broken, contradiction } = judgeClaims(
        change.incoming,
        change.outgoing,
        change.staying,
        (name) => this.holdersOf(name),
      )
      if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
      inconsistent = staysInconsistent(write, inconsistent) || contradiction !== undefined
    }
    if (before?.id !== layout.id) this.countClaims(change.incoming, change.outgoing)
    const packed = rowOfStored(families, timeUs)
    if (live !== undefined && sameShape) {
      return this.putValues(live, layout, packed, progress, timeUs)
    }
    return this.store(write, progress, head, {
      ...packed,
      layout,
      createdTimeUs: live?.createdTimeUs ?? timeUs,
      pushTimeUs: timeUs,
      failureTimeUs: live?.failureTimeUs ?? 0,
      inconsistent,
    })
  }

  private putValues(
    { id, layout: before, inconsistent }: StoredHead,
    layout: Layout,
    { lengths, pushedBeforeUs, exposition }: PackedRow,
    progress: Progress,
    timeUs: number,
  ): ApplyResult {
    progress.samples += layout.sampleCount - this.layouts.get(before).sampleCount
    this.layouts.move(before, layout)
    const revision = written(progress, id)
    this.valuesAndLayout.run(revision, timeUs, layout.id, lengths, pushedBeforeUs, exposition, id)
    return { kind: 'applied', epoch: progress.epoch, revision, inconsistent }
  }

  private fail(write: RecordFailure, progress: Progress, timeUs: number): ApplyResult {
    const head = this.headOf(write.key)
    if (head?.live === true) {
      const revision = written(progress, head.id)
      this.failed.run(revision, timeUs, head.id)
      const { epoch } = progress
      return { kind: 'applied', epoch, revision, inconsistent: head.inconsistent }
    }
    const unguarded = this.uncovered(write)
    if (unguarded !== undefined) return unguarded
    return this.store(write, progress, head, {
      ...EMPTY,
      layout: this.layouts.of([]),
      createdTimeUs: timeUs,
      pushTimeUs: 0,
      failureTimeUs: timeUs,
      inconsistent: false,
    })
  }

  private restore(write: RestoreGroup, progress: Progress): ApplyResult {
    const head = this.headOf(write.key)
    if (head?.live === true) return { kind: 'unchanged' }
    const unguarded = this.uncovered(write)
    if (unguarded !== undefined) return unguarded
    const { broken, contradiction } = judgeClaims(write.families, [], [], (name) =>
      this.holdersOf(name),
    )
    if (broken !== undefined && write.rules === 'enforce') return { kind: 'refused', ...broken }
    this.countClaims(write.families, [])
    const families = sortedByName(write.families)
    return this.store(write, progress, head, {
      ...rowOfStored(families, write.pushTimeUs),
      layout: this.layouts.of(families),
      createdTimeUs: write.createdTimeUs,
      pushTimeUs: write.pushTimeUs,
      failureTimeUs: write.failureTimeUs,
      inconsistent: write.knownInconsistent || contradiction !== undefined,
    })
  }

  private delete(write: DeleteGroup, progress: Progress): ApplyResult {
    const head = this.headOf(write.key)
    if (head?.live !== true) return { kind: 'unchanged' }
    if (write.notAfter !== undefined && head.revision > write.notAfter) return { kind: 'unchanged' }
    const { families, sampleCount } = this.layouts.get(head.layout)
    this.countClaims([], families)
    progress.samples -= sampleCount
    progress.groups--
    this.layouts.move(head.layout, undefined)
    const [partition, nameSet] = this.place.get(head.id)!
    this.addNameSet.run(partition, nameSet, -1)
    this.dropNameSet.run(partition, nameSet)
    const revision = written(progress, head.id)
    this.bury.run(revision, revision, head.id)
    return { kind: 'applied', epoch: progress.epoch, revision, inconsistent: false }
  }

  /** Writes a row whole. `head` is that of the group, or of its tombstone. */
  private store(
    write: ReplaceGroup | MergeGroup | RecordFailure | RestoreGroup,
    progress: Progress,
    head: StoredHead | undefined,
    state: NewState,
  ): ApplyResult {
    const { layout } = state
    if (head?.live !== true) {
      this.addNameSet.run(write.partition, write.nameSet, 1)
      progress.groups++
    } else {
      progress.samples -= this.layouts.get(head.layout).sampleCount
    }
    progress.samples += layout.sampleCount
    this.layouts.move(head?.layout ?? '', layout)
    const revision = ++progress.revision
    const columns: StateColumns = [
      revision,
      revision,
      state.createdTimeUs,
      state.pushTimeUs,
      state.failureTimeUs,
      state.inconsistent ? 1 : 0,
      layout.id,
      state.lengths,
      state.pushedBeforeUs,
      state.exposition,
    ]
    if (head !== undefined) {
      this.update.run(...columns, head.id)
      progress.written.push(head.id)
    } else {
      const { key, description, partition, nameSet } = write
      const { lastInsertRowid } = this.insert.run(key, description, partition, nameSet, ...columns)
      progress.written.push(Number(lastInsertRowid))
    }
    return { kind: 'applied', epoch: progress.epoch, revision, inconsistent: state.inconsistent }
  }

  /** Undefined when the guard of a write covers all that its judgement depends on. */
  private uncovered({
    partition,
    nameSet: own,
    guard,
  }: {
    partition: string
    nameSet: string
    guard: Guard
  }): ApplyResult | undefined {
    const held = this.nameSets.all(partition)
    const others = held.filter((nameSet) => nameSet !== own)
    const judged = new Set(guard.nameSets)
    const covered =
      others.every((nameSet) => judged.has(nameSet)) &&
      guard.groups.every(({ key, shapeRevision }) => {
        const head = this.headOf(key)
        return (head?.live === true ? head.shapeRevision : 0) === shapeRevision
      })
    return covered ? undefined : { kind: 'unguarded', nameSets: others }
  }

  private headOf(key: Buffer): StoredHead | undefined {
    const row = this.head.get(key)
    if (row === undefined) return undefined
    const [id, live, layout, inconsistent, revision, shapeRevision, ...times] = row
    const [createdTimeUs, pushTimeUs, failureTimeUs] = times
    return {
      id,
      live: live === 1,
      layout,
      inconsistent: inconsistent === 1,
      revision,
      shapeRevision,
      createdTimeUs,
      pushTimeUs,
      failureTimeUs,
    }
  }

  private familiesOf({ id, layout, pushTimeUs }: StoredHead): StoredFamily[] {
    const [lengths, pushedBeforeUs, exposition] = this.body.get(id)!
    const row = { lengths, pushedBeforeUs, exposition }
    return unpack(readRow(row, this.layouts.get(layout), pushTimeUs), pushTimeUs)
  }

  private holdersOf(name: string): Map<string, number> {
    return new Map(this.holders.all(name))
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

/** The next revision, taken by a write to this group. */
function written(progress: Progress, id: number): Revision {
  progress.written.push(id)
  return ++progress.revision
}
