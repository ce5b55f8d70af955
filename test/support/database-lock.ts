/** The write lock of a database, held so that pushes to it have to wait. */
import SqliteDatabase from 'better-sqlite3'
import { closeAfterTest } from './cleanup.ts'

/** Locks an existing database against writes. Returns what lets go of it; at the latest after the test. */
export function lockDatabase(file: string): () => void {
  const db = new SqliteDatabase(file, { fileMustExist: true })
  const release = (): void => void db.close()
  closeAfterTest(release)
  db.exec('BEGIN IMMEDIATE')
  return release
}
