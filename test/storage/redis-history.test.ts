/** A Redis whose data were emptied, replaced or set back: every reader notices, and follows. */
import { expect, test } from '@jest/globals'
import type { GroupStore } from '../../storage/group-store.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis, type RedisServer } from '../support/redis/server.ts'
import { applied, headOf, readAll, Reader } from './contract/reading.ts'
import { family, replace } from './contract/writes.ts'
import { newPrefix, openStore } from './redis-stores.ts'

function push(key: string, data = '') {
  return replace(key, [family('a', { data })])
}

async function start(): Promise<{ server: RedisServer; prefix: string; store: GroupStore }> {
  const server = await startRedis()
  const prefix = newPrefix()
  return { server, prefix, store: await openStore(server.url({ prefix })) }
}

async function follow(reader: Reader, store: GroupStore): Promise<void> {
  await reader.follow(Infinity)
  expect(reader.state).toEqual(await readAll(store))
}

describeWith('redis-server', 'when the data of the server change under its readers', () => {
  test('FLUSHALL is another store: readers start again, and the next push works', async () => {
    const { server, store } = await start()
    const reader = new Reader(store)
    await applied(store, push('before'))
    await follow(reader, store)
    const { epoch } = await headOf(store)
    await server.call('FLUSHALL')
    await follow(reader, store)
    expect(reader.resets).toEqual(['epoch'])
    expect(reader.state.size).toBe(0)
    const result = await store.apply(push('after'))
    expect(result).toMatchObject({ kind: 'applied', revision: 1 })
    expect(result).not.toMatchObject({ epoch })
    await follow(reader, store)
    expect([...reader.state.keys()]).toEqual(['after'])
    expect(await store.verify()).toEqual([])
  })

  test('FLUSHALL is noticed, too, when the first to come is a push', async () => {
    const { server, store } = await start()
    const reader = new Reader(store)
    await applied(store, push('before'))
    await follow(reader, store)
    await server.call('FLUSHALL')
    expect(await applied(store, push('after'))).toBe(1)
    await follow(reader, store)
    expect(reader.resets).toEqual(['epoch'])
    expect([...reader.state.keys()]).toEqual(['after'])
  })

  test('an older snapshot is noticed by whoever is ahead of it, and by whom it has passed again', async () => {
    const { server, store } = await start()
    const [early, late] = [new Reader(store), new Reader(store)]
    for (const key of ['a', 'b', 'c']) await applied(store, push(key))
    await server.call('SAVE')
    for (const key of ['b', 'd', 'e']) await applied(store, push(key, 'gone'))
    await follow(early, store)
    await follow(late, store)
    await server.kill()
    await server.restart()
    await follow(early, store)
    expect(early.resets).toEqual(['ahead'])
    for (const key of ['f', 'g', 'h', 'i']) await applied(store, push(key))
    await follow(late, store)
    expect(late.resets).toEqual(['diverged'])
    await follow(early, store)
    expect(early.resets).toEqual(['ahead'])
    expect([...early.state.keys()].sort()).toEqual(['a', 'b', 'c', 'f', 'g', 'h', 'i'])
    expect(await store.verify()).toEqual([])
  })

  test('a push after that is judged by what is there now', async () => {
    const { server, store } = await start()
    await server.call('SAVE')
    await applied(store, replace('g', [family('m', { type: 'counter' })]))
    await server.kill()
    await server.restart()
    await applied(store, replace('h', [family('m', { type: 'gauge' })]))
    expect(await store.apply(replace('g', [family('m', { type: 'counter' })]))).toMatchObject({
      kind: 'refused',
      claim: 'm',
    })
  })

  test('stores of two prefixes on one server know nothing of each other', async () => {
    const { server, store } = await start()
    const other = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, replace('g', [family('m', { type: 'counter' })]))
    await applied(other, replace('g', [family('m', { type: 'gauge' })]))
    await other.wipe(() => '00000000000000ff')
    expect((await readAll(store)).size).toBe(1)
    expect((await headOf(other)).epoch).not.toBe((await headOf(store)).epoch)
  })
})
