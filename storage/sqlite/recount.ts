/** Compares the books of a database (claims, name-sets, layouts, totals) with what its groups say. */
import type { Database } from 'better-sqlite3'
import { bookDifferences, bookId, claimDeltas } from '../claim-book.ts'
import type { Head } from './commit-table.ts'
import type { GroupTable } from './group-table.ts'

/** One sentence for each difference. */
export function recount(db: Database, table: GroupTable, head: Head): string[] {
  const expected = new Map<string, number>()
  const add = (id: string, count: number): void => {
    expected.set(id, (expected.get(id) ?? 0) + count)
  }
  const rows = db
    .prepare<[], [Buffer, string, string, string]>(
      'SELECT key, partition, name_set, layout FROM groups WHERE live = 1',
    )
    .raw()
  for (const [key, partition, nameSet, layout] of rows.all()) {
    const families = table.readGroup(key)!.families
    add('groups', 1)
    for (const { sampleCount } of families) add('samples', sampleCount)
    add(bookId('name-set', partition, nameSet), 1)
    add(`layout ${layout}`, 1)
    for (const { claim, delta } of claimDeltas(families, [])) add(bookId('claim', ...claim), delta)
  }
  return bookDifferences(readBooks(db, head), expected)
}

/** Name, and how many. */
function readBooks(db: Database, { groups, samples }: Head): Map<string, number> {
  const books = new Map<string, number>([
    ['groups', groups],
    ['samples', samples],
  ])
  const nameSets = db.prepare<[], { partition: string; name_set: string; groups: number }>(
    'SELECT partition, name_set, groups FROM name_sets',
  )
  for (const row of nameSets.all()) {
    books.set(bookId('name-set', row.partition, row.name_set), row.groups)
  }
  const layouts = db.prepare<[], { id: string; groups: number }>('SELECT id, groups FROM layouts')
  for (const row of layouts.all()) books.set(`layout ${row.id}`, row.groups)
  const claims = db.prepare<[], { name: string; meaning: string; holders: number }>(
    'SELECT name, meaning, holders FROM claims',
  )
  for (const row of claims.all()) books.set(bookId('claim', row.name, row.meaning), row.holders)
  return books
}
