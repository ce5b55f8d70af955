/** A store whose answers about changes can be held back, as a slow one would. */
import type {
  ChangePage,
  ChangesRequest,
  ChangesReset,
  GroupStore,
} from '../../../storage/group-store.ts'

type Answer = ChangePage | ChangesReset

export interface HeldStore {
  readonly store: GroupStore
  /** Every `changes` so far. */
  readonly requests: readonly ChangesRequest[]
  /** From now on answers are looked up at once, and then held back. */
  hold(): void
  /** Hands out the answers held back, and holds back no more. */
  release(): void
  /** Hands out the one answer that is held back; later ones are held back again. */
  releaseOne(): void
  /** The next `changes` fails. */
  failNext(error: Error): void
  /** The next requests go to another store. */
  replaceBy(other: GroupStore): void
  /** Resolves when an answer is held back. */
  held(): Promise<void>
}

export function createHeldStore(store: GroupStore): HeldStore {
  const requests: ChangesRequest[] = []
  const waiting: (() => void)[] = []
  const observers: (() => void)[] = []
  let source = store
  let holding = false
  let failure: Error | undefined

  const changes = async (request: ChangesRequest): Promise<Answer> => {
    requests.push(request)
    if (failure !== undefined) {
      const error = failure
      failure = undefined
      throw error
    }
    const answer = await source.changes(request)
    if (holding) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        for (const observer of observers.splice(0)) observer()
      })
    }
    return answer
  }
  return {
    store: { ...store, changes },
    requests,
    hold: () => (holding = true),
    release() {
      holding = false
      for (const resolve of waiting.splice(0)) resolve()
    },
    releaseOne: () => waiting.shift()?.(),
    failNext: (error) => (failure = error),
    replaceBy: (other) => (source = other),
    held: () =>
      waiting.length > 0
        ? Promise.resolve()
        : new Promise((resolve) => observers.push(() => resolve())),
  }
}
