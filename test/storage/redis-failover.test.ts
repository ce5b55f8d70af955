/**
 * A primary that dies in full flight, under Sentinels and in a cluster: what replicas confirmed is
 * there afterwards, and stores and readers find the new primary by themselves.
 */
import { expect, test } from '@jest/globals'
import type { GroupStore } from '../../storage/group-store.ts'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { startRedisCluster } from '../support/redis/cluster.ts'
import { startSentinels } from '../support/redis/sentinels.ts'
import { readAll, Reader } from './contract/reading.ts'
import { Ledger, Load } from './ledger.ts'
import { generator } from './random.ts'
import { newPrefix, openStore } from './redis-stores.ts'

const CLIENTS = 10
const TIMEOUT_MS = 1500

function newLedgers(): Ledger[] {
  const random = generator(Date.now())
  return Array.from({ length: CLIENTS }, (_, i) => new Ledger(`client${i}`, random))
}

async function reach(load: Load, more: number): Promise<void> {
  const goal = load.acknowledged + more
  const reached = (): true | undefined => load.acknowledged >= goal || undefined
  await waitFor(`${more} acknowledged writes`, reached, 40_000)
}

/** What was acknowledged is there; and who followed all the time knows it too. */
async function check(store: GroupStore, ledgers: readonly Ledger[], reader: Reader): Promise<void> {
  const state = await readAll(store)
  for (const ledger of ledgers) ledger.check(state)
  await reader.follow(Infinity)
  expect(reader.state).toEqual(state)
  expect(await store.verify()).toEqual([])
}

function report(what: string, { acknowledged, failed }: Load, reader: Reader): void {
  const counts = JSON.stringify({ acknowledged, failed, resets: reader.resets })
  process.stderr.write(`${what}: ${counts}\n`)
}

describeWith(['redis-server', 'redis-sentinel'], 'when the primary dies under Sentinels', () => {
  test('nothing is lost that both replicas had confirmed; with the old primary back, writes are confirmed again', async () => {
    const sentinels = await startSentinels()
    const url = sentinels.url({ prefix: newPrefix(), wait: '2' })
    const stores = [await openStore(url), await openStore(url)]
    const reader = new Reader(stores[0]!)
    const ledgers = newLedgers()
    const load = new Load(stores, ledgers, TIMEOUT_MS)
    await reach(load, 300)
    await reader.follow(Infinity)
    const first = await sentinels.primary()
    await first.kill()
    await waitFor('another primary', async () =>
      (await sentinels.primary()) === first ? undefined : true,
    )
    await first.restart()
    await reach(load, 300)
    await load.stop()
    report('sentinels', load, reader)
    await check(stores[1]!, ledgers, reader)
  }, 90_000)
})

describeWith('redis-server', 'when the primary of the slot dies in a cluster', () => {
  test('nothing is lost that its replica had confirmed, and writes go on when it is back', async () => {
    const cluster = await startRedisCluster({ replicas: 1 })
    const prefix = newPrefix()
    const url = cluster.url({ prefix, wait: '1' })
    const stores = [await openStore(url), await openStore(url)]
    const reader = new Reader(stores[0]!)
    const ledgers = newLedgers()
    const load = new Load(stores, ledgers, TIMEOUT_MS)
    await reach(load, 300)
    await reader.follow(Infinity)
    const owner = await cluster.ownerOf(`{${prefix}}`)
    await owner.kill()
    await waitFor('another primary', async () =>
      (await cluster.ownerOf(`{${prefix}}`)) === owner ? undefined : true,
    )
    await owner.restart()
    await reach(load, 300)
    await load.stop()
    report('cluster', load, reader)
    await check(stores[1]!, ledgers, reader)
  }, 90_000)
})

describeWith('redis-server', 'when the primary of the slot hands it to its replica', () => {
  test('stores follow, and no write is lost or refused', async () => {
    const cluster = await startRedisCluster({ replicas: 1 })
    const prefix = newPrefix()
    const url = cluster.url({ prefix })
    const stores = [await openStore(url), await openStore(url)]
    const reader = new Reader(stores[0]!)
    const ledgers = newLedgers()
    const load = new Load(stores, ledgers, 20_000)
    await reach(load, 200)
    const owner = await cluster.ownerOf(`{${prefix}}`)
    const replica = cluster.nodes[3 + cluster.nodes.indexOf(owner)]!
    await replica.call('CLUSTER', 'FAILOVER')
    await waitFor('the replica to take over', async () =>
      (await cluster.ownerOf(`{${prefix}}`)) === replica ? true : undefined,
    )
    await reach(load, 200)
    await load.stop()
    report('manual failover', load, reader)
    expect(load.failed).toBe(0)
    await check(stores[1]!, ledgers, reader)
  }, 60_000)
})
