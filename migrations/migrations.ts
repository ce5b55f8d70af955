/**
 * The numbered migrations of the SQLite store, read from the .sql files beside this module. Append
 * only: an applied migration never changes, the next number is added instead.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** All migrations, lowest version first, without gaps. */
export function loadMigrations(): Migration[] {
  const folder = import.meta.dirname
  const files = readdirSync(folder).filter((file) => /^\d{4}-.*\.sql$/.test(file))
  return files.sort().map((file, index) => {
    const version = Number(file.slice(0, 4))
    if (version !== index + 1) throw new Error(`migration ${file} does not follow number ${index}`)
    return {
      version,
      name: path.basename(file, '.sql'),
      sql: readFileSync(path.join(folder, file), 'utf8'),
    }
  })
}
