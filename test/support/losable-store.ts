/** A store that can be lost and found again, as one behind a network: the real one in memory, out of reach on demand. */
import type { AppOptions } from '../../server/app.ts'
import { StoreError } from '../../storage/errors.ts'
import type { GroupStore, StoreEvents } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'

export interface LosableStore {
  readonly store: GroupStore
  /** Opens it as storage/open.ts would. */
  readonly openStore: NonNullable<AppOptions['openStore']>
  /** What it may tell whoever opened it. */
  events(): Partial<StoreEvents>
  /** From now on every call fails. */
  lose(error?: Error): void
  /** From now on no call is answered, until it is found or lost. */
  hang(): void
  /** From now on every call is answered, also those that wait. */
  find(): void
  /** The names of all calls so far. */
  readonly calls: readonly string[]
}

export const AWAY = 'the store is away'

export function createLosableStore(inner: GroupStore = createMemoryStore()): LosableStore {
  const calls: string[] = []
  let failure: Error | undefined
  let hanging: Promise<void> | undefined
  let letGo: (() => void) | undefined
  let events: Partial<StoreEvents> = {}
  const reach = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    calls.push(name)
    while (hanging !== undefined) await hanging
    if (failure !== undefined) throw failure
    return call()
  }
  const release = (): void => {
    hanging = undefined
    letGo?.()
  }
  const store: GroupStore = {
    url: 'losable:',
    apply: (write) => reach('apply', () => inner.apply(write)),
    read: (keys) => reach('read', () => inner.read(keys)),
    changes: (request) => reach('changes', () => inner.changes(request)),
    wipe: (nonce) => reach('wipe', () => inner.wipe(nonce)),
    maintain: () => reach('maintain', () => inner.maintain()),
    verify: () => reach('verify', () => inner.verify()),
    status: () => reach('status', () => inner.status()),
    async close() {
      release()
      await inner.close()
    },
  }
  return {
    store,
    openStore: async (_url, options = {}) => {
      events = options.events ?? {}
      return store
    },
    events: () => events,
    lose(error = new StoreError('unavailable', AWAY)) {
      failure = error
      release()
    },
    hang() {
      hanging = new Promise((resolve) => (letGo = resolve))
    },
    find() {
      failure = undefined
      release()
    },
    calls,
  }
}
