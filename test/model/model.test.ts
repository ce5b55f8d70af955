import { afterAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import type { PushOutcome } from '../../server/gateway.ts'
import type { GroupStore } from '../../storage/group-store.ts'
import { labelText, linesOf, Model, type Broken, type Groups } from './model.ts'
import { readPage } from './page.ts'
import { openEachKind, useRedis } from './stores.ts'
import { groupingOf, HISTORY_OPERATIONS, history, parseBody, type Operation } from './universe.ts'
import {
  createWorld,
  expectedState,
  OWN_FAMILIES,
  ownMetrics,
  storedState,
  type World,
} from './world.ts'

const OPERATIONS = Number(process.env.MODEL_OPERATIONS ?? 4000)
/** What a run may take at most, so that a slow machine tests less instead of longer. */
const TIME_LIMIT_MS = process.env.MODEL_OPERATIONS === undefined ? 20_000 : 3_600_000

afterAll(() => ownMetrics.stop())
const redis = useRedis()

interface Tally {
  accepted: number
  rejected: Record<string, number>
  deleted: number
}

/** Makes an operation in the model and in each world: all must say and hold the same. */
async function step(
  model: Model,
  worlds: World[],
  operation: Operation,
  tally: Tally,
): Promise<void> {
  switch (operation.kind) {
    case 'wipe':
      model.wipe()
      for (const world of worlds) await world.wipe()
      break
    case 'remove':
      model.remove(groupingOf(operation.labels))
      for (const world of worlds) await world.remove(operation.labels)
      tally.deleted++
      break
    case 'replace':
    case 'merge': {
      const { kind, labels, body } = operation
      const families = parseBody(body)
      const expected = model.push(kind, groupingOf(labels), families)
      for (const world of worlds) {
        const outcome = await world.push(kind, labels, body)
        const agree = (outcome.kind === 'accepted') === (expected === undefined)
        if (!agree) throw new Error(disagreement(operation, expected, outcome))
      }
      if (expected === undefined) tally.accepted++
      else tally.rejected[expected.rule] = (tally.rejected[expected.rule] ?? 0) + 1
    }
  }
  for (const world of worlds) {
    expectSame(await storedState(world.store), expectedState(model.groups))
    expectSame(await world.store.verify(), [])
    expectPage(await world.page(), model.groups)
  }
}

function disagreement(
  operation: Operation,
  expected: Broken | undefined,
  outcome: PushOutcome,
): string {
  return `the model says ${JSON.stringify(expected ?? 'accepted')}, the gateway ${JSON.stringify(outcome)}, of ${JSON.stringify(operation)}`
}

/** Jest's own comparison would take most of the time. */
function expectSame(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) expect(found).toEqual(expected)
}

/** The page is sound, and shows of groups exactly what is in them. */
function expectPage(text: string, groups: Groups): void {
  const families = readPage(text)
  const shown = [...families.values()]
    .flatMap(({ lines }) => lines)
    .filter((line) => /[{,]job="/.test(line))
  const times = shown.filter((line) => /^push_(failure_)?time_seconds\{/.test(line))
  const expected = [...groups.values()].flatMap((group) =>
    [...group.families.values()].flatMap(({ name, series }) =>
      series.flatMap((one) => linesOf(name, one)),
    ),
  )
  expectSame(shown.filter((line) => !times.includes(line)).sort(), expected.sort())
  const expectedTimes = [...groups.values()].flatMap(({ labels, pushed, failed }) => [
    `push_time_seconds{${labelText(labels)}} ${pushed ? 'set' : '0'}`,
    `push_failure_time_seconds{${labelText(labels)}} ${failed ? 'set' : '0'}`,
  ])
  const foundTimes = times.map((line) => line.replace(/ [1-9]\S*$/, ' set'))
  expectSame(foundTimes.sort(), expectedTimes.sort())
}

test(
  'any history ends as it does in the model, step by step: same verdicts, same groups, a sound page',
  async () => {
    const tally: Tally = { accepted: 0, rejected: {}, deleted: 0 }
    let histories = 0
    let stores: GroupStore[] | undefined
    const property = fc.asyncProperty(history, async (operations) => {
      histories++
      const worlds = (stores ??= await openEachKind(redis())).map(createWorld)
      try {
        const model = new Model(OWN_FAMILIES)
        for (const operation of operations) await step(model, worlds, operation, tally)
        for (const world of worlds) await world.wipe()
      } catch (error) {
        // The next history shall not suffer from what this one found.
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
    process.stderr.write(`model: seed ${seed}, ${histories} histories, ${JSON.stringify(tally)}\n`)
    expect(tally.accepted).toBeGreaterThan(0)
  },
  TIME_LIMIT_MS + 60_000,
)
