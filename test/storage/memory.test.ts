import { createMemoryStore } from '../../storage/memory.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { describeGroupStore } from './contract.ts'
import type { StoreLimits } from './contract/driver.ts'

async function open(limits?: StoreLimits) {
  const store = createMemoryStore(limits)
  closeAfterTest(() => store.close())
  return store
}

describeGroupStore('the memory store', () => open(), { openLimited: open })
