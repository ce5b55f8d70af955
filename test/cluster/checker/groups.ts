/**
 * Rule: what a page shows of a group is what all writes up to the page's revision make of it. So nothing that was
 * acknowledged is lost, nothing comes back, nothing takes effect twice, and what came in one push is seen together.
 */
import type { History, Write } from '../history.ts'
import type { Eras } from './eras.ts'
import { GroupCheck, type GroupResults } from './group-check.ts'
import { snapshotsOf } from './snapshots.ts'
import type { Guarantee } from './verdict.ts'
import { revisionOf } from './writes.ts'

export function checkGroups(history: History, eras: Eras, guarantee: Guarantee): GroupResults {
  const snapshots = Array.from({ length: eras.count }, (_, era) =>
    snapshotsOf(history.scrapes.filter((scrape) => eras.of(scrape) === era)),
  )
  const byGroup = new Map<string, Write[]>()
  for (const write of history.writes) {
    const writes = byGroup.get(write.group)
    if (writes === undefined) byGroup.set(write.group, [write])
    else writes.push(write)
  }
  const results: GroupResults = {
    violations: [],
    losses: [],
    compared: 0,
    changed: 0,
    ambiguousSeen: 0,
  }
  const durable = Array.from({ length: eras.count }, (_, era) => {
    const before = eras.endOfPrevious(era)
    const settled = history.writes.filter(({ endedAt }) => endedAt < before)
    return settled.reduce((highest, write) => Math.max(highest, revisionOf(write) ?? 0), 0)
  })
  const amidst = history.scrapes.filter((scrape) => eras.of(scrape) === undefined)
  for (const [group, writes] of byGroup) {
    const check = new GroupCheck(group, writes, eras, guarantee, results)
    check.run(snapshots, durable)
    if (guarantee === 'lossless') check.lookAmidst(amidst, snapshots, durable)
  }
  return results
}
