/**
 * The history: a row for each transaction, with where it took the store and which groups it wrote. It is written at
 * its end only, so a commit of one push writes two pages, one of them this table's; an index of the groups by
 * revision, a row of totals and a row of nonces made that five or six.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Revision } from '../group-store.ts'
import { DamagedRow } from './errors.ts'

/** Where the store stands. */
export interface Head {
  readonly epoch: string
  readonly floor: Revision
  readonly revision: Revision
  /** '' before the first write. */
  readonly nonce: string
  readonly groups: number
  readonly samples: number
}

/** What a transaction makes of it. */
export interface Progress {
  readonly epoch: string
  revision: Revision
  groups: number
  samples: number
  /** Ids of the written groups: one for each revision, in order. */
  readonly written: number[]
}

type HeadRow = [epoch: string, floor: number, ...last: [number, string, number, number] | null[]]

export class CommitTable {
  private readonly headRow: Statement<[], HeadRow>
  private readonly add: Statement<[Revision, string, number, number, string]>
  private readonly nonceAt: Statement<[Revision], string>
  private readonly first: Statement<[], [Revision, string]>
  private readonly after: Statement<[Revision], [Revision, string]>
  private readonly drop: Statement<[Revision]>

  constructor(db: Database) {
    this.headRow = db
      .prepare<[], HeadRow>(
        `SELECT epoch, floor, c.revision, nonce, groups, samples
           FROM meta LEFT JOIN commits AS c ON c.revision = (SELECT max(revision) FROM commits)`,
      )
      .raw()
    this.add = db.prepare(
      'INSERT INTO commits (revision, nonce, groups, samples, written) VALUES (?, ?, ?, ?, ?)',
    )
    this.nonceAt = db
      .prepare<[Revision], string>('SELECT nonce FROM commits WHERE revision = ?')
      .pluck()
    this.first = db
      .prepare<[], [Revision, string]>(
        'SELECT revision, written FROM commits ORDER BY revision LIMIT 1',
      )
      .raw()
    this.after = db
      .prepare<[Revision], [Revision, string]>(
        'SELECT revision, written FROM commits WHERE revision > ? ORDER BY revision',
      )
      .raw()
    this.drop = db.prepare('DELETE FROM commits WHERE revision <= ?')
  }

  head(): Head {
    const row = this.headRow.get()
    if (row === undefined) throw new DamagedRow('the table meta is empty')
    const [epoch, floor, revision, nonce, groups, samples] = row
    return {
      epoch,
      floor,
      revision: revision ?? 0,
      nonce: nonce ?? '',
      groups: groups ?? 0,
      samples: samples ?? 0,
    }
  }

  /** Ends the writes of a transaction. */
  append({ revision, groups, samples, written }: Progress, nonce: string): void {
    this.add.run(revision, nonce, groups, samples, JSON.stringify(written))
  }

  /** Undefined when no transaction ended there, or it was dropped. */
  nonceOf(revision: Revision): string | undefined {
    return this.nonceAt.get(revision)
  }

  /** After which revision all writes are in the table; undefined while it is empty. */
  oldest(): Revision | undefined {
    const row = this.first.get()
    return row === undefined ? undefined : row[0] - parseIds(row[1]).length
  }

  /** The groups written after a revision, each with the last revision it has here, in order of those. */
  writtenAfter(after: Revision): Map<number, Revision> {
    const latest = new Map<number, Revision>()
    for (const [last, written] of this.after.all(after)) {
      const ids = parseIds(written)
      let revision = last - ids.length
      for (const id of ids) {
        if (++revision <= after) continue
        latest.delete(id)
        latest.set(id, revision)
      }
    }
    return latest
  }

  dropUpTo(revision: Revision): void {
    this.drop.run(revision)
  }
}

function parseIds(written: string): number[] {
  try {
    const ids: unknown = JSON.parse(written)
    if (Array.isArray(ids)) return ids as number[]
  } catch (error) {
    throw new DamagedRow('a list of written groups cannot be read', { cause: error })
  }
  throw new DamagedRow('a list of written groups is none')
}
