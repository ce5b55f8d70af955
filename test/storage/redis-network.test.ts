/**
 * Clients push over a network that is cut, silent, slow and late at random: what was acknowledged is
 * there, and what failed is not made afterwards. NETWORK_FAULTS says how many.
 */
import { expect, test } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import type { GroupStore } from '../../storage/group-store.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis } from '../support/redis/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { contents, readAll, Reader } from './contract/reading.ts'
import { Ledger, Load } from './ledger.ts'
import { generator, type Random } from './random.ts'
import { newPrefix, openStore } from './redis-stores.ts'

const FAULTS = Number(process.env.NETWORK_FAULTS ?? 15)
const CLIENTS = 8

/**
 * Holds back one request until its connection was given up and another one made the write, and what
 * came next.
 */
async function overtake(proxy: TcpProxy, random: Random, key: string): Promise<void> {
  const held = proxy.holdBack(key)
  await held.came
  await pause(2_050 + random.below(1_000))
  await held.release()
}

/** One fault, for some time that is part of it; afterwards the network is well. */
async function fault(proxy: TcpProxy, random: Random, keys: readonly string[]): Promise<void> {
  const ms = 20 + random.below(150)
  const some = random.pick(['requests', 'replies'] as const)
  switch (
    random.pick(['cut', 'cut after', 'silence after', 'hold', 'swallow', 'delay', 'refuse'])
  ) {
    case 'cut':
      proxy.cut()
      break
    case 'cut after':
      void proxy.cutAfter(random.pick(keys))
      break
    case 'silence after':
      void proxy.silenceAfter(random.pick(keys))
      break
    case 'hold':
      proxy.hold(some)
      await pause(ms)
      break
    case 'swallow':
      proxy.swallow(some)
      break
    case 'delay':
      proxy.delay(ms)
      break
    case 'refuse':
      await proxy.refuse()
      await pause(ms)
      await proxy.accept()
  }
  await pause(ms)
  proxy.forward()
}

/**
 * Follows the store all the time. Values of a client only rise; one that falls is an old write that
 * was made after a newer one.
 */
async function watch(
  reader: Reader,
  keys: readonly string[],
  watching: { readonly goesOn: boolean },
): Promise<number> {
  const highest = new Map<string, number>()
  let looks = 0
  for (; watching.goesOn; looks++) {
    await reader.follow(10_000)
    for (const key of keys) {
      const { n } = contents(reader.state.get(key) ?? null)
      if (n === undefined) continue
      if (Number(n) < (highest.get(key) ?? 0)) throw new Error(`${key} went back to ${n}`)
      highest.set(key, Number(n))
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return looks
}

describeWith('redis-server', 'over a network that cannot be trusted', () => {
  test(
    `what was acknowledged is there, and what failed is not made later (${FAULTS} faults)`,
    async () => {
      const seed = Number(process.env.NETWORK_SEED ?? Date.now() % 1e6)
      const random = generator(seed)
      const server = await startRedis()
      const prefix = newPrefix()
      const direct = await openStore(server.url({ prefix }))
      const proxies = [await startTcpProxy(server), await startTcpProxy(server)] as const
      const stores: GroupStore[] = []
      for (const { port } of proxies) {
        stores.push(await openStore(`redis://127.0.0.1:${port}/0?prefix=${prefix}`))
      }
      const ledgers = Array.from({ length: CLIENTS }, (_, i) => new Ledger(`client${i}`, random))
      // Some give up before a silent connection is, others after that.
      const loads = [
        new Load(stores, ledgers.slice(0, CLIENTS / 2), 600),
        new Load(stores, ledgers.slice(CLIENTS / 2), 5_000),
      ]
      const reader = new Reader(direct)
      const keys = ledgers.map(({ key }) => key)
      const watching = { goesOn: true }
      const watched = watch(reader, keys, watching)
      watched.catch(() => undefined)
      closeAfterTest(() => void (watching.goesOn = false))
      for (let i = 0; i < FAULTS; i++) {
        const which = random.below(2)
        // Of those who give up later than their connection is given up.
        const key = keys[CLIENTS - 2 + which]!
        if (i % 5 === 0) await overtake(proxies[which]!, random, key)
        else await fault(random.pick(proxies), random, keys)
      }
      await Promise.all(loads.map((load) => load.stop()))
      watching.goesOn = false
      const looks = await watched
      const sum = (what: 'acknowledged' | 'failed'): number =>
        loads.reduce((total, load) => total + load[what], 0)
      const counts = { seed, acknowledged: sum('acknowledged'), failed: sum('failed'), looks }
      process.stderr.write(`network: ${JSON.stringify(counts)}\n`)
      const state = await readAll(direct)
      for (const ledger of ledgers) ledger.check(state)
      await reader.follow(10_000)
      expect(reader.state).toEqual(state)
      expect(reader.resets).toEqual([])
      expect(await direct.verify()).toEqual([])
    },
    30_000 + FAULTS * 5_000,
  )
})
