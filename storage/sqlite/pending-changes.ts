/**
 * Which groups a reader has yet to be told of, in order of their last write. Usually that is in the history; where it
 * does not reach back so far, or is longer than the list of all groups, it is that list. It is kept from page to page.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Revision } from '../group-store.ts'
import type { CommitTable, Head } from './commit-table.ts'

/** A group and the revision of its last write. */
export type Pending = [revision: Revision, id: number]

/** Up to so many writes the history is always the shorter way. */
const FEW_WRITES = 1000

interface List {
  readonly epoch: string
  /** All changes after `from` and up to `head` are in it. */
  readonly from: Revision
  readonly head: Revision
  readonly nonce: string
  readonly entries: readonly Pending[]
}

export class PendingChanges {
  private readonly commits: CommitTable
  private readonly all: Statement<[Revision], Pending>
  private kept: List | undefined

  constructor(db: Database, commits: CommitTable) {
    this.commits = commits
    this.all = db
      .prepare<[Revision], Pending>(
        'SELECT revision, id FROM groups WHERE revision > ? ORDER BY revision',
      )
      .raw()
  }

  /**
   * Groups that changed after a revision. Some may have changed once more since they were listed: then they are in the
   * list again, and the first place does not count.
   */
  after(after: Revision, head: Head): readonly Pending[] {
    const { kept } = this
    let entries: readonly Pending[]
    if (kept !== undefined && this.isPart(kept, after, head)) {
      const more = this.list(kept.head, head)
      const rest = kept.entries.slice(firstAfter(kept.entries, after))
      entries = more.length === 0 ? rest : rest.concat(more)
    } else {
      entries = this.list(after, head)
    }
    const { epoch, revision, nonce } = head
    this.kept = { epoch, from: after, head: revision, nonce, entries }
    return entries
  }

  /** Nobody reads on from here. */
  forget(): void {
    this.kept = undefined
  }

  private isPart(list: List, after: Revision, head: Head): boolean {
    return (
      list.from <= after &&
      after <= list.head &&
      list.epoch === head.epoch &&
      list.head <= head.revision &&
      this.commits.nonceOf(list.head) === list.nonce
    )
  }

  private list(after: Revision, { revision, groups }: Head): Pending[] {
    if (revision <= after) return []
    const oldest = this.commits.oldest()
    const isKnown = oldest !== undefined && oldest <= after
    if (!isKnown || revision - after > FEW_WRITES + 4 * groups) return this.all.all(after)
    return Array.from(this.commits.writtenAfter(after), ([id, at]): Pending => [at, id])
  }
}

function firstAfter(entries: readonly Pending[], after: Revision): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]![0] <= after) low = middle + 1
    else high = middle
  }
  return low
}
