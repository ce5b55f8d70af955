/** Operations made several at a time, and afterwards once more one by one in the model. */
import type { GroupStore, Revision } from '../../storage/group-store.ts'
import { idOf, type Model } from './model.ts'
import { groupingOf, parseBody, type Operation } from './universe.ts'
import { createWorld } from './world.ts'

/** A write that a store made, and the operation it was made for. */
export interface Made {
  readonly revision: Revision
  readonly kind: 'replace' | 'merge' | 'fail' | 'delete'
  readonly operation: Operation
}

export interface Outcome {
  readonly made: Made[]
  readonly rejected: number
}

/** The store as it is, but that what it applies is noted. */
function noting(store: GroupStore, note: (made: Omit<Made, 'operation'>) => void): GroupStore {
  return {
    url: store.url,
    apply: async (write) => {
      const result = await store.apply(write)
      if (result.kind === 'applied' && write.kind !== 'restore')
        note({ revision: result.revision, kind: write.kind })
      return result
    },
    read: (keys) => store.read(keys),
    changes: (request) => store.changes(request),
    wipe: (nonce) => store.wipe(nonce),
    maintain: () => store.maintain(),
    verify: () => store.verify(),
    status: () => store.status(),
    close: () => store.close(),
  }
}

/** Makes the operations, wipes left out, through gateways on the stores, so many at a time. */
export async function makeAtOnce(
  stores: readonly GroupStore[],
  operations: readonly Operation[],
  inFlight: number,
): Promise<Outcome> {
  const waiting = operations.filter(({ kind }) => kind !== 'wipe')
  const made: Made[] = []
  let rejected = 0
  const work = async (worker: number): Promise<void> => {
    const store = stores[worker % stores.length]!
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const operation = next
      const world = createWorld(noting(store, (write) => made.push({ ...write, operation })))
      if (operation.kind === 'remove') await world.remove(operation.labels)
      else if (operation.kind !== 'wipe') {
        const outcome = await world.push(operation.kind, operation.labels, operation.body)
        if (outcome.kind === 'rejected') rejected++
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)))
  return { made, rejected }
}

/** Makes one write in the model. Returns what the model has against it, or undefined. */
export function replay(model: Model, { kind, operation }: Made): string | undefined {
  if (operation.kind === 'wipe') return 'a wipe'
  const grouping = groupingOf(operation.labels)
  switch (kind) {
    case 'delete':
      model.remove(grouping)
      return undefined
    case 'fail':
      model.recordFailure(grouping)
      return model.groups.get(idOf(grouping))?.failed === true ? undefined : 'no failure recorded'
    case 'replace':
    case 'merge':
      if (operation.kind !== kind) return `${kind} for a ${operation.kind}`
      return model.push(kind, grouping, parseBody(operation.body))?.where
  }
}
