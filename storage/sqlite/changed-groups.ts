/**
 * Reading many groups at once. First what their rows say of them, then the texts of as many as are wanted, joined by
 * SQLite into one Buffer: a Buffer a row took half as long again, and five thousand of them stay in memory, in pieces, until
 * a collection of garbage that comes late.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Revision, StoredGroup } from '../group-store.ts'
import { DamagedRow } from './errors.ts'
import { groupOfRow, STATE, type GroupState } from './group-row.ts'
import type { LayoutTable } from './layout-table.ts'
import type { Pending } from './pending-changes.ts'

export interface ChangedGroup {
  readonly key: Buffer
  /** Null: it is gone. */
  readonly group: StoredGroup | null
}

export interface ChangedGroups {
  readonly items: readonly ChangedGroup[]
  /** Revision of the last one. */
  readonly upto: Revision
  /** True when none of those listed is left. */
  readonly complete: boolean
}

type StateRow = [...GroupState, id: number, keyBytes: number, textBytes: number]

/** About what a row costs to hand over besides its families. */
const ROW_BYTES = 256
/** So many rows are looked at by one statement. */
const BATCH = 256

export class ChangedGroupReader {
  private readonly layouts: LayoutTable
  private readonly states: Statement<[string], StateRow>
  private readonly texts: Statement<[string], [texts: Buffer, ids: string]>

  constructor(db: Database, layouts: LayoutTable) {
    this.layouts = layouts
    // CROSS JOIN: in the order in which the ids are wanted.
    const wanted = 'FROM json_each(?) AS wanted CROSS JOIN groups ON groups.id = wanted.value'
    this.states = db
      .prepare<[string], StateRow>(
        `SELECT ${STATE}, groups.id, length(groups.key), length(exposition) ${wanted}`,
      )
      .raw()
    this.texts = db
      .prepare<[string], [Buffer, string]>(
        `SELECT CAST(group_concat(groups.key || exposition, '') AS BLOB), group_concat(groups.id) ${wanted}`,
      )
      .raw()
  }

  /**
   * Groups and tombstones that were listed with the revision of their last write, without those that were written again
   * since: the first one, and more until they are `bytesMax` together. To be called in a transaction.
   */
  read(listed: readonly Pending[], bytesMax: number): ChangedGroups {
    const items: ChangedGroup[] = []
    let upto = 0
    let bytes = 0
    for (let next = 0; next < listed.length; next += BATCH) {
      const batch = listed.slice(next, next + BATCH)
      const rows = this.unchanged(batch)
      let count = 0
      while (count < rows.length && bytes < bytesMax) bytes += ROW_BYTES + rows[count++]![12]
      this.add(items, rows.slice(0, count))
      if (count > 0) upto = rows[count - 1]![0]
      if (count < rows.length) return { items, upto, complete: false }
    }
    return { items, upto, complete: true }
  }

  /** The rows of these groups, but for those that were written since. */
  private unchanged(listed: readonly Pending[]): StateRow[] {
    const rows = this.states.all(JSON.stringify(listed.map(([, id]) => id)))
    const unchanged: StateRow[] = []
    let next = 0
    for (const [revision, id] of listed) {
      const row = rows[next]
      // A tombstone may be gone altogether.
      if (row?.[10] !== id) continue
      next++
      if (row[0] === revision) unchanged.push(row)
    }
    return unchanged
  }

  private add(items: ChangedGroup[], rows: readonly StateRow[]): void {
    if (rows.length === 0) return
    const wanted = rows.map((row) => row[10])
    const [texts, joined] = this.texts.get(JSON.stringify(wanted))!
    // SQLite promises no order for what it joins without being told one, and sorting would copy all of it.
    if (joined !== wanted.join(','))
      throw new Error('SQLite joined the texts of groups in another order')
    let at = 0
    for (const row of rows) {
      const key = texts.subarray(at, (at += row[11]))
      const text = texts.subarray(at, (at += row[12]))
      items.push({ key, group: row[1] === 1 ? groupOfRow(key, row, text, this.layouts) : null })
    }
    if (at !== texts.length) throw new DamagedRow('the texts of groups are not as long as they say')
  }
}
