import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../storage/group-store.ts'
import { applied, headOf, keysOf, page, since } from './contract/reading.ts'
import { family, replace } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

/** More than maintenance drops in one go. */
const MANY = 60_000

/** A database in which very many groups were deleted, written as a gateway would have left it. */
async function fullOfTombstones(): Promise<string> {
  const file = newPath()
  await openStore(file).close()
  const db = openDatabase(file)
  db.exec(
    `BEGIN;
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})
     INSERT INTO groups (key, labels, partition, name_set, live, revision, shape_revision, created_time_us)
     SELECT CAST(i AS BLOB), '', 'p', 'n', 0, i, i, 1 FROM n;
     INSERT INTO commits (revision, nonce, groups, samples, written)
     VALUES (${MANY}, '0123456789abcdef', 0, 0, '[]');
     COMMIT`,
  )
  db.close()
  return file
}

test('maintenance drops tombstones in steps, between which writes are made', async () => {
  const store = openStore(await fullOfTombstones(), { tombstonesMax: 10 })
  const head = await headOf(store)
  let maintaining = true
  const maintained = store.maintain().then(() => (maintaining = false))
  await applied(store, replace('g', [family('m')]))
  expect(maintaining).toBe(true)
  await maintained
  expect(keysOf(await page(store, since(head)))).toEqual(['g'])
  expect((await page(store, since(ORIGIN))).items).toHaveLength(11)
  expect(await store.verify()).toEqual([])
})

test('closing waits for maintenance under way, or cuts it short as unavailable', async () => {
  const store = openStore(await fullOfTombstones(), { tombstonesMax: 10 })
  const maintaining = Promise.allSettled([store.maintain()])
  await store.close()
  const [maintained] = await maintaining
  if (maintained.status === 'fulfilled') return
  expect(maintained.reason).toMatchObject({ name: 'StoreError', code: 'unavailable' })
})
