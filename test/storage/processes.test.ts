/** Several processes on one store: one order, one page, and what one answered all others show. */
import { describe, expect, test } from '@jest/globals'
import type { GroupStore, Revision } from '../../storage/group-store.ts'
import { openStore } from '../../storage/open.ts'
import { Model } from '../model/model.ts'
import { replay, type Made } from '../model/replay.ts'
import { expectedState, OWN_FAMILIES, ownMetrics, storedState } from '../model/world.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { pushed, scrape } from '../support/page.ts'
import { startGateway } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { startRedisCluster } from '../support/redis/cluster.ts'
import { startRedis } from '../support/redis/server.ts'
import { Reader } from './contract/reading.ts'
import { startChild } from './processes/child.ts'
import type { Pushed } from './processes/push-at-random.ts'
import { newPrefix } from './redis-stores.ts'
import { newPath, openDatabase } from './sqlite-files.ts'

const GATEWAYS = 4
const CLIENTS = 12
const PUSHES = 45

async function openUrl(url: string): Promise<GroupStore> {
  const store = await openStore(url)
  closeAfterTest(() => store.close())
  return store
}

async function pushThroughFourGateways(url: string): Promise<void> {
  const gateways = await Promise.all(
    Array.from({ length: GATEWAYS }, () => startGateway([`--storage.url=${url}`])),
  )
  const urlOf = (n: number): string => gateways[n % GATEWAYS]!.url
  let [acknowledged, looks] = [0, 0]

  /** Pushes to a group of its own through all gateways in turn, and to one that all share. */
  const client = async (id: number): Promise<void> => {
    for (let i = 1; i <= PUSHES; i++) {
      const own = { path: `/metrics/job/own/instance/c${id}`, body: `m ${i}\n` }
      const shared = { path: '/metrics/job/shared', body: `shared_${id} ${i}\n` }
      const { path, body } = i % 4 === 0 ? shared : own
      const [method, here, there] = [
        i % 2 === 0 ? 'POST' : 'PUT',
        urlOf(id + i),
        urlOf(id + i + 1 + (i % 3)),
      ]
      if (i % 15 === 0) {
        expect((await send('DELETE', here, own.path)).status).toBe(202)
        expect(pushed(await scrape(there))).not.toHaveProperty([`m{instance="c${id}",job="own"}`])
        continue
      }
      expect((await send(method, here, path, { body })).status).toBe(200)
      acknowledged++
      if (i % 3 !== 1) continue
      looks++
      const series =
        i % 4 === 0 ? `shared_${id}{instance="",job="shared"}` : `m{instance="c${id}",job="own"}`
      expect({ there, series, value: (await scrape(there)).get(series) }).toEqual({
        there,
        series,
        value: String(i),
      })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, id) => client(id)))
  process.stderr.write(
    `processes: ${acknowledged} pushes acknowledged, ${looks} looked up elsewhere\n`,
  )

  const pages = await Promise.all(gateways.map(({ url }) => send('GET', url, '/metrics')))
  const groupLines = pages.map(({ text }) =>
    text.split('\n').filter((line) => /[{,]job="/.test(line)),
  )
  expect(groupLines[0]!.length).toBeGreaterThan(CLIENTS)
  for (const lines of groupLines) expect(lines).toEqual(groupLines[0])
  const shared = groupLines[0]!.filter((line) => line.startsWith('shared_'))
  expect(shared).toHaveLength(CLIENTS)
  expect(await (await openUrl(url)).verify()).toEqual([])
}

/** Reads along in small pages, and notes what it then holds at which revision. */
async function watch(
  url: string,
  watching: { readonly goesOn: boolean },
): Promise<Map<Revision, string>> {
  const reader = new Reader(await openUrl(url))
  const held = new Map<Revision, string>()
  const note = async (): Promise<void> => {
    await reader.follow(2_000)
    const state = [...reader.state].sort(([a], [b]) => (a < b ? -1 : 1))
    held.set(reader.cursor.revision, JSON.stringify(state))
  }
  while (watching.goesOn) {
    await note()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await note()
  expect(reader.resets).toEqual([])
  return held
}

function expectSameAtEqualHeads([first, second]: readonly Map<Revision, string>[]): void {
  const common = [...first!.keys()].filter((revision) => second!.has(revision))
  process.stderr.write(`processes: ${common.length} revisions seen by two readers\n`)
  expect(common.length).toBeGreaterThan(0)
  for (const revision of common) {
    expect({ revision, state: first!.get(revision) }).toEqual({
      revision,
      state: second!.get(revision),
    })
  }
}

async function pushFromSeveralProcesses(url: string): Promise<void> {
  closeAfterTest(() => ownMetrics.stop())
  const seed = Date.now() % 1e6
  const children = [0, 1, 2].map((n) =>
    startChild<Pushed>('push-at-random.ts', url, String(seed + n), '300'),
  )
  for (const child of children) expect(await child.answer()).toBe('ready')
  for (const child of children) child.send('go')
  const watching = { goesOn: true }
  const watched = Promise.all([watch(url, watching), watch(url, watching)])
  const answers = await Promise.all(children.map((child) => child.answer(60_000)))
  watching.goesOn = false
  expectSameAtEqualHeads(await watched)
  const made: Made[] = []
  let rejected = 0
  for (const answer of answers) {
    if (answer === 'ready') throw new Error('ready twice')
    made.push(...answer.made)
    rejected += answer.rejected
  }
  made.sort((a, b) => a.revision - b.revision)
  process.stderr.write(`processes: seed ${seed}, ${made.length} writes, ${rejected} rejected\n`)
  expect(made.map(({ revision }) => revision)).toEqual(made.map((_, i) => i + 1))
  const model = new Model(OWN_FAMILIES)
  for (const write of made) {
    const objection = replay(model, write)
    expect({ seed, write, objection }).toEqual({ seed, write, objection: undefined })
  }
  const store = await openUrl(url)
  expect(await storedState(store)).toEqual(expectedState(model.groups))
  expect(await store.verify()).toEqual([])
}

function describeProcesses(newUrl: () => Promise<string>, check?: (url: string) => void): void {
  test('pushes through four gateways at once are on the page of every other one when answered', async () => {
    const url = await newUrl()
    await pushThroughFourGateways(url)
    check?.(url)
  }, 60_000)

  test('what several processes accept, in order of revision, breaks no rule', async () => {
    const url = await newUrl()
    await pushFromSeveralProcesses(url)
    check?.(url)
  }, 90_000)
}

describe('on one SQLite file', () => {
  describeProcesses(
    async () => `sqlite:${newPath()}`,
    (url) => {
      const database = openDatabase(url.slice('sqlite:'.length))
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    },
  )
})

describeWith('redis-server', 'on one Redis', () => {
  describeProcesses(async () => (await startRedis()).url({ prefix: newPrefix() }))
})

describeWith('redis-server', 'on one cluster of Redis', () => {
  describeProcesses(async () => (await startRedisCluster()).url({ prefix: newPrefix() }))
})
