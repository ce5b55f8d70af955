/**
 * Which keys changed after a revision, without looking at those that did not: an append-only log
 * that forgets entries a later change of the same key made pointless.
 */
import type { Revision } from './group-store.ts'

interface LogEntry {
  readonly revision: Revision
  readonly id: string
}

export class ChangeLog {
  private entries: LogEntry[] = []
  private readonly latest = new Map<string, Revision>()

  /** Revisions come in ascending order. */
  record(id: string, revision: Revision): void {
    this.entries.push({ revision, id })
    this.latest.set(id, revision)
    if (this.entries.length > 2 * this.latest.size + 1024) this.compact()
  }

  forget(id: string): void {
    this.latest.delete(id)
  }

  /** The keys whose last change came after a revision, in order of that change. */
  *after(revision: Revision): Generator<string> {
    for (let i = this.firstAfter(revision); i < this.entries.length; i++) {
      const entry = this.entries[i]!
      if (this.latest.get(entry.id) === entry.revision) yield entry.id
    }
  }

  private firstAfter(revision: Revision): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.entries[middle]!.revision <= revision) low = middle + 1
      else high = middle
    }
    return low
  }

  private compact(): void {
    this.entries = this.entries.filter(({ id, revision }) => this.latest.get(id) === revision)
  }
}
