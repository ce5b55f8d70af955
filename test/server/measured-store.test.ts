import { expect, test } from '@jest/globals'
import { measureStore } from '../../server/measured-store.ts'
import { StoreError } from '../../storage/errors.ts'
import { ORIGIN, type GroupStore } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'
import { createLosableStore } from '../support/losable-store.ts'
import { createMemoryGateway } from './view/memory-gateway.ts'

interface Measured {
  readonly store: GroupStore
  /** `operation result` of each call. */
  readonly calls: readonly string[]
  readonly seconds: readonly number[]
  readonly conflicts: () => number
}

function measure(inner: GroupStore): Measured {
  const calls: string[] = []
  const seconds: number[] = []
  let conflicts = 0
  const store = measureStore(inner, {
    observeStoreCall(operation, result, duration) {
      calls.push(`${operation} ${result}`)
      seconds.push(duration)
    },
    countStoreConflict: () => void conflicts++,
  })
  return { store, calls, seconds, conflicts: () => conflicts }
}

async function callEverything(store: GroupStore): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled([
    store.apply({ kind: 'delete', key: Buffer.from('k'), nonce: '0'.repeat(16), timeoutMs: 1000 }),
    store.read([]),
    store.changes({ position: ORIGIN, after: 0, full: true, bytesMax: 1000 }),
    store.wipe(() => '0'.repeat(16)),
    store.maintain(),
    store.verify(),
    store.status(),
  ])
}

const OPERATIONS = ['apply', 'read', 'changes', 'wipe', 'maintain', 'verify', 'status']

test('every call of a store is measured, and its outcome is that of the store', async () => {
  const { store, calls, seconds } = measure(createMemoryStore())
  const outcomes = await callEverything(store)
  expect(outcomes.map(({ status }) => status)).toEqual(OPERATIONS.map(() => 'fulfilled'))
  expect([...calls].sort()).toEqual(OPERATIONS.map((operation) => `${operation} ok`).sort())
  expect(seconds.every((duration) => duration >= 0 && duration < 60)).toBe(true)
})

test.each([
  [new StoreError('unavailable', 'away'), 'unavailable'],
  [new StoreError('full', 'no room'), 'full'],
  [new TypeError('unforeseen'), 'error'],
])('every call that fails with %s is measured as "%s", and fails so', async (error, result) => {
  const losable = createLosableStore()
  losable.lose(error)
  const { store, calls } = measure(losable.store)
  const outcomes = await callEverything(store)
  expect(outcomes).toEqual(OPERATIONS.map(() => ({ status: 'rejected', reason: error })))
  expect([...calls].sort()).toEqual(OPERATIONS.map((operation) => `${operation} ${result}`).sort())
})

test('a push that has to be judged again is a conflict; it needs other groups of its job', async () => {
  const { store, conflicts } = measure(createMemoryStore())
  const gateway = createMemoryGateway({ store })
  await gateway.put('job/j/x/1', 'm 1\n')
  await gateway.put('job/j/x/2', 'm 1\n')
  await gateway.put('job/k', 'm 1\n')
  expect(conflicts()).toBe(0)
  await gateway.put('job/j', 'm 1\n')
  expect(conflicts()).toBe(1)
})
