/** Brings a database to the schema this program knows, also when several programs start at once. */
import type { Database } from 'better-sqlite3'
import { loadMigrations, type Migration } from '../../migrations/migrations.ts'
import { StoreError } from '../errors.ts'
import { layoutId } from '../layout.ts'

/** "Slce": what a Sluice database carries as application_id (read by file-checks.ts). */
export const APPLICATION_ID = 0x536c6365

/**
 * Applies what is missing, all in one transaction that also keeps other starters out, so that each
 * finds either nothing or everything done. Returns how many were missing.
 *
 * @throws StoreError unusable when the database is newer than this program
 */
export function migrate(db: Database, migrations: readonly Migration[] = loadMigrations()): number {
  return db
    .transaction(() => {
      refuseForeign(db)
      const version = Number(db.prepare('PRAGMA user_version').pluck().get())
      const known = migrations.length
      if (version > known) {
        throw new StoreError(
          'unusable',
          `${db.name} has schema version ${version}, but this program knows only up to ${known}: use a newer Sluice`,
        )
      }
      if (version === known) return 0
      db.function('layout_id', { deterministic: true }, (text) => layoutId(String(text)))
      for (const migration of migrations.slice(version)) {
        db.exec(migration.sql)
        db.exec(`PRAGMA user_version = ${migration.version}`)
      }
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      return known - version
    })
    .immediate()
}

function refuseForeign(db: Database): void {
  const id = Number(db.prepare('PRAGMA application_id').pluck().get())
  if (id === APPLICATION_ID) return
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()
  if (tables === 0) return
  throw new StoreError(
    'unusable',
    `${db.name} is a SQLite database of another program (application_id ${id})`,
  )
}
