/** What --push.disable-consistency-check lets in, and the page that is made of it all the same. */
import { afterAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import type { GroupStore } from '../../storage/group-store.ts'
import { createMemoryStore } from '../../storage/memory.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import {
  expose,
  findBrokenPair,
  idOf,
  labelText,
  linesOf,
  type Family,
  type Group,
  type Groups,
} from './model.ts'
import { readPage } from './page.ts'
import { openEachKind, useRedis } from './stores.ts'
import {
  groupingOf,
  HISTORY_OPERATIONS,
  history,
  operations,
  parseBody,
  type Operation,
} from './universe.ts'
import { createWorld, newView, ownMetrics, storedState, type World } from './world.ts'

const OPERATIONS = Number(process.env.MODEL_OPERATIONS ?? 800)
const TIME_LIMIT_MS = process.env.MODEL_OPERATIONS === undefined ? 10_000 : 3_600_000

afterAll(() => ownMetrics.stop())
const redis = useRedis()

function openMemory(): GroupStore {
  const store = createMemoryStore()
  closeAfterTest(() => store.close())
  return store
}

async function storedGroups(store: GroupStore): Promise<Groups> {
  const groups: Groups = new Map()
  for (const [key, { labels, families, pushed, failed }] of Object.entries(
    await storedState(store),
  ).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entries = Object.entries(families)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, family]) => [name, { name, ...family } as Family] as const)
    groups.set(key, { key, labels, families: new Map(entries), pushed, failed })
  }
  return groups
}

const TIMES = ['push_failure_time_seconds', 'push_time_seconds']

