/** Compares the books of a database (claims, name-sets, totals) with what its groups say. */
import type { Database } from 'better-sqlite3'
import { bookDifferences, bookId, claimDeltas } from '../claim-book.ts'
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
  const keys = db.prepare<[], Buffer>('SELECT key FROM groups WHERE live = 1').pluck().all()
  const group = db.prepare<[Buffer], Row>(
    'SELECT partition, name_set, push_time_us, samples, families, exposition FROM groups WHERE key = ?',
  )
  for (const key of keys) {
    const row = group.get(key)!
    const families = decodeFamilies(row.families, row.exposition, row.push_time_us)
    add('groups', 1)
    add('samples', countSamples(families))
    add(bookId('name-set', row.partition, row.name_set), 1)
    for (const { claim, delta } of claimDeltas(families, [])) add(bookId('claim', ...claim), delta)
  }
  return bookDifferences(readBooks(db), expected)
}

/** Name, and how many. */
function readBooks(db: Database): Map<string, number> {
  const books = new Map<string, number>()
  const totals = db.prepare<[], { groups: number; samples: number }>('SELECT * FROM meta').get()
  books.set('groups', totals?.groups ?? 0)
  books.set('samples', totals?.samples ?? 0)
  const nameSets = db.prepare<[], { partition: string; name_set: string; groups: number }>(
    'SELECT partition, name_set, groups FROM name_sets',
  )
  for (const row of nameSets.all()) {
    books.set(bookId('name-set', row.partition, row.name_set), row.groups)
  }
  const claims = db.prepare<[], { name: string; meaning: string; holders: number }>(
    'SELECT name, meaning, holders FROM claims',
  )
  for (const row of claims.all()) books.set(bookId('claim', row.name, row.meaning), row.holders)
  return books
}
