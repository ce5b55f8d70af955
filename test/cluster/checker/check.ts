/** Holds a history against what the gateway promises. Pure: the same history has the same verdict. */
import type { History } from '../history.ts'
import { checkCoverage, type Minimums } from './coverage.ts'
import { checkEnd } from './end.ts'
import { checkEqualPages } from './equal-pages.ts'
import { Eras } from './eras.ts'
import { checkGroups } from './groups.ts'
import { checkOrder } from './order.ts'
import { checkPages } from './pages.ts'
import { checkRevisions } from './revisions.ts'
import type { Counts, Guarantee, Verdict } from './verdict.ts'

export interface CheckOptions {
  readonly guarantee: Guarantee
  /** Counts that must be reached. */
  readonly minimums: Minimums
  /** Names of those that must show the same page in the end. */
  readonly targets: readonly string[]
}

export function check(history: History, { guarantee, minimums, targets }: CheckOptions): Verdict {
  const eras = new Eras(history.failovers)
  const order = checkOrder(history, eras, guarantee)
  const equal = checkEqualPages(history, eras)
  const groups = checkGroups(history, eras, guarantee)
  const { writes, scrapes, failedScrapes } = history
  const outcomes = { acknowledged: 0, refused: 0, failed: 0, ambiguous: 0 }
  for (const { outcome } of writes) outcomes[outcome.kind]++
  const failed = [...failedScrapes.values()].reduce((total, count) => total + count, 0)
  const counts: Counts = {
    operations: writes.length + scrapes.length + failed,
    ...outcomes,
    ambiguousSeen: groups.ambiguousSeen,
    scrapes: scrapes.length,
    failedScrapes: failed,
    revisions: new Set(scrapes.map(({ position }) => position?.revision)).size,
    inOrder: order.compared,
    freshElsewhere: order.freshElsewhere,
    equalPages: equal.compared,
    groups: groups.compared,
    changedGroups: groups.changed,
  }
  const violations = [
    ...checkPages(history),
    ...order.violations,
    ...equal.violations,
    ...groups.violations,
    ...(eras.count === 1 ? checkRevisions(history) : []),
    ...checkEnd(history, targets),
    ...checkCoverage(counts, minimums),
  ].sort((a, b) => a.at - b.at)
  return { violations, losses: groups.losses, counts }
}
