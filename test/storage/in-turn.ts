/** Several stores on the same data as if they were one: calls go to them in turn, as behind a balancer. */
import type { GroupStore } from '../../storage/group-store.ts'

export function inTurn(stores: readonly GroupStore[]): GroupStore {
  let calls = 0
  const next = (): GroupStore => stores[++calls % stores.length]!
  return {
    url: stores[0]!.url,
    apply: (write) => next().apply(write),
    read: (keys) => next().read(keys),
    changes: (request) => next().changes(request),
    wipe: (nonce) => next().wipe(nonce),
    maintain: () => next().maintain(),
    verify: () => next().verify(),
    status: () => next().status(),
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  }
}
