import { expect, test } from '@jest/globals'
import { ORIGIN, type GroupStore } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { since } from './reading.ts'
import { family, newNonce, remove, replace } from './writes.ts'

const CALLS: readonly (readonly [string, (store: GroupStore) => Promise<unknown>])[] = [
  ['apply', (store) => store.apply(replace('g', [family('a')]))],
  ['apply of a delete', (store) => store.apply(remove('g'))],
  ['read', (store) => store.read([Buffer.from('g')])],
  ['changes', (store) => store.changes(since(ORIGIN))],
  ['wipe', (store) => store.wipe(newNonce)],
  ['maintain', (store) => store.maintain()],
  ['verify', (store) => store.verify()],
]

export function closing({ open }: Driver): void {
  test('close waits for the writes under way, which are all made', async () => {
    const store = await open()
    const writes = Array.from({ length: 300 }, (_, i) =>
      store.apply(replace(`g${i}`, [family('a')])),
    )
    await store.close()
    const kinds = (await Promise.all(writes)).map(({ kind }) => kind)
    expect(kinds).toEqual(Array.from({ length: 300 }, () => 'applied'))
  })

  test.each(CALLS)('after close, %s is refused as unavailable', async (_name, call) => {
    const store = await open()
    await store.apply(replace('g', [family('a')]))
    await store.close()
    await expect(call(store)).rejects.toMatchObject({ name: 'StoreError', code: 'unavailable' })
  })

  test('after close, the status says that the store is unavailable', async () => {
    const store = await open()
    await store.close()
    const { unavailable } = await store.status()
    expect(unavailable).toMatch(/closed/)
  })

  test('a store may be closed twice, one after the other or at once', async () => {
    const store = await open()
    void store.apply(replace('g', [family('a')]))
    await Promise.all([store.close(), store.close()])
    await store.close()
  })

  test('a write that comes while the store closes is made or refused, never left hanging', async () => {
    const store = await open()
    const first = store.apply(replace('g', [family('a')]))
    const closed = store.close()
    const late = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store.apply(replace(`late${i}`, [family('a')]))),
    )
    await Promise.all([first, closed])
    for (const result of late) {
      if (result.status === 'fulfilled') expect(result.value).toMatchObject({ kind: 'applied' })
      else expect(result.reason).toMatchObject({ code: 'unavailable' })
    }
  })
}
