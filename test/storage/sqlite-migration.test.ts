import { expect, test } from '@jest/globals'
import type { Database } from 'better-sqlite3'
import { loadMigrations } from '../../migrations/migrations.ts'
import type { FamilyWrite } from '../../storage/group-store.ts'
import { migrate } from '../../storage/sqlite/migrate.ts'
import {
  applied,
  contents,
  headOf,
  keysOf,
  outcome,
  page,
  readAll,
  readOne,
  since,
  withoutPacked,
} from './contract/reading.ts'
import { family, merge, remove, replace, summary } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

/** Families and how many microseconds before the group's last push each was pushed. */
type Held = readonly (readonly [FamilyWrite, number])[]

const NASTY = family('ünï"\\\u2028', { data: 'ä "\\ 1\n', series: ['"', '\\', 'é\n'] })

const GROUPS: Readonly<Record<string, Held>> = {
  alike1: [
    [family('a', { data: 'a 1\n' }), 0],
    [summary('s'), 0],
  ],
  alike2: [
    [family('a', { data: 'a 2\n' }), 0],
    [summary('s'), 0],
  ],
  merged: [
    [family('a', { data: Buffer.alloc(30_000, 'x') }), 2_000_000],
    [family('b', { samples: 7 }), 0],
    [NASTY, 5],
  ],
  empty: [],
}

/** A database as the first schema had it: four groups and a tombstone. */
function firstSchema(): string {
  const file = newPath()
  const db = openDatabase(file)
  db.pragma('page_size = 8192')
  db.pragma('journal_mode = WAL')
  migrate(db, loadMigrations().slice(0, 1))
  const groups = Object.entries(GROUPS)
  for (const [i, [key, held]] of groups.entries()) insert(db, key, i + 1, held)
  db.exec(
    `INSERT INTO groups (key, labels, partition, name_set, live, revision, shape_revision, created_time_us)
     VALUES (CAST('gone' AS BLOB), '', 'p', 'n', 0, 5, 5, 1);
     INSERT INTO name_sets VALUES ('p', 'n', 4);
     INSERT INTO commits VALUES (3, 'third'), (5, 'fifth');
     UPDATE meta SET revision = 5, groups = 4, samples = 15`,
  )
  db.close()
  return file
}

function insert(db: Database, key: string, revision: number, held: Held): void {
  const index = held.map(([{ name, data, sampleCount, shape, claims }, before]) => {
    return [name, data.length, sampleCount, shape, before, ...claims.flat()]
  })
  db.prepare(
    `INSERT INTO groups (key, labels, partition, name_set, live, revision, shape_revision, shape, created_time_us,
                         push_time_us, failure_time_us, inconsistent, samples, families, exposition)
     VALUES (?, ?, 'p', 'n', 1, ?, 1, 'digest', 11, 1700000000000022, 33, ?, 3, ?, ?)`,
  ).run(
    Buffer.from(key),
    `{job="${key}"}`,
    revision,
    key === 'merged' ? 1 : 0,
    JSON.stringify(index),
    Buffer.concat(held.map(([{ data }]) => data)),
  )
  const claim = db.prepare(
    'INSERT INTO claims VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET holders = holders + 1',
  )
  for (const [{ claims }] of held) for (const [name, meaning] of claims) claim.run(name, meaning)
}

test('a database of the first schema opens, and everything is there', async () => {
  const store = openStore(firstSchema())
  expect(await store.verify()).toEqual([])
  expect(await store.status()).toMatchObject({ groups: 4, samples: 15 })
  expect(await headOf(store)).toMatchObject({ revision: 5, nonce: 'fifth' })
  for (const [i, [key, held]] of Object.entries(GROUPS).entries()) {
    expect(withoutPacked(await readOne(store, key))).toEqual({
      key: Buffer.from(key),
      revision: i + 1,
      shapeRevision: 1,
      createdTimeUs: 11,
      pushTimeUs: 1700000000000022,
      failureTimeUs: 33,
      inconsistent: key === 'merged',
      families: held.map(([one, before]) => ({ ...one, pushedAtUs: 1700000000000022 - before })),
    })
  }
})

test('a database of the first schema is followed from its head, and written to as before', async () => {
  const store = openStore(firstSchema())
  const head = await headOf(store)
  expect((await readAll(store)).size).toBe(4)
  expect(keysOf(await page(store, since(head)))).toEqual([])
  expect(await store.changes(since({ ...head, revision: 3, nonce: 'third' }))).toEqual({
    kind: 'reset',
    reason: 'history',
  })
  // The stored shape: not judged, and the shape revision stays.
  const families = GROUPS.merged!.map(([one]) => one)
  await applied(store, replace('merged', families))
  expect(await readOne(store, 'merged')).toMatchObject({ shapeRevision: 1, inconsistent: true })
  await applied(store, merge('empty', [family('a')]))
  await applied(store, remove('alike1'))
  await applied(store, replace('gone', [family('b')]))
  expect(await outcome(store, replace('alike2', [family('b', { type: 'counter' })]))).toBe(
    'refused',
  )
  expect(keysOf(await page(store, since(head)))).toEqual(['merged', 'empty', '-alike1', 'gone'])
  expect(contents(await readOne(store, 'alike2'))).toEqual({ a: 'a 2\n', s: 's 1\n' })
  expect(await store.verify()).toEqual([])
})

test('an empty database of the first schema opens', async () => {
  const file = newPath()
  const db = openDatabase(file)
  migrate(db, loadMigrations().slice(0, 1))
  const epoch: unknown = db.prepare('SELECT epoch FROM meta').pluck().get()
  db.close()
  const store = openStore(file)
  expect(await headOf(store)).toEqual({ epoch, revision: 0, nonce: '' })
  expect(await applied(store, replace('g', [family('a')]))).toBe(1)
})
