import { expect, test } from '@jest/globals'
import { performance } from 'node:perf_hooks'
import { StoreError } from '../../storage/errors.ts'
import { ORIGIN } from '../../storage/group-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { startTestApp } from '../support/app.ts'
import {
  applied,
  contents,
  exists,
  keysOf,
  page,
  readAll,
  readOne,
  since,
} from './contract/reading.ts'
import { fail, family, merge, newNonce, remove, replace } from './contract/writes.ts'
import { lockDatabase } from '../support/database-lock.ts'
import { startChild } from './processes/child.ts'
import type { Locked } from './processes/lock-database.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

/** The longest that the event loop was kept from a timer while `work` ran. */
async function longestStall(work: Promise<unknown>): Promise<number> {
  let [longest, last] = [0, performance.now()]
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 5)
  closeAfterTest(() => clearInterval(timer))
  await work
  clearInterval(timer)
  return Math.max(longest, performance.now() - last)
}

test('a locked database makes writes wait, with the event loop free, until their time is over', async () => {
  const file = newPath()
  const store = openStore(file)
  await applied(store, replace('g', [family('a', { data: 'before' })]))
  const before = await readAll(store)
  const holder = startChild<Locked>('lock-database.ts', file)
  expect(await holder.answer()).toBe('locked')
  const startedAt = performance.now()
  const circumstances = { timeoutMs: 1200 }
  const writes = Promise.allSettled(
    [
      replace('g', [family('a', { data: 'after' })], circumstances),
      merge('g', [family('b')], circumstances),
      fail('h', circumstances),
      remove('g', circumstances),
      ...Array.from({ length: 300 }, (_, i) => replace(`x${i}`, [], circumstances)),
    ].map((write) => store.apply(write)),
  )
  expect(await longestStall(writes)).toBeLessThan(600)
  const took = performance.now() - startedAt
  expect(took).toBeGreaterThanOrEqual(1190)
  expect(took).toBeLessThan(5000)
  for (const result of await writes) {
    expect(result.status).toBe('rejected')
    const reason: unknown = (result as PromiseRejectedResult).reason
    expect(reason).toBeInstanceOf(StoreError)
    expect(reason).toMatchObject({ code: 'unavailable' })
    expect((reason as StoreError).message).toMatch(/busy/)
  }
  expect(await readAll(store)).toEqual(before)
  holder.send('release')
  expect(await holder.answer()).toBe('released')
  await applied(store, merge('y', []))
  expect([...(await readAll(store)).keys()].sort()).toEqual(['g', 'y'])
  expect(contents(await readOne(store, 'g'))).toEqual({ a: 'before' })
})

test('each write has a time of its own: the patient one is made when the lock is gone', async () => {
  const file = newPath()
  const store = openStore(file)
  const release = lockDatabase(file)
  const impatient = store.apply(replace('g', [family('a')], { timeoutMs: 100 }))
  const patient = store.apply(replace('h', [family('a')], { timeoutMs: 20_000 }))
  await expect(impatient).rejects.toMatchObject({ code: 'unavailable' })
  release()
  expect(await patient).toMatchObject({ kind: 'applied', revision: 1, inconsistent: false })
  expect(await exists(store, 'g')).toBe(false)
})

test('a write whose time is over before its turn comes is not made', async () => {
  const store = openStore(newPath())
  const late = store.apply(replace('g', [family('a')], { timeoutMs: 0 }))
  const end = performance.now() + 5
  while (performance.now() < end) continue
  await expect(late).rejects.toMatchObject({ code: 'unavailable' })
  await applied(store, replace('h', []))
  expect(await exists(store, 'g')).toBe(false)
})

test('reading does not wait for the lock', async () => {
  const file = newPath()
  const store = openStore(file)
  await applied(store, replace('g', [family('a')]))
  const release = lockDatabase(file)
  expect(keysOf(await page(store, since(ORIGIN)))).toEqual(['g'])
  expect(await store.status()).toMatchObject({ unavailable: undefined, groups: 1 })
  expect(await store.verify()).toEqual([])
  release()
})

