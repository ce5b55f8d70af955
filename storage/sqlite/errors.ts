/** What SQLite's result codes mean for a gateway. */
import { StoreError } from '../errors.ts'

/**
 * SQLite's result code of an error, such as SQLITE_BUSY_SNAPSHOT; undefined for other errors. The
 * class would not do: the native module keeps that of whoever loaded it first in the process.
 */
function resultCode(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}

/** True when another process holds the write lock: trying again a little later may help. */
export function isBusy(error: unknown): boolean {
  return resultCode(error)?.startsWith('SQLITE_BUSY') === true
}

/** A row that cannot be what was written; the file name is added by toStoreError. */
export class DamagedRow extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options)
    this.name = 'DamagedRow'
  }
}

/** The StoreError for whatever a statement threw; errors that are not SQLite's stay as they are. */
export function toStoreError(error: unknown, file: string): unknown {
  if (error instanceof DamagedRow) {
    return new StoreError('corrupt', `${file}: the database is damaged: ${error.message}`, {
      cause: error,
    })
  }
  const code = resultCode(error)
  if (code === undefined) return error
  const { message } = error as Error
  const [, primary] = code.split('_')
  const say = (text: string): string => `${file}: ${text} (${code}: ${message})`
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
