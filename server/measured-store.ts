/** A store whose calls are measured: how long each took, and how it ended. */
import { StoreError } from '../storage/errors.ts'
import type { GroupStore } from '../storage/group-store.ts'

/** Where measurements go. */
export interface StoreMeter {
  /** @param result `ok`, or the code of the error that the call ended in */
  observeStoreCall(operation: string, result: string, seconds: number): void
  /** A write has to be judged again. */
  countStoreConflict(): void
}

/** The same store; every call of it goes to the meter too, once it is over. */
export function measureStore(store: GroupStore, meter: StoreMeter): GroupStore {
  const measured = async <T>(
    operation: string,
    startedAt: number,
    outcome: Promise<T>,
  ): Promise<T> => {
    let result = 'ok'
    try {
      return await outcome
    } catch (error) {
      result = codeOf(error)
      throw error
    } finally {
      meter.observeStoreCall(operation, result, (performance.now() - startedAt) / 1000)
    }
  }
  return {
    url: store.url,
    // Written out, since every push goes through it.
    apply(write) {
      const startedAt = performance.now()
      const observe = (result: string): void =>
        meter.observeStoreCall('apply', result, (performance.now() - startedAt) / 1000)
      return store.apply(write).then(
        (result) => {
          if (result.kind === 'unguarded') meter.countStoreConflict()
          observe('ok')
          return result
        },
        (error: unknown) => {
          observe(codeOf(error))
          throw error
        },
      )
    },
    read: (keys) => measured('read', performance.now(), store.read(keys)),
    changes: (request) => measured('changes', performance.now(), store.changes(request)),
    wipe: (nonce) => measured('wipe', performance.now(), store.wipe(nonce)),
    maintain: () => measured('maintain', performance.now(), store.maintain()),
    verify: () => measured('verify', performance.now(), store.verify()),
    status: () => measured('status', performance.now(), store.status()),
    close: () => store.close(),
  }
}

function codeOf(error: unknown): string {
  return error instanceof StoreError ? error.code : 'error'
}
