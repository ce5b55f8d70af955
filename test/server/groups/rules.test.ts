import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { groupingKeyOf, type GroupingKey } from '../../../server/groups/grouping-key.ts'
import {
  aliasOf,
  candidateGroups,
  claimsOf,
  describeClash,
  nameSetOf,
} from '../../../server/groups/rules.ts'
import type { Label, MetricType } from '../../../server/metrics/metric-family.ts'
import { exposedLabels } from '../../../server/view/group-slot.ts'

/** A small world: few names and values, so that groups meet each other's series often. */
const few = fc.constantFrom('', '1', '2')
const names = fc.subarray(['instance', 'a', 'b'])

function labelsOver(chosen: readonly string[], values: readonly string[]): Label[] {
  return chosen.map((name, i) => ({ name, value: values[i] ?? '' }))
}

const group = fc
  .tuple(fc.constantFrom('j', 'k'), names, fc.tuple(few, few, few))
  .map(([job, chosen, values]) =>
    groupingKeyOf([{ name: 'job', value: job }, ...labelsOver(chosen, values)]),
  )
const bodyLabels = fc
  .tuple(fc.subarray(['instance', 'a', 'b', 'c']), fc.tuple(few, few, few, few))
  .map(([chosen, values]) => labelsOver(chosen, values))