/** The families of a group in order of their names, with those of its times. */
function familiesOf(group: Group): Family[] {
  const labels = labelText(group.labels)
  const times = TIMES.map((name): Family => ({
    name,
    type: 'gauge',
    series: [{ labels, metric: { labels: [], value: 0 } }],
  }))
  return [...group.families.values(), ...times].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * What a page shows of groups that may contradict each other: in order of keys, then of names, every
 * family that contradicts none that is shown already, and of each series the first.
 */
function shownOf(groups: Groups): { lines: string[]; leftOut: number } {
  const kept: Family[] = []
  const seen = new Set<string>()
  const lines: string[] = []
  let leftOut = 0
  for (const family of [...groups.values()].flatMap(familiesOf)) {
    const clashes = kept.some((one) => findBrokenPair(one, family) !== undefined)
    if (!clashes) kept.push(family)
    for (const series of family.series) {
      const id = `${family.name}{${series.labels}}`
      if (clashes || seen.has(id)) leftOut++
      else lines.push(...linesOf(family.name, series))
      if (!clashes) seen.add(id)
    }
  }
  return { lines: lines.sort(), leftOut }
}

/** What a page shows of groups, with 0 for all times. */
function groupLines(text: string): string[] {
  const lines = [...readPage(text).values()].flatMap((family) => family.lines)
  return lines
    .filter((line) => /[{,]job="/.test(line))
    .map((line) => (/^push_(failure_)?time/.test(line) ? line.replace(/ \S+$/, ' 0') : line))
    .sort()
}

async function make(world: World, operation: Operation, checked: boolean): Promise<void> {
  if (operation.kind === 'wipe') await world.wipe()
  else if (operation.kind === 'remove') await world.remove(operation.labels)
  else await world.push(operation.kind, operation.labels, operation.body, checked)
}

/** Families as an unchecked push leaves them: of a series that came twice, the last. */
function lastOfEach(family: Family): Family {
  const series = [...new Map(family.series.map((one) => [one.labels, one])).values()]
  return { ...family, series }
}

async function checkHistories(
  name: string,
  modes: fc.Arbitrary<boolean>,
  openStores: () => Promise<GroupStore[]>,
): Promise<void> {
  let [count, histories, inconsistent] = [0, 0, 0]
  let stores: GroupStore[] | undefined
  const arbitrary = fc.array(fc.tuple(operations, modes), {
    minLength: 1,
    maxLength: HISTORY_OPERATIONS,
    size: 'max',
  })
  const property = fc.asyncProperty(arbitrary, async (steps) => {
    const worlds = (stores ??= await openStores()).map(createWorld)
    histories++
    try {
      for (const [made, checked] of steps.flatMap(([several, mode]) =>
        several.map((one) => [one, mode] as const),
      )) {
        count++
        for (const world of worlds) {
          await make(world, made, checked)
          expect(await world.store.verify()).toEqual([])
          const page = await world.page()
          const { lines, leftOut } = shownOf(await storedGroups(world.store))
          if (!isDeepStrictEqual(groupLines(page), lines)) expect(groupLines(page)).toEqual(lines)
          expect(world.view.leftOut).toBe(leftOut)
          if (world.view.leftOut > 0) inconsistent++
          if ((await world.page(newView(world.store))) !== page) throw new Error('two pages differ')
        }
      }
      for (const world of worlds) await world.wipe()
    } catch (error) {
      stores = undefined
      throw error
    }
  })
  const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31)
  await fc.assert(property, {
    seed,
    numRuns: Math.ceil((2 * OPERATIONS) / HISTORY_OPERATIONS),
    interruptAfterTimeLimit: TIME_LIMIT_MS,
  })
  process.stderr.write(
    `${name}: seed ${seed}, ${histories} histories, ${count} operations, ${inconsistent} times something left out\n`,
  )
  expect(inconsistent).toBeGreaterThan(0)
}

test(
  'after any unchecked history the page is sound, the same for all, and the lowest key wins',
  () => checkHistories('unchecked', fc.constant(false), () => openEachKind(redis())),
  TIME_LIMIT_MS + 60_000,
)

test(
  'so it is where checked and unchecked gateways share a store',
  () => checkHistories('mixed', fc.boolean(), async () => [openMemory()]),
  TIME_LIMIT_MS + 60_000,
)

test('an unchecked push is stored as it is, and of a series that it carries twice the last', async () => {
  const property = fc.asyncProperty(history, async (operations) => {
    const world = createWorld(openMemory())
    for (const operation of operations) {
      if (operation.kind !== 'replace') continue
      const families = parseBody(operation.body)
      const grouping = groupingOf(operation.labels)
      const outcome = await world.push('replace', operation.labels, operation.body, false)
      const stored = (await storedState(world.store))[idOf(grouping)]
      if (outcome.kind === 'rejected') {
        expect(['timestamp', 'label', 'own-name']).toContain(outcome.rule)
        continue
      }
      const expected = families
        .filter(({ name }) => !name.startsWith('push_'))
        .map((family) => lastOfEach(expose(family, grouping)))
      const lines = (list: readonly Family[]): string[] =>
        list.flatMap(({ name, series }) => series.flatMap((one) => linesOf(name, one))).sort()
      const found = Object.entries(stored!.families).map(
        ([name, family]) => ({ name, ...family }) as Family,
      )
      expect(lines(found)).toEqual(lines(expected))
    }
  })
  await fc.assert(property, { numRuns: 40 })
})

const A = { job: 'a' }
const B = { job: 'b' }
const C = { job: 'c' }

async function unchecked(
  ...pushes: [labels: Record<string, string>, body: string][]
): Promise<World> {
  const world = createWorld(openMemory())
  for (const [labels, body] of pushes) {
    expect(await world.push('replace', labels, body, false)).toMatchObject({ kind: 'accepted' })
  }
  return world
}

test('of two types of a family, that of the lowest group key is shown, whoever pushed first', async () => {
  const gauge = '# TYPE m gauge\nm 1\n'
  const counter = '# TYPE m counter\nm 2\n'
  for (const pushes of [
    [[A, gauge] as const, [B, counter] as const],
    [[B, counter] as const, [A, gauge] as const],
  ]) {
    const world = await unchecked(
      ...pushes.map(([labels, body]): [typeof A, string] => [labels, body]),
    )
    const page = readPage(await world.page())
    expect(page.get('m')).toEqual({
      name: 'm',
      type: 'gauge',
      lines: ['m{instance="",job="a"} 1'],
    })
    expect(world.view.leftOut).toBe(1)
  }
})

test('a family stays left out after a push of new series, and is back when the contradiction is gone', async () => {
  const world = await unchecked(
    [A, '# TYPE m gauge\nm 1\n'],
    [B, '# TYPE m histogram\nm_bucket{le="1"} 1\nm_sum 1\nm_count 1\n'],
    [B, '# TYPE m histogram\nm_bucket{x="1",le="1"} 1\nm_sum{x="1"} 1\nm_count{x="1"} 1\n'],
  )
  expect(readPage(await world.page()).get('m')?.lines).toEqual(['m{instance="",job="a"} 1'])
  await world.push('replace', B, '# TYPE m histogram\nm_sum{y="1"} 1\n', true)
  expect(readPage(await world.page()).get('m')?.type).toBe('gauge')
  await world.remove(A)
  expect(readPage(await world.page()).get('m')?.type).toBe('histogram')
  expect(world.view.leftOut).toBe(0)
})

test('what is left out keeps nothing else off the page', async () => {
  const world = await unchecked(
    [A, '# TYPE m_count gauge\nm_count 1\n'],
    [B, '# TYPE m summary\nm_sum 1\n'],
    [C, '# TYPE m gauge\nm 1\n'],
  )
  // The summary contradicts m_count and is left out; the gauge contradicts only the summary.
  const page = readPage(await world.page())
  expect([...page.keys()].filter((name) => name.startsWith('m'))).toEqual(['m', 'm_count'])
})
