/** Rule: each revision is one write that somebody asked for; a write that takes effect twice has two. */
import type { History } from '../history.ts'
import type { Violation } from './verdict.ts'

/** Only for runs without failovers, which give the revisions that they lost to other writes. */
export function checkRevisions({ writes, scrapes }: History): Violation[] {
  const head = scrapes.reduce((highest, { position }) => {
    return Math.max(highest, position?.revision ?? 0)
  }, 0)
  const claimed = new Set<number>()
  let others = 0
  for (const { outcome, kind } of writes) {
    if (outcome.kind !== 'acknowledged') {
      // A refused push may be recorded in its group.
      if (outcome.kind !== 'failed') others++
    } else if (outcome.position === undefined) {
      // A delete of nothing makes none.
      if (kind !== 'delete') others++
    } else if (outcome.position.revision <= head) {
      claimed.add(outcome.position.revision)
    }
  }
  const unclaimed = head - claimed.size
  if (unclaimed <= others) return []
  const what = `${unclaimed} of ${head} revisions are of no acknowledged write, and only ${others} others can have made one`
  return [{ rule: 'a revision for each write', what, at: 0 }]
}