/** The labels a series of this group is exposed with, set one by one. */
function exposed({ labels }: GroupingKey, body: readonly Label[]): Label[] {
  const all = new Map(body.map(({ name, value }) => [name, value]))
  for (const { name, value } of labels) all.set(name, value)
  if (!all.has('instance')) all.set('instance', '')
  return [...all]
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whether a push to the group could bring this very series. */
function couldHold({ labels }: GroupingKey, series: readonly Label[]): boolean {
  return labels.every(({ name, value }) =>
    series.some((label) => label.name === name && label.value === value),
  )
}

test('candidateGroups finds every group that could hold one of the series, and only such', () => {
  fc.assert(
    fc.property(
      fc.array(group, { maxLength: 8 }),
      group,
      fc.array(bodyLabels, { minLength: 1, maxLength: 4 }),
      (groups, pushed, bodies) => {
        const series = bodies.map((body) => ({ labels: exposed(pushed, body) }))
        const others = groups.filter(({ job }) => job === pushed.job)
        const nameSets = [...new Set(others.map(({ labels }) => nameSetOf(labels)))]
        const candidates = candidateGroups(pushed, series, nameSets)
        const found = new Set(candidates.map(({ key }) => key.toString('hex')))
        expect(found.size).toBe(candidates.length)
        expect(found.has(pushed.key.toString('hex'))).toBe(false)

        // By brute force: all groups there are, whatever their job.
        for (const other of groups) {
          if (other.key.equals(pushed.key)) continue
          const shares = series.some(({ labels }) => couldHold(other, labels))
          expect(found.has(other.key.toString('hex'))).toBe(shares)
        }
        for (const candidate of candidates) {
          expect(series.some(({ labels }) => couldHold(candidate, labels))).toBe(true)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('two groups can hold the same series exactly when one is a candidate of the other', () => {
  fc.assert(
    fc.property(group, group, bodyLabels, bodyLabels, (a, b, inA, inB) => {
      fc.pre(!a.key.equals(b.key))
      const [seriesOfA, seriesOfB] = [exposed(a, inA), exposed(b, inB)]
      if (JSON.stringify(seriesOfA) !== JSON.stringify(seriesOfB)) return
      const candidates = candidateGroups(a, [{ labels: seriesOfA }], [nameSetOf(b.labels)])
      expect(candidates.map(({ key }) => key.toString('hex'))).toEqual([b.key.toString('hex')])
      expect(a.job).toBe(b.job)
    }),
    { numRuns: 5000 },
  )
})

test('groups with the same label names never need to be looked at', () => {
  fc.assert(
    fc.property(group, bodyLabels, (pushed, body) => {
      const series = [{ labels: exposed(pushed, body) }]
      expect(candidateGroups(pushed, series, [nameSetOf(pushed.labels)])).toEqual([])
    }),
  )
})

describe('candidateGroups', () => {
  const key = (labels: Record<string, string>): GroupingKey =>
    groupingKeyOf(Object.entries(labels).map(([name, value]) => ({ name, value })))
  const candidatesOf = (
    pushed: Record<string, string>,
    series: Record<string, string>,
    nameSet: string[],
  ): GroupingKey[] =>
    candidateGroups(key(pushed), [{ labels: key(series).labels }], [JSON.stringify(nameSet)])

  test('names the group of the series that a wider key takes apart', () => {
    const found = candidatesOf({ job: 'j' }, { job: 'j', instance: 'i', a: '1' }, ['a', 'job'])
    expect(found).toEqual([key({ job: 'j', a: '1' })])
  })

  test('names the group of a narrower key', () => {
    const found = candidatesOf({ job: 'j', a: '1' }, { job: 'j', instance: '', a: '1' }, ['job'])
    expect(found).toEqual([key({ job: 'j' })])
  })

  test('takes an absent label for no value, not for an empty one', () => {
    expect(candidatesOf({ job: 'j' }, { job: 'j', instance: '' }, ['a', 'job'])).toEqual([])
  })

  test('names a group once, however many series lead to it', () => {
    const series = ['1', '2', '3'].map((b) => key({ job: 'j', instance: '', a: '1', b }))
    const found = candidateGroups(key({ job: 'j' }), series, ['["a","job"]', '["b","job"]'])
    expect(found.map(({ labels }) => labels.map(({ name, value }) => name + value))).toEqual(
      expect.arrayContaining([
        ['a1', 'jobj'],
        ['b1', 'jobj'],
        ['b2', 'jobj'],
        ['b3', 'jobj'],
      ]),
    )
    expect(found).toHaveLength(4)
  })
})

test('aliasOf names the one other group whose push times are the same series', () => {
  fc.assert(
    fc.property(group, group, (a, b) => {
      fc.pre(!a.key.equals(b.key))
      const same = JSON.stringify(exposedLabels(a)) === JSON.stringify(exposedLabels(b))
      expect(aliasOf(a)?.key.equals(b.key) ?? false).toBe(same)
    }),
    { numRuns: 3000 },
  )
})

test('aliasOf goes both ways, and leaves a group with an instance alone', () => {
  fc.assert(
    fc.property(group, (a) => {
      const alias = aliasOf(a)
      const instance = a.labels.find(({ name }) => name === 'instance')?.value
      expect(alias === undefined).toBe(instance !== undefined && instance !== '')
      if (alias !== undefined) expect(aliasOf(alias)).toEqual(a)
    }),
  )
})

describe('claimsOf', () => {
  const page = (name: string, type: MetricType): string[] => {
    const parts = { summary: ['', '_sum', '_count'], histogram: ['_bucket', '_sum', '_count'] }
    const suffixes = type === 'summary' || type === 'histogram' ? parts[type] : ['']
    return suffixes.map((suffix) => name + suffix)
  }

  test('lets two families clash exactly when they have a name or a sample name in common', () => {
    const types = fc.constantFrom<MetricType>('counter', 'gauge', 'untyped', 'summary', 'histogram')
    const someName = fc.constantFrom('m', 'm_sum', 'm_count', 'm_bucket', 'm_sum_count', 'n')
    fc.assert(
      fc.property(someName, types, someName, types, (a, aType, b, bType) => {
        const held = new Map(claimsOf(a, aType))
        const clash = claimsOf(b, bType).some(
          ([name, meaning]) => held.has(name) && held.get(name) !== meaning,
        )
        const differ = a === b && aType !== bType
        const suffixMet =
          (a !== b && page(a, aType).includes(b)) || (a !== b && page(b, bType).includes(a))
        expect(clash).toBe(differ || suffixMet)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('describeClash', () => {
  test('names the family and both types', () => {
    expect(describeClash('m', 'gauge', 'counter')).toMatch(/"m".*gauge.*counter/)
  })

  test.each([
    ['gauge', 'reserved'],
    ['reserved', 'gauge'],
  ])('says that a name is a part of another family (%s, %s)', (wanted, held) => {
    expect(describeClash('m_sum', wanted, held)).toMatch(/"m_sum".*gauge.*histogram or summary/)
  })
})

describe('nameSetOf', () => {
  test('tells sets of names apart that a separator would confuse', () => {
    const sets = [['a', 'b'], ['a,b'], ['a","b'], ['a\u0000b'], ['ab'], ['a', 'b', '']]
    const texts = sets.map((set) => nameSetOf(set.map((name) => ({ name, value: 'x' }))))
    expect(new Set(texts).size).toBe(sets.length)
  })

  test('does not depend on values', () => {
    expect(nameSetOf([{ name: 'a', value: '1' }])).toBe(nameSetOf([{ name: 'a', value: '2' }]))
  })
})
