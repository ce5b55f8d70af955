import type { GroupStore } from '../../storage/group-store.ts'
import { describeGroupStore } from './contract.ts'
import type { StoreLimits } from './contract/driver.ts'
import { newPath, openStore } from './sqlite-files.ts'

async function open(limits: Partial<StoreLimits> = {}): Promise<GroupStore> {
  return openStore(newPath(), limits)
}

describeGroupStore('the SQLite store', () => open(), { openLimited: open })

/** Calls go to two stores on one file in turn, as requests do to processes behind a balancer. */
async function openTwice(limits: Partial<StoreLimits> = {}): Promise<GroupStore> {
  const file = newPath()
  const stores = [openStore(file, limits), openStore(file, limits)] as const
  let calls = 0
  const next = (): GroupStore => stores[++calls % 2]!
  return {
    url: stores[0].url,
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

describeGroupStore('two SQLite stores on one file', () => openTwice(), {
  openLimited: openTwice,
  // Each process has a clock of its own, and within a millisecond they may differ.
  without: ['store times'],
})
