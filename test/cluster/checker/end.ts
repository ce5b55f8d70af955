/** Rule: when nothing can change any more, every target shows the same page at the same revision. */
import type { History, Scrape } from '../history.ts'
import type { Violation } from './verdict.ts'
import { untilOf } from './writes.ts'

/** @param targets names of those that must have shown a page then */
export function checkEnd({ writes, scrapes }: History, targets: readonly string[]): Violation[] {
  const rule = 'the same page in the end'
  const lastWrite = writes.reduce((last, write) => Math.max(last, untilOf(write)), 0)
  const latest = new Map<string, Scrape>()
  for (const scrape of scrapes) {
    if (scrape.startedAt >= lastWrite) latest.set(scrape.target, scrape)
  }
  const missing = targets.filter((target) => !latest.has(target))
  const pages = new Map<string, string[]>()
  for (const [target, { position, page }] of latest) {
    const shown = `${position?.epoch}/${position?.revision} ${page.digest}`
    pages.set(shown, [...(pages.get(shown) ?? []), target])
  }
  const different = [...pages].map(([shown, by]) => `${by.join(' and ')}: ${shown}`)
  return [
    ...missing.map((target) => {
      return {
        rule,
        what: `${target} was not looked at after the last moment of the last write`,
        at: lastWrite,
      }
    }),
    ...(different.length > 1 ? [{ rule, what: different.join('; '), at: lastWrite }] : []),
  ]
}
