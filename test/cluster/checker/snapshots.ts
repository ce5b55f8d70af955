/** What is known of the single revisions that were shown, in their order. */
import type { Content, Scrape, Write } from '../history.ts'
import { untilOf } from './writes.ts'

/** All that is known of one revision. */
export interface Snapshot {
  readonly revision: number
  readonly groups: ReadonlyMap<string, Content>
  /** Of the scrapes that showed this revision or a later one, the first end. */
  seenBy: number
  /** Of the scrapes that showed this revision or an earlier one, the last start. */
  notPastAt: number
}

/** Before the first write. */
export const BEGINNING: Snapshot = {
  revision: 0,
  groups: new Map(),
  seenBy: 0,
  notPastAt: -Infinity,
}

export function snapshotsOf(scrapes: readonly Scrape[]): Snapshot[] {
  const byRevision = new Map<number, Snapshot>()
  for (const { position, page, startedAt, endedAt } of scrapes) {
    if (position === undefined) continue
    const { revision } = position
    const known = byRevision.get(revision)
    if (known === undefined) {
      byRevision.set(revision, {
        revision,
        groups: page.groups,
        seenBy: endedAt,
        notPastAt: startedAt,
      })
    } else {
      known.seenBy = Math.min(known.seenBy, endedAt)
      known.notPastAt = Math.max(known.notPastAt, startedAt)
    }
  }
  const snapshots = [...byRevision.values()].sort((a, b) => a.revision - b.revision)
  for (const [i, snapshot] of snapshots.entries()) {
    snapshot.notPastAt = Math.max(snapshot.notPastAt, snapshots[i - 1]?.notPastAt ?? -Infinity)
  }
  for (const [i, snapshot] of [...snapshots.entries()].reverse()) {
    snapshot.seenBy = Math.min(snapshot.seenBy, snapshots[i + 1]?.seenBy ?? Infinity)
  }
  return snapshots
}

/** Whether a write can have taken effect between two snapshots. */
export function isWithin(write: Write, from: Snapshot, to: Snapshot): boolean {
  return write.startedAt < to.seenBy && untilOf(write) >= from.notPastAt
}
