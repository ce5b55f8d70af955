/** Databases in temporary folders, opened as stores and looked at from outside. */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { GroupStore } from '../../storage/group-store.ts'
import { openSqliteStore, type SqliteOptions } from '../../storage/sqlite/sqlite-store.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'

/** A path in a folder of its own, where nothing is yet. */
export function newPath(name = 'store.db'): string {
  return path.join(temporaryFolder(), name)
}

export function openStore(file: string, options: Partial<SqliteOptions> = {}): GroupStore {
  const store = openSqliteStore(file, options)
  closeAfterTest(() => store.close())
  return store
}

/** Opens the file as any program would. */
export function openDatabase(file: string): Database {
  const db = new SqliteDatabase(file)
  closeAfterTest(() => void db.close())
  return db
}

/** Everything in a folder, byte for byte. */
export function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => {
      const file = path.join(folder, name)
      return [name, statSync(file).isFile() ? readFileSync(file).toString('hex') : 'folder']
    }),
  )
}

/** What `work` throws; fails when it throws nothing. */
export function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
