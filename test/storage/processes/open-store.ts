/**
 * Opens the store of a file when it is told to, at a given moment, and says how that went. Stores
 * stay open, unless they are to be closed at once.
 */
import { openSqliteStore } from '../../../storage/sqlite/sqlite-store.ts'

export interface Open {
  readonly file: string
  /** Milliseconds since 1970: when all who are told the same will begin. */
  readonly at: number
  readonly close: boolean
}

export type Opened =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly epoch: string }
  | { readonly kind: 'failed'; readonly reason: string }

const say = (message: Opened): void => void process.send?.(message)

process.on('message', ({ file, at, close }: Open) => {
  while (Date.now() < at) continue
  void (async () => {
    try {
      const store = openSqliteStore(file)
      const { epoch } = (await store.status()).head
      if (close) await store.close()
      say({ kind: 'opened', epoch })
    } catch (error) {
      say({ kind: 'failed', reason: String(error) })
    }
  })()
})
say({ kind: 'ready' })
