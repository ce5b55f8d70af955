/**
 * Pushes and deletes at random through a gateway on the SQLite file of its argument, several at a
 * time, and tells which writes were made at which revision.
 */
import fc from 'fast-check'
import { openSqliteStore } from '../../../storage/sqlite/sqlite-store.ts'
import type { GroupStore, Revision } from '../../../storage/group-store.ts'
import { operation, type Operation } from '../../model/universe.ts'
import { createWorld } from '../../model/world.ts'

export interface Made {
  readonly revision: Revision
  readonly kind: 'replace' | 'merge' | 'fail' | 'delete'
  readonly operation: Operation
}

export type Pushed = 'ready' | { readonly made: Made[]; readonly rejected: number }

const [, , file = '', seed = '', count = ''] = process.argv
const IN_FLIGHT = 8

/** The store as it is, but that what it applies is noted. */
function noting(store: GroupStore, note: (made: Omit<Made, 'operation'>) => void): GroupStore {
  return {
    url: store.url,
    apply: async (write) => {
      const result = await store.apply(write)
      if (result.kind === 'applied') note({ revision: result.revision, kind: write.kind })
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

async function run(): Promise<Pushed> {
  const store = openSqliteStore(file)
  const operations = fc.sample(operation, { seed: Number(seed), numRuns: Number(count) })
  const made: Made[] = []
  let rejected = 0
  const work = async (): Promise<void> => {
    for (let next = operations.shift(); next !== undefined; next = operations.shift()) {
      const done = next
      const world = createWorld(noting(store, (write) => made.push({ ...write, operation: done })))
      if (next.kind === 'wipe') continue
      if (next.kind === 'remove') await world.remove(next.labels)
      else if ((await world.push(next.kind, next.labels, next.body)).kind === 'rejected') rejected++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  await store.close()
  return { made, rejected }
}

process.on('message', () => {
  void run().then((pushed) => {
    process.send?.(pushed)
    process.disconnect()
  })
})
process.send?.('ready')
