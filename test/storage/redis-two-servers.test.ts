/** An address that leads to another server from some moment on, as those of failover services do. */
import { expect, test } from '@jest/globals'
import net from 'node:net'
import { closeAfterTest } from '../support/cleanup.ts'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis, type RedisServer } from '../support/redis/server.ts'
import { applied, exists, headOf, Reader } from './contract/reading.ts'
import { family, replace } from './contract/writes.ts'
import { newPrefix, openStore } from './redis-stores.ts'

interface MovingAddress {
  readonly port: number
  /** Where connections lead that are made from now on. */
  leadTo(server: RedisServer): void
}

async function startMovingAddress(first: RedisServer): Promise<MovingAddress> {
  let target = first
  const sockets = new Set<net.Socket>()
  const listener = net.createServer((client) => {
    const server = net.connect(target.port, '127.0.0.1')
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  closeAfterTest(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        listener.close(() => resolve())
      }),
  )
  return {
    port: (listener.address() as net.AddressInfo).port,
    leadTo: (server) => void (target = server),
  }
}

/** The ids of the connections that a server has under a name. */
async function connectionsOf(server: RedisServer, name: string): Promise<string[]> {
  const list = String(await server.call('CLIENT', 'LIST'))
  return list
    .split('\n')
    .filter((line) => line.includes(` name=${name} `))
    .map((line) => /^id=(\d+)/.exec(line)![1]!)
}

describeWith(
  'redis-server',
  'when an address leads to a replica that took over, and the old primary lives on',
  () => {
    test.each(['sluice-writer', 'sluice-reader'])(
      'what is acknowledged is read, though only %s noticed',
      async (name) => {
        const old = await startRedis()
        const taking = await startRedis({ config: [`replicaof 127.0.0.1 ${old.port}`] })
        const address = await startMovingAddress(old)
        const store = await openStore(`redis://127.0.0.1:${address.port}/0?prefix=${newPrefix()}`)
        const reader = new Reader(store)
        await applied(store, replace('before', [family('a')]))
        await reader.follow(1000)
        await waitFor('the replica to have it', async () =>
          (await taking.call('DBSIZE')) === (await old.call('DBSIZE')) ? true : undefined,
        )
        await taking.call('REPLICAOF', 'NO', 'ONE')
        address.leadTo(taking)
        for (const id of await connectionsOf(old, name)) await old.call('CLIENT', 'KILL', 'ID', id)
        if (name === 'sluice-reader') {
          // The old primary is no place to write any more, which it has to be told.
          await old.call('REPLICAOF', '127.0.0.1', taking.port)
        }
        await applied(store, replace('after', [family('a')]))
        expect(await exists(store, 'after')).toBe(true)
        await reader.follow(1000)
        expect([...reader.state.keys()].sort()).toEqual(['after', 'before'])
        expect(await headOf(store)).toEqual(reader.cursor)
        expect(await connectionsOf(taking, 'sluice-reader')).toHaveLength(1)
        expect(await connectionsOf(taking, 'sluice-writer')).toHaveLength(1)
      },
    )
  },
)
