/** Replicas that confirm writes, and a primary that is none any more. */
import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../storage/group-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { queryText, startRedis, type RedisServer } from '../support/redis/server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { applied, exists, headOf, since } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { failureOf, newPrefix, openStore } from './redis-stores.ts'

function push(key: string, timeoutMs = 20_000) {
  return replace(key, [family('a')], { timeoutMs })
}

async function startWithReplica(
  ...config: string[]
): Promise<{ primary: RedisServer; replica: RedisServer }> {
  const primary = await startRedis({ config })
  const replica = await startRedis({ config: [`replicaof 127.0.0.1 ${primary.port}`] })
  await waitFor('the replica to be in step', async () =>
    String(await primary.call('INFO', 'replication')).includes('state=online') ? true : undefined,
  )
  closeAfterTest(() => replica.resume())
  return { primary, replica }
}

describeWith('redis-server', 'writes that a replica has to confirm', () => {
  test('are on the replica when they are acknowledged', async () => {
    const { primary, replica } = await startWithReplica()
    const prefix = newPrefix()
    const store = await openStore(primary.url({ prefix, wait: '1' }))
    for (let i = 1; i <= 20; i++) {
      await applied(store, push(`g${i}`))
      expect(await replica.call('EXISTS', `{${prefix}}:group:g${i}`)).toBe(1)
    }
  })

  test('are unconfirmed at their deadline while the replica hangs, though they are made', async () => {
    const { primary, replica } = await startWithReplica()
    const store = await openStore(primary.url({ prefix: newPrefix(), wait: '1' }))
    await applied(store, push('before'))
    replica.pause()
    const { error, afterMs } = await failureOf(() => store.apply(push('during', 700)))
    expect(error.code).toBe('unconfirmed')
    expect(afterMs).toBeGreaterThanOrEqual(695)
    expect(afterMs).toBeLessThan(2_500)
    expect(await exists(store, 'during')).toBe(true)
    replica.resume()
    await applied(store, push('during'))
  })

  test('are confirmed, too, when they change nothing', async () => {
    const { primary, replica } = await startWithReplica()
    const store = await openStore(primary.url({ prefix: newPrefix(), wait: '1' }))
    await applied(store, push('before'))
    replica.pause()
    await failureOf(() => store.apply({ ...remove('before'), timeoutMs: 300 }))
    // It is gone, but not yet on the replica: nobody may be told that all is well.
    const { error } = await failureOf(() => store.apply({ ...remove('before'), timeoutMs: 300 }))
    expect(error.code).toBe('unconfirmed')
    replica.resume()
    expect(await store.apply(remove('before'))).toEqual({ kind: 'unchanged' })
  })

  test('are unconfirmed where there are no replicas at all', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix(), wait: '1' }))
    const { error } = await failureOf(() => store.apply(push('g', 400)))
    expect(error.code).toBe('unconfirmed')
  })

  test('are unconfirmed by a hanging replica, too, when the primary has forgotten the scripts', async () => {
    const { primary, replica } = await startWithReplica('repl-ping-replica-period 3600')
    const store = await openStore(primary.url({ prefix: newPrefix(), wait: '1' }))
    await applied(store, push('before'))
    await primary.call('SCRIPT', 'FLUSH')
    // It has all there is: so it also has what was written before the script was asked for in vain.
    await waitFor('the replica to have everything', async () => {
      const info = String(await primary.call('INFO', 'replication'))
      const offsets = [/,offset=(\d+)/, /master_repl_offset:(\d+)/].map(
        (one) => one.exec(info)?.[1],
      )
      return offsets[0] === offsets[1] ? true : undefined
    })
    replica.pause()
    const { error } = await failureOf(() => store.apply(push('during', 700)))
    expect(error.code).toBe('unconfirmed')
  })

  test('are made once, and confirmed, when the reply of the confirmation is lost', async () => {
    const { primary, replica } = await startWithReplica()
    const proxy = await startTcpProxy(primary)
    const prefix = newPrefix()
    const store = await openStore(
      `redis://127.0.0.1:${proxy.port}/0${queryText({ prefix, wait: '1' })}`,
    )
    await applied(store, push('before'))
    const cut = proxy.cutAfter('lost', 1)
    expect(await store.apply(push('lost'))).toMatchObject({ kind: 'applied', revision: 2 })
    await cut
    expect(await headOf(store)).toMatchObject({ revision: 2 })
    expect(await replica.call('EXISTS', `{${prefix}}:group:lost`)).toBe(1)
  })

  test('are waited for together, not one after the other', async () => {
    const { primary } = await startWithReplica()
    const store = await openStore(primary.url({ prefix: newPrefix(), wait: '1' }))
    const keys = Array.from({ length: 300 }, (_, i) => `g${i}`)
    await Promise.all(keys.map((key) => applied(store, push(key))))
    const waits = /cmdstat_wait:calls=(\d+)/.exec(
      String(await primary.call('INFO', 'commandstats')),
    )
    expect(Number(waits?.[1])).toBeLessThan(100)
  })
})

describeWith('redis-server', 'a primary that became a replica', () => {
  test('serves neither pushes nor scrapes, and both again when it is primary again', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    // Of a primary that is not there: so it keeps its data.
    await server.call('REPLICAOF', '127.0.0.1', 1)
    const failures = await Promise.all([
      failureOf(() => store.apply(push('during', 400))),
      failureOf(() => store.changes(since(ORIGIN))),
      failureOf(() => store.read([Buffer.from('before')])),
    ])
    for (const { error } of failures) expect(error.code).toBe('unavailable')
    expect((await store.status()).unavailable).toEqual(expect.any(String))
    await server.call('REPLICAOF', 'NO', 'ONE')
    expect(await applied(store, push('after'))).toBe(2)
    expect(await headOf(store)).toMatchObject({ revision: 2 })
    expect(await exists(store, 'during')).toBe(false)
  })

  test('is not what a store opens on', async () => {
    const { replica } = await startWithReplica()
    const store = await openStore(replica.url({ prefix: newPrefix() }))
    expect((await store.status()).unavailable).toEqual(expect.any(String))
    const { error } = await failureOf(() => store.apply(push('g', 300)))
    expect(error.code).toBe('unavailable')
  })

  test('which must have replicas and lost them refuses pushes, and takes them when they are back', async () => {
    const { primary, replica } = await startWithReplica()
    const store = await openStore(primary.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    await primary.call('CONFIG', 'SET', 'min-replicas-to-write', 1)
    await replica.kill()
    await waitFor('the replica to be gone', async () =>
      String(await primary.call('INFO', 'replication')).includes('connected_slaves:0')
        ? true
        : undefined,
    )
    const { error } = await failureOf(() => store.apply(push('during', 300)))
    expect(error.code).toBe('unavailable')
    await replica.restart()
    await applied(store, push('after'))
    expect(await exists(store, 'during')).toBe(false)
  })
})
