/** Much of everything: families, bytes, revisions beyond what is kept of them. */
import { expect, test } from '@jest/globals'
import { describeWith } from '../support/programs.ts'
import { startRedis } from '../support/redis/server.ts'
import { applied, readAll, Reader, readOne } from './contract/reading.ts'
import { family, merge, remove, replace } from './contract/writes.ts'
import { newPrefix, openStore, startBehindProxy } from './redis-stores.ts'

/** Of how many revisions a store keeps the nonces. */
const HISTORY = 1 << 20

describeWith('redis-server', 'a group', () => {
  test('may have more families than the stack of a script takes values', async () => {
    const store = await openStore((await startRedis()).url({ prefix: newPrefix() }))
    const families = Array.from({ length: 12_000 }, (_, i) => family(`f${i}`))
    await applied(store, replace('g', families))
    await applied(store, merge('g', [family('another')]))
    expect((await readOne(store, 'g')).families).toHaveLength(12_001)
    await applied(store, replace('g', families.slice(0, 6_000)))
    expect((await readOne(store, 'g')).families).toHaveLength(6_000)
    expect(await store.verify()).toEqual([])
    await applied(store, remove('g'))
    expect(await store.verify()).toEqual([])
  })

  test('may be of many megabytes', async () => {
    const store = await openStore((await startRedis()).url({ prefix: newPrefix() }))
    const data = 'x'.repeat(20_000_000)
    await applied(store, replace('g', [family('a', { data })]))
    expect((await readOne(store, 'g')).families[0]!.data.length).toBe(20_000_000)
    expect((await readAll(store)).size).toBe(1)
  })
})

describeWith('redis-server', 'when more revisions were made than nonces are kept', () => {
  test('lost replies are still noticed, and readers go on, across the end of the ring', async () => {
    const { server, store, direct, proxy, prefix } = await startBehindProxy()
    await applied(store, replace('first', []))
    await server.call('HSET', `{${prefix}}:store`, 'revision', HISTORY - 4)
    await applied(store, replace('second', []))
    const reader = new Reader(direct)
    await reader.follow(Infinity)
    for (let i = 0; i < 7; i++) {
      const cut = proxy.cutAfter(`lost${i}`)
      const revision = HISTORY - 2 + i
      expect(await store.apply(replace(`lost${i}`, []))).toMatchObject({ revision })
      await cut
      if (i % 2 === 0) await reader.follow(Infinity)
    }
    await reader.follow(Infinity)
    expect(reader.resets).toEqual([])
    expect(reader.state).toEqual(await readAll(direct))
  })

  test('who is further behind than that starts again', async () => {
    const { server, store, prefix } = await startBehindProxy()
    await applied(store, replace('first', []))
    const reader = new Reader(store)
    await reader.follow(Infinity)
    await server.call('HSET', `{${prefix}}:store`, 'revision', HISTORY)
    await applied(store, replace('second', []))
    await reader.follow(Infinity)
    expect(reader.resets).toEqual(['history'])
    expect(reader.state).toEqual(await readAll(store))
  })
})
