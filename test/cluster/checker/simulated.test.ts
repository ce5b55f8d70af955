/** The checker, on histories drawn by lot: it finds nothing where nothing is wrong, and what is wrong where something is. */
import { expect, test } from '@jest/globals'
import type { Content } from '../history.ts'
import { check } from './check.ts'
import { simulate, type Shown, type SimulationOptions } from './simulated.ts'
import type { Verdict } from './verdict.ts'

const SEEDS = Number(process.env.CHECKER_SEEDS ?? 100)

function judge(options: SimulationOptions): Verdict & { readonly undone: readonly string[] } {
  const { history, undone } = simulate(options)
  const { guarantee } = options
  return { ...check(history, { guarantee, minimums: {}, targets: [] }), undone }
}

const CASES: readonly (readonly [title: string, options: Omit<SimulationOptions, 'seed'>])[] = [
  ['without failovers', { operations: 120, failovers: 0, guarantee: 'lossless' }],
  ['across failovers that lose nothing', { operations: 120, failovers: 2, guarantee: 'lossless' }],
  [
    'across failovers that may lose the tail',
    { operations: 120, failovers: 2, guarantee: 'may lose the tail' },
  ],
]

test.each(CASES)('a store that keeps its promises is never accused %s', (_title, options) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = judge({ ...options, seed })
    expect({ seed, violations }).toEqual({ seed, violations: [] })
  }
})

test('no more is counted as lost than was', () => {
  let lost = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { losses, undone } = judge({
      operations: 120,
      failovers: 1,
      guarantee: 'may lose the tail',
      seed,
    })
    lost += losses.length
    for (const { value } of losses)
      expect({ seed, undone }).toEqual({ seed, undone: expect.arrayContaining([value]) as unknown })
  }
  expect(lost).toBeGreaterThan(SEEDS / 10)
})

/** Changes one page of a history. */
function once(change: (shown: Shown, past: readonly Shown[]) => Shown | undefined): {
  readonly spoil: NonNullable<SimulationOptions['spoil']>
  readonly isSpoilt: () => boolean
} {
  let isSpoilt = false
  return {
    isSpoilt: () => isSpoilt,
    spoil: (shown, past, random) => {
      if (isSpoilt || past.length < 10 || random.chance(0.5)) return shown
      const spoilt = change(shown, past)
      isSpoilt = spoilt !== undefined
      return spoilt ?? shown
    },
  }
}

const SPOILT: readonly (readonly [string, Parameters<typeof once>[0]])[] = [
  [
    'a page with a value that is gone',
    ({ revision, groups }, past) => {
      const [group, content] = [...groups][0] ?? []
      const older = past.flatMap(({ groups: then }) => [...(then.get(group ?? '')?.values() ?? [])])
      const gone = older.find(
        (value) => ![...(content ?? new Map<string, string>()).values()].includes(value),
      )
      if (group === undefined || content === undefined || gone === undefined) return undefined
      const changed: Content = new Map([...content].map(([family]) => [family, gone]))
      return { revision, groups: new Map([...groups, [group, changed]]) }
    },
  ],
  [
    'a page that lacks a group',
    ({ revision, groups }) =>
      groups.size === 0 ? undefined : { revision, groups: new Map([...groups].slice(1)) },
  ],
]

test.each(SPOILT)('%s is noticed', (_title, change) => {
  let [spoilt, noticed] = [0, 0]
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { spoil, isSpoilt } = once(change)
    const { violations } = judge({
      operations: 120,
      failovers: 0,
      guarantee: 'lossless',
      seed,
      spoil,
    })
    if (!isSpoilt()) continue
    spoilt++
    if (violations.length > 0) noticed++
  }
  expect(spoilt).toBeGreaterThan(SEEDS / 2)
  // A write of which nothing is known can always explain a little.
  expect(noticed / spoilt).toBeGreaterThan(0.9)
})
