/** What SQLite's result codes mean for a gateway. */
import SqliteDatabase from 'better-sqlite3'
import { StoreError } from '../errors.ts'

/** True when another process holds the write lock: trying again a little later may help. */
export function isBusy(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY')
}

/** The StoreError for whatever a statement threw; errors that are not SQLite's stay as they are. */
export function toStoreError(error: unknown, file: string): unknown {
  if (!(error instanceof SqliteDatabase.SqliteError)) return error
  const [, primary] = error.code.split('_')
  const say = (text: string): string => `${file}: ${text} (${error.code}: ${error.message})`
  switch (primary) {
    case 'BUSY':
    case 'LOCKED':
      return new StoreError('unavailable', say('another process kept the database locked'), {
        cause: error,
      })
    case 'FULL':
    case 'TOOBIG':
      return new StoreError('full', say('no room for this push'), { cause: error })
    case 'CORRUPT':
    case 'NOTADB':
      return new StoreError('corrupt', say('the database is damaged; restore it or move it away'), {
        cause: error,
      })
    case 'READONLY':
      return new StoreError('unavailable', say('the database cannot be written'), { cause: error })
    case 'CANTOPEN':
    case 'PERM':
    case 'AUTH':
      return new StoreError('unusable', say('the database cannot be opened'), { cause: error })
    default:
      return new StoreError('unavailable', say('the database failed'), { cause: error })
  }
}
