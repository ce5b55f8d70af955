/**
 * A Redis that syncs each write to disk is killed while clients push: what was acknowledged is there
 * when it is back. KILL_ROUNDS says how often.
 */
import { describe, expect, test } from '@jest/globals'
import { waitFor } from '../support/http.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis, type ServerProgram } from '../support/redis/server.ts'
import { readAll, Reader } from './contract/reading.ts'
import { Ledger, Load } from './ledger.ts'
import { generator } from './random.ts'
import { newPrefix, openStore } from './redis-stores.ts'

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 3)
const CLIENTS = 12
/** Shorter than it takes to come back: so some writes fail, and may have been made. */
const TIMEOUT_MS = 100

async function killAndCheck(program: ServerProgram): Promise<void> {
  const seed = Date.now() % 1e6
  const random = generator(seed)
  const server = await startRedis({ program, config: ['appendonly yes', 'appendfsync always'] })
  const url = server.url({ prefix: newPrefix() })
  const stores = [await openStore(url), await openStore(url)]
  const reader = new Reader(stores[0]!)
  const ledgers = Array.from({ length: CLIENTS }, (_, i) => new Ledger(`client${i}`, random))
  const load = new Load(stores, ledgers, TIMEOUT_MS)
  for (let round = 1; round <= ROUNDS; round++) {
    const goal = load.acknowledged + 200 + random.below(300)
    const reached = (): true | undefined => load.acknowledged >= goal || undefined
    await waitFor('acknowledged writes', reached, 30_000)
    if (round % 2 === 0) await reader.follow(Infinity)
    await server.kill()
    await server.restart()
  }
  await load.stop()
  const { acknowledged, failed } = load
  process.stderr.write(`${program}, kill -9: ${JSON.stringify({ seed, acknowledged, failed })}\n`)
  const state = await readAll(stores[1]!)
  for (const ledger of ledgers) ledger.check(state)
  await reader.follow(Infinity)
  expect(reader.state).toEqual(state)
  expect(reader.resets).toEqual([])
  expect(await stores[1]!.verify()).toEqual([])
}

describe.each(['redis-server', 'valkey-server'] as const)(
  '%s, with each write on disk',
  (program) => {
    describeWith(program, 'killed under load', () => {
      test(
        `what was acknowledged before a kill -9 is there after it (${ROUNDS} rounds)`,
        () => killAndCheck(program),
        ROUNDS * 30_000,
      )
    })
  },
)
