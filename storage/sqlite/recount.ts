/** Compares the books of a database (claims, name-sets, totals) with what its groups say. */
import type { Database } from 'better-sqlite3'
import { claimDeltas } from '../claim-book.ts'
import { countSamples } from '../merge-families.ts'
import { decodeFamilies } from './family-index.ts'

interface Row {
  partition: string
  name_set: string
  push_time_us: number
  samples: number
  families: string
  exposition: Buffer
}

/** One sentence for each difference. */
export function recount(db: Database): string[] {
  const expected = new Map<string, number>()
  const add = (id: string, count: number): void => {
    expected.set(id, (expected.get(id) ?? 0) + count)
  }
  const rows = db.prepare<[], Row>(
    'SELECT partition, name_set, push_time_us, samples, families, exposition FROM groups WHERE live = 1',
  )
  for (const row of rows.iterate()) {
    const families = decodeFamilies(row.families, row.exposition, row.push_time_us)
    add('groups', 1)
    add('samples', countSamples(families))
    add(`name-set ${row.partition} ${row.name_set}`, 1)
    for (const { claim, delta } of claimDeltas(families, []))
      add(`claim ${claim[0]} ${claim[1]}`, delta)
  }
  const books = db
    .prepare<[], { id: string; count: number }>(
      `SELECT 'groups' AS id, groups AS count FROM meta
       UNION ALL SELECT 'samples', samples FROM meta
       UNION ALL SELECT 'name-set ' || partition || ' ' || name_set, groups FROM name_sets
       UNION ALL SELECT 'claim ' || name || ' ' || meaning, holders FROM claims`,
    )
    .all()
  const held = new Map(books.map(({ id, count }) => [id, count]))
  return [...new Set([...expected.keys(), ...held.keys()])]
    .filter((id) => (held.get(id) ?? 0) !== (expected.get(id) ?? 0))
    .map((id) => `${id}: the books say ${held.get(id) ?? 0}, the groups ${expected.get(id) ?? 0}`)
}