test('maintenance under a lock is put off without waiting or failing', async () => {
  const file = newPath()
  const store = openStore(file, { historyMax: 1, tombstonesMax: 0 })
  await applied(store, replace('g', []))
  await applied(store, remove('g'))
  const release = lockDatabase(file)
  expect(await longestStall(store.maintain())).toBeLessThan(2000)
  release()
  await store.maintain()
  const db = openDatabase(file)
  expect(db.prepare('SELECT count(*) FROM groups').pluck().get()).toBe(0)
})

test('closing waits for writes that wait for the lock', async () => {
  const file = newPath()
  const store = openStore(file)
  const release = lockDatabase(file)
  const write = store.apply(replace('g', [family('a')]))
  const closed = store.close()
  release()
  expect(await write).toMatchObject({ kind: 'applied' })
  await closed
  expect(await exists(openStore(file), 'g')).toBe(true)
})

test('wiping under a lock goes on when the lock is gone', async () => {
  const file = newPath()
  const store = openStore(file)
  await applied(store, replace('g', []))
  const release = lockDatabase(file)
  const wiped = store.wipe(newNonce)
  release()
  expect(await wiped).toBe(1)
})

test('a gateway on a locked database answers pushes 503 after --storage.timeout, and scrapes', async () => {
  const file = newPath()
  const { url } = await startTestApp(`--storage.url=sqlite:${file}`, '--storage.timeout=300ms')
  expect((await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })).status).toBe(200)
  const release = lockDatabase(file)
  for (const [method, body] of [
    ['PUT', 'm 2\n'],
    ['POST', 'm 3\n'],
    ['DELETE', ''],
  ] as const) {
    const answer = await send(method, url, '/metrics/job/j', { body })
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect(answer.text).toMatch(/busy/)
  }
  const page = await send('GET', url, '/metrics')
  expect(page.text).toContain('m{instance="",job="j"} 1\n')
  expect((await send('GET', url, '/-/ready')).status).toBe(200)
  release()
  expect((await send('PUT', url, '/metrics/job/j', { body: 'm 4\n' })).status).toBe(200)
})

test('a write that fails by itself does not take down those that are committed with it', async () => {
  const file = newPath()
  const store = openStore(file)
  await applied(store, replace('before', []))
  // What makes one write fail in the middle of a transaction, in the way a broken disk would.
  openDatabase(file).exec(
    `CREATE TRIGGER poison BEFORE INSERT ON groups WHEN new.labels LIKE '%666f756c%'
     BEGIN SELECT RAISE(ABORT, 'poisoned'); END`,
  )
  const keys = Array.from({ length: 60 }, (_, i) => (i % 20 === 7 ? `foul${i}` : `g${i}`))
  const results = await Promise.allSettled(
    keys.map((key) => store.apply(replace(key, [family('m')]))),
  )
  for (const [i, key] of keys.entries()) {
    const foul = key.startsWith('foul')
    expect({ key, status: results[i]!.status }).toEqual({
      key,
      status: foul ? 'rejected' : 'fulfilled',
    })
    expect(await exists(store, key)).toBe(!foul)
  }
  expect(await store.verify()).toEqual([])
  const revisions = [...(await readAll(store)).values()].map(({ revision }) => revision)
  expect(revisions.sort((a, b) => a - b)).toEqual(revisions.map((_, i) => i + 1))
  await Promise.all(keys.slice(0, 5).map((key) => applied(store, merge(key, []))))
})

test('a write that cannot be written down at all is rejected, and those beside it are made', async () => {
  const store = openStore(newPath())
  const impossible = replace('g', [family('a')], { partition: undefined as unknown as string })
  const [bad, good] = await Promise.allSettled([
    store.apply({ ...impossible, partition: { not: 'text' } as unknown as string }),
    store.apply(replace('h', [family('a')])),
  ])
  expect(bad.status).toBe('rejected')
  expect(good).toMatchObject({ status: 'fulfilled', value: { kind: 'applied' } })
  expect(await store.verify()).toEqual([])
  await applied(store, replace('g', [family('a')]))
})
