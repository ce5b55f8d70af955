/** Stores that do not keep their promises, each a real one with a mistake put over it; and one that is merely slow. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { GroupStore, GroupWrite } from '../../../storage/group-store.ts'

export type Mistake = (store: GroupStore) => GroupStore

/** No mistake: what changed arrives some milliseconds after it was read, as over a network. */
export const answersLate: Mistake = (store) => ({
  ...passOn(store),
  async changes(request) {
    const page = await store.changes(request)
    await sleep(25)
    return page
  },
})

/** One of so many writes is acknowledged, with a revision of its own, and not made. */
export function dropsOneOf(count: number): Mistake {
  let writes = 0
  return (store) => ({
    ...passOn(store),
    apply: (write) =>
      write.kind === 'delete' || ++writes % count > 0
        ? store.apply(write)
        : store.apply(failureOf(write)),
  })
}

/** Each write is made twice, one after the other. */
export const makesTwice: Mistake = (store) => ({
  ...passOn(store),
  async apply(write) {
    await store.apply(write)
    return store.apply(write)
  },
})

/** One of so many writes is made once more, a little later. */
export function repeatsOneOf(count: number): Mistake {
  let writes = 0
  return (store) => ({
    ...passOn(store),
    async apply(write) {
      const result = await store.apply(write)
      if (write.kind !== 'delete' && ++writes % count === 0) {
        setTimeout(() => void store.apply(write).catch(() => undefined), 100)
      }
      return result
    },
  })
}

/** A group is replaced in two steps: first one family, then the others. */
export const replacesInSteps: Mistake = (store) => ({
  ...passOn(store),
  async apply(write) {
    if (write.kind !== 'replace' || write.families.length < 2) return store.apply(write)
    const { families, knownInconsistent } = write
    const target = { ...targetOf(write), knownInconsistent }
    const first = await store.apply({ kind: 'replace', ...target, families: families.slice(0, 1) })
    if (first.kind !== 'applied') return first
    return store.apply({ kind: 'merge', ...target, families: families.slice(1) })
  },
})

function failureOf(write: Exclude<GroupWrite, { kind: 'delete' }>): GroupWrite {
  return { kind: 'fail', ...targetOf(write) }
}

/** What all writes to a group have. */
function targetOf(write: Exclude<GroupWrite, { kind: 'delete' }>) {
  const { key, nonce, timeoutMs, partition, nameSet, description, guard, rules } = write
  return { key, nonce, timeoutMs, partition, nameSet, description, guard, rules }
}

/** A store is an object of any kind; this one can be spread. */
function passOn(store: GroupStore): GroupStore {
  return {
    url: store.url,
    apply: (write) => store.apply(write),
    read: (keys) => store.read(keys),
    changes: (request) => store.changes(request),
    wipe: (nonce) => store.wipe(nonce),
    maintain: () => store.maintain(),
    verify: () => store.verify(),
    status: () => store.status(),
    close: () => store.close(),
  }
}
