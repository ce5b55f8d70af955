/** Rule: pages of one revision are equal, byte by byte, whoever shows them. */
import type { History, Scrape } from '../history.ts'
import type { Eras } from './eras.ts'
import type { Violation } from './verdict.ts'

export interface EqualPages {
  readonly violations: Violation[]
  readonly compared: number
}

export function checkEqualPages({ scrapes }: History, eras: Eras): EqualPages {
  const violations: Violation[] = []
  const first = new Map<string, Scrape>()
  let compared = 0
  for (const scrape of scrapes) {
    const { position, page, startedAt, target } = scrape
    const era = eras.of(scrape)
    if (position === undefined || era === undefined) continue
    const place = `${position.epoch}/${position.revision}`
    const id = `${era} ${place}`
    const other = first.get(id)
    if (other === undefined) {
      first.set(id, scrape)
      continue
    }
    compared++
    if (other.page.digest === page.digest) continue
    const what = `${other.target} and ${target} show different pages at ${place}`
    violations.push({ rule: 'equal revisions, equal pages', what, at: startedAt })
  }
  return { violations, compared }
}
