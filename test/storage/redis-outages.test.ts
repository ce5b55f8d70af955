/** A Redis that stops, hangs, is busy, loads or comes back: what calls answer meanwhile, and that all recovers. */
import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../storage/group-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { freePort } from '../support/free-port.ts'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { connect } from '../support/redis/call.ts'
import { RedisServer, startRedis } from '../support/redis/server.ts'
import { applied, exists, headOf, page, since } from './contract/reading.ts'
import { family, replace } from './contract/writes.ts'
import { failureOf, newPrefix, openStore, startBehindProxy } from './redis-stores.ts'

function push(key: string, timeoutMs = 20_000) {
  return replace(key, [family('a')], { timeoutMs })
}

const PERSISTENT = ['appendonly yes', 'appendfsync always']

describeWith('redis-server', 'while the server does not answer', () => {
  test('a write fails at its deadline and not before, and is not made afterwards', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    server.pause()
    closeAfterTest(() => server.resume())
    const { error, afterMs } = await failureOf(() => store.apply(push('during', 500)))
    expect(['unavailable', 'unconfirmed']).toContain(error.code)
    expect(afterMs).toBeGreaterThanOrEqual(495)
    expect(afterMs).toBeLessThan(1500)
    server.resume()
    await applied(store, push('after'))
    expect(await exists(store, 'during')).toBe(false)
    expect(await headOf(store)).toMatchObject({ revision: 2 })
  })

  test('a write that has the time waits, and is made once', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    server.pause()
    closeAfterTest(() => server.resume())
    const write = store.apply(push('during'))
    // Longer than the silence that ends a connection: what was sent on it is still there, unread.
    await waitFor('the connection to be given up', async () =>
      (await store.status()).unavailable === undefined ? undefined : true,
    )
    server.resume()
    expect(await write).toMatchObject({ kind: 'applied', revision: 2 })
    await applied(store, push('after'))
    expect(await headOf(store)).toMatchObject({ revision: 3 })
  })

  test('a connection that nobody uses is given up within three seconds of silence', async () => {
    const { proxy, told, store } = await startBehindProxy()
    const startedAt = performance.now()
    proxy.swallow('replies')
    await waitFor('the silence to be noticed', () => told.includes('lost') || undefined)
    expect(performance.now() - startedAt).toBeLessThan(3_500)
    proxy.forward()
    await waitFor('another connection', () => told.at(-1) === 'restored' || undefined)
    await applied(store, push('after'))
  })

  test('reading over a connection that fell silent succeeds on the next one', async () => {
    const { proxy, store, direct } = await startBehindProxy()
    await applied(direct, push('g'))
    proxy.swallow('requests')
    const read = store.changes(since(ORIGIN))
    await waitFor('bytes to be lost', () => proxy.lost > 0 || undefined)
    proxy.forward()
    expect(await read).toMatchObject({ kind: 'page', complete: true, head: { revision: 1 } })
  })
})

describeWith('redis-server', 'while the server is away', () => {
  test('writes and reads fail as unavailable, the status says so, and all recovers without reopening', async () => {
    const server = await startRedis({ config: PERSISTENT })
    const told: string[] = []
    const store = await openStore(server.url({ prefix: newPrefix() }), {
      events: { lost: () => void told.push('lost'), restored: () => void told.push('restored') },
    })
    await applied(store, push('before'))
    await server.kill()
    const { error, afterMs } = await failureOf(() => store.apply(push('during', 300)))
    expect(error.code).toBe('unavailable')
    expect(afterMs).toBeGreaterThanOrEqual(295)
    expect((await store.status()).unavailable).toEqual(expect.any(String))
    expect(told).toEqual(['restored', 'lost'])
    await server.restart()
    await applied(store, push('after'))
    expect(await headOf(store)).toMatchObject({ revision: 2 })
    expect(await exists(store, 'before')).toBe(true)
    expect((await store.status()).unavailable).toBeUndefined()
    expect(told).toEqual(['restored', 'lost', 'restored'])
  })

  test('a write that has the time waits for it to come back', async () => {
    const server = await startRedis({ config: PERSISTENT })
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    await server.kill()
    const write = store.apply(push('during'))
    await server.restart()
    expect(await write).toMatchObject({ kind: 'applied', revision: 2 })
  })

  test('a store can be opened, and works as soon as the server is there', async () => {
    const port = await freePort()
    const told: string[] = []
    const startedAt = performance.now()
    const store = await openStore(`redis://127.0.0.1:${port}?prefix=${newPrefix()}`, {
      events: { restored: () => void told.push('restored') },
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(await store.status()).toMatchObject({ unavailable: expect.any(String) as unknown })
    expect(told).toEqual([])
    await RedisServer.start(port, {})
    await applied(store, push('g'))
    expect(told).toEqual(['restored'])
  })

  test('closing does not wait for it', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await server.kill()
    const startedAt = performance.now()
    await store.close()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describeWith('redis-server', 'a server that is there and cannot serve', () => {
  test('while it loads its data, a write waits and is made when it has them', async () => {
    const config = ['key-load-delay 1000', 'loading-process-events-interval-bytes 1024']
    const server = await startRedis({ config: [...PERSISTENT, ...config] })
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    await server.call('DEBUG', 'POPULATE', 1500)
    await server.call('BGREWRITEAOF')
    await waitFor('the log to be rewritten', async () =>
      /aof_rewrite_in_progress:0[^]*aof_last_bgrewrite_status:ok/.test(
        String(await server.call('INFO', 'persistence')),
      )
        ? true
        : undefined,
    )
    await server.kill()
    server.startAgain()
    const { error } = await failureOf(() => store.apply(push('during', 300)))
    expect(error.code).toBe('unavailable')
    expect(await store.apply(push('after'))).toMatchObject({ kind: 'applied', revision: 2 })
    expect(await exists(store, 'before')).toBe(true)
  })

  test('while a script of somebody else runs, a write waits until its deadline', async () => {
    const server = await startRedis({ config: ['busy-reply-threshold 50'] })
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    const other = await connect({ port: server.port })
    const endless = other.call('EVAL', 'while true do end', 0).catch((error: unknown) => error)
    await waitFor('the server to be busy', () =>
      server.call('PING').then(
        () => undefined,
        () => true as const,
      ),
    )
    const { error, afterMs } = await failureOf(() => store.apply(push('during', 400)))
    expect(['unavailable', 'unconfirmed']).toContain(error.code)
    expect(afterMs).toBeGreaterThanOrEqual(395)
    const write = store.apply(push('after'))
    await server.call('SCRIPT', 'KILL')
    expect(await write).toMatchObject({ kind: 'applied', revision: 2 })
    expect(String(await endless)).toMatch(/killed/i)
    expect(await exists(store, 'during')).toBe(false)
  })

  test('scripts that it forgot are sent again', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    await applied(store, push('before'))
    await server.call('SCRIPT', 'FLUSH')
    expect(await applied(store, push('after'))).toBe(2)
    await server.call('SCRIPT', 'FLUSH')
    expect(await headOf(store)).toMatchObject({ revision: 2 })
  })

  test('connections that it ends are made again', async () => {
    const server = await startRedis()
    const store = await openStore(server.url({ prefix: newPrefix() }))
    for (let i = 1; i <= 5; i++) {
      expect(await applied(store, push('g'))).toBe(i)
      await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      expect((await page(store, since(ORIGIN))).head).toMatchObject({ revision: i })
    }
  })
})
