/** A Redis whose memory is full, or that drops keys by itself: nothing is missing without a word. */
import { expect, test } from '@jest/globals'
import { ORIGIN, type GroupStore } from '../../storage/group-store.ts'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis, type RedisServer } from '../support/redis/server.ts'
import { applied, contents, readAll, readOne, since } from './contract/reading.ts'
import { family, fail, merge, remove, replace } from './contract/writes.ts'
import { failureOf, newPrefix, openStore } from './redis-stores.ts'

const KILOBYTES_100 = 'x'.repeat(100 * 1024)

function push(key: string) {
  return replace(key, [family('a', { data: KILOBYTES_100 })])
}

interface Full {
  readonly server: RedisServer
  readonly prefix: string
  readonly store: GroupStore
  /** How many groups there are: `g0`, `g1`, … */
  readonly groups: number
}

/** Pushes until the server has no room left. */
async function fillUp(): Promise<Full> {
  const server = await startRedis({ config: ['maxmemory 8mb'] })
  const prefix = newPrefix()
  const store = await openStore(server.url({ prefix }))
  for (let groups = 0; groups < 200; groups++) {
    const failed = await store.apply(push(`g${groups}`)).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failed === undefined) continue
    expect(failed).toMatchObject({ name: 'StoreError', code: 'full' })
    // From here on there is no room for anything, not only none for a push of that size.
    await server.call('CONFIG', 'SET', 'maxmemory', '6mb')
    return { server, prefix, store, groups }
  }
  throw new Error('the server takes as much as one likes')
}

describeWith('redis-server', 'a server whose memory is full', () => {
  test('refuses pushes as full, without having changed anything', async () => {
    const { store, groups } = await fillUp()
    for (const write of [push('another'), merge('g0', [family('b', { data: KILOBYTES_100 })])]) {
      const { error, afterMs } = await failureOf(() => store.apply(write))
      expect(error.code).toBe('full')
      expect(afterMs).toBeLessThan(5_000)
    }
    expect((await readAll(store)).size).toBe(groups)
    expect(await store.status()).toMatchObject({ groups, head: { revision: groups } })
    expect(await store.verify()).toEqual([])
  })

  test('goes on to be read, and deletes make room', async () => {
    const { store, groups } = await fillUp()
    expect(contents(await readOne(store, 'g0'))).toEqual({ a: KILOBYTES_100 })
    expect(await store.changes(since(ORIGIN))).toMatchObject({ kind: 'page', complete: true })
    for (let i = 0; i < 40; i++) await applied(store, remove(`g${i}`))
    // Memory is freed aside.
    await waitFor('a push to find room', () =>
      store.apply(push('another')).then(
        () => true as const,
        () => undefined,
      ),
    )
    expect((await readAll(store)).size).toBe(groups - 40 + 1)
    expect(await store.verify()).toEqual([])
  })

  test('can be wiped', async () => {
    const { store, groups } = await fillUp()
    let nonces = 0
    expect(await store.wipe(() => (++nonces).toString(16).padStart(16, '0'))).toBe(groups)
    expect(await readAll(store)).toEqual(new Map())
    expect(await store.verify()).toEqual([])
  })

  test('can be read and deleted from by who connects only now', async () => {
    const { server, prefix, groups } = await fillUp()
    const store = await openStore(server.url({ prefix }))
    expect((await readAll(store)).size).toBe(groups)
    await applied(store, remove('g0'))
  })
})

describeWith('redis-server', 'a group whose data somebody else removed', () => {
  async function lose(): Promise<GroupStore> {
    const server = await startRedis()
    const prefix = newPrefix()
    const store = await openStore(server.url({ prefix }))
    for (const key of ['a', 'b']) await applied(store, replace(key, [family(key)]))
    expect(await server.call('DEL', `{${prefix}}:group:a`)).toBe(1)
    return store
  }

  test.each<[string, (store: GroupStore) => Promise<unknown>]>([
    ['changes', (store) => store.changes(since(ORIGIN))],
    ['read', (store) => store.read([Buffer.from('b'), Buffer.from('a')])],
    ['verify', (store) => store.verify()],
  ])('is reported by %s as damage of the store, not as missing', async (_name, call) => {
    const store = await lose()
    expect((await failureOf(() => call(store))).error.code).toBe('corrupt')
  })

  test.each([
    ['a replace', () => replace('a', [family('a')])],
    ['a merge', () => merge('a', [family('a')])],
    ['a failure', () => fail('a')],
  ])('is not made anew as if nothing had been: %s fails', async (_name, make) => {
    const store = await lose()
    const { error, afterMs } = await failureOf(() => store.apply(make()))
    expect(error.code).toBe('corrupt')
    expect(afterMs).toBeLessThan(5_000)
  })

  test('can be deleted, and then all is well', async () => {
    const store = await lose()
    await applied(store, remove('a'))
    expect([...(await readAll(store)).keys()]).toEqual(['b'])
    expect(await store.status()).toMatchObject({ groups: 1, samples: 1 })
    expect(await store.verify()).toEqual([])
    // Its claims are nobody's any more.
    await applied(store, replace('c', [family('a', { type: 'counter' })]))
  })

  test('does not keep other groups from being pushed', async () => {
    const store = await lose()
    await applied(store, replace('b', [family('b')]))
    await applied(store, replace('c', [family('c')]))
  })
})

describeWith('redis-server', 'a store whose books somebody else removed', () => {
  test('is damaged, not empty', async () => {
    const server = await startRedis()
    const prefix = newPrefix()
    const store = await openStore(server.url({ prefix }))
    await applied(store, replace('a', [family('a')]))
    await server.call('DEL', `{${prefix}}:store`)
    expect((await failureOf(() => store.changes(since(ORIGIN)))).error.code).toBe('corrupt')
    expect((await failureOf(() => store.apply(replace('b', [])))).error.code).toBe('corrupt')
  })
})

describeWith('redis-server', 'a server that drops keys when its memory is full', () => {
  test.each(['allkeys-lru', 'allkeys-random', 'allkeys-lfu'])(
    'with %s is refused, and the message says what to set',
    async (policy) => {
      const server = await startRedis({ config: [`maxmemory-policy ${policy}`] })
      const { error } = await failureOf(() => openStore(server.url({ prefix: newPrefix() })))
      expect(error.code).toBe('unusable')
      expect(error.message).toContain(policy)
      expect(error.message).toContain('noeviction')
    },
  )

  test.each(['noeviction', 'volatile-lru', 'volatile-ttl'])(
    'with %s can be used: our keys have no time to live',
    async (policy) => {
      const server = await startRedis({ config: [`maxmemory-policy ${policy}`] })
      const store = await openStore(server.url({ prefix: newPrefix() }))
      await applied(store, replace('g', []))
    },
  )

  test('is refused, too, when it turns out to be one after reconnecting', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, replace('g', []))
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await waitFor('the connection to be made again', async () =>
      (await store.status()).unavailable?.includes('allkeys-lru') === true ? true : undefined,
    )
    const { error } = await failureOf(() => store.apply(replace('h', [])))
    expect(error.code).toBe('unusable')
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await waitFor('the store to be usable again', () =>
      store.apply(replace('h', [])).then(
        () => true as const,
        () => undefined,
      ),
    )
  })
})
