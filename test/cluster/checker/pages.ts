/** Rule: only what is valid is taken; a page is a valid exposition, of which everything was pushed before. */
import type { History, ObservedPage, Scrape, Write } from '../history.ts'
import type { Violation } from './verdict.ts'

export function checkPages({ writes, scrapes }: History): Violation[] {
  const byValue = new Map(writes.map((write) => [write.value, write]))
  const checked = new Set<ObservedPage>()
  const violations = writes
    .filter(({ isFlawed, outcome }) => isFlawed && outcome.kind === 'acknowledged')
    .map(({ value, target, startedAt }): Violation => {
      const what = `${target} acknowledged ${value}, which is no valid push`
      return { rule: 'nothing invalid is taken', what, at: startedAt }
    })
  // The first to show a page is the one that could have shown it too early.
  for (const scrape of [...scrapes].sort((a, b) => a.endedAt - b.endedAt)) {
    if (checked.has(scrape.page)) continue
    checked.add(scrape.page)
    const at = scrape.startedAt
    for (const what of scrape.page.problems) violations.push({ rule: 'valid page', what, at })
    for (const what of unexplained(scrape, byValue)) {
      violations.push({ rule: 'nothing but what was pushed', what, at })
    }
  }
  return violations
}

function* unexplained(
  { page, target, endedAt }: Scrape,
  byValue: ReadonlyMap<string, Write>,
): Generator<string> {
  for (const [group, content] of page.groups) {
    for (const [family, value] of content) {
      const write = byValue.get(value)
      const seen = `${target} shows ${family} of {${group}} as ${value}`
      if (write === undefined || write.kind === 'delete') {
        yield `${seen}, which nobody pushed`
      } else if (write.group !== group || !write.families.includes(family)) {
        yield `${seen}, which was pushed as ${write.families.join(' and ')} of {${write.group}}`
      } else if (write.outcome.kind === 'refused' || write.outcome.kind === 'failed') {
        yield `${seen}, which was answered ${write.outcome.status}`
      } else if (write.startedAt > endedAt) {
        yield `${seen} before it was pushed`
      }
    }
  }
}
