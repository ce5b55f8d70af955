import type { GroupStore } from '../../storage/group-store.ts'
import { describeGroupStore } from './contract.ts'
import type { StoreLimits } from './contract/driver.ts'
import { inTurn } from './in-turn.ts'
import { newPath, openStore } from './sqlite-files.ts'

async function open(limits: Partial<StoreLimits> = {}): Promise<GroupStore> {
  return openStore(newPath(), limits)
}

describeGroupStore('the SQLite store', () => open(), { openLimited: open })

async function openTwice(limits: Partial<StoreLimits> = {}): Promise<GroupStore> {
  const file = newPath()
  return inTurn([openStore(file, limits), openStore(file, limits)])
}

describeGroupStore('two SQLite stores on one file', () => openTwice(), {
  openLimited: openTwice,
  // Each process has a clock of its own, and within a millisecond they may differ.
  without: ['store times'],
})
