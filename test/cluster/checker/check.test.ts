/** The checker, on histories written by hand: it lets pass what may be, and catches what may not. */
import { describe, expect, test } from '@jest/globals'
import type { Failover, Scrape, Write } from '../history.ts'
import { check } from './check.ts'
import { GROUP, history, OTHER, post, put, remove, scrape } from './story.ts'
import type { Guarantee, Verdict } from './verdict.ts'

interface Story {
  readonly operations: readonly (Write | Scrape)[]
  readonly failovers?: readonly Failover[]
  readonly guarantee?: Guarantee
  readonly targets?: readonly string[]
}

function judge({
  operations,
  failovers = [],
  guarantee = 'lossless',
  targets = [],
}: Story): Verdict {
  return check(history(operations, failovers), { guarantee, minimums: {}, targets })
}

/** A primary is replaced between these times. */
const FAILOVER: readonly Failover[] = [{ from: 100, until: 200 }]

const FINE: Readonly<Record<string, Story>> = {
  'each acknowledged push is on every page that is asked for afterwards': {
    operations: [
      put('1', 'a b', [0, 1], 1),
      scrape('a=1 b=1', [2, 3], 1),
      put('2', 'a b', [4, 5], 2),
      scrape('a=2 b=2', [6, 7], 2, { target: 'three' }),
    ],
  },
  'a page that is asked for during a push is of before it or of after it': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [10, 20], 2),
      scrape('a=1', [11, 18], 1),
      scrape('a=2', [12, 13], 2),
    ],
  },
  'POST merges, PUT replaces, DELETE removes': {
    operations: [
      put('1', 'a b', [0, 1], 1),
      post('2', 'b c', [2, 3], 2),
      scrape('a=1 b=2 c=2', [4, 5], 2),
      put('3', 'b', [6, 7], 3),
      scrape('b=3', [8, 9], 3),
      remove('4', [10, 11], 4),
      scrape('', [12, 13], 4),
    ],
  },
  'a push without an answer shows, or it does not': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], { until: 50 }),
      put('3', 'a', [4, 5], { until: 50 }),
      scrape('a=3', [6, 7], 2),
    ],
  },
  'a push without an answer shows only later, but before its deadline': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], { until: 50 }),
      scrape('a=1', [10, 11], 1),
      scrape('a=2', [40, 41], 2),
    ],
  },
  'a push without an answer takes effect between two others': {
    operations: [
      put('1', 'a', [0, 1], 1),
      post('2', 'a b', [2, 3], { until: 50 }),
      post('3', 'a', [4, 5], 3),
      scrape('a=3 b=2', [6, 7], 3),
    ],
  },
  'a delete without an answer explains that a group is gone': {
    operations: [
      put('1', 'a b', [0, 1], 1),
      remove('2', [2, 3], { until: 50 }),
      post('3', 'b', [4, 5], 3),
      scrape('b=3', [6, 7], 3),
    ],
  },
  'a delete of nothing says that there was nothing': {
    operations: [
      remove('1', [0, 1], 'unchanged'),
      put('2', 'a', [2, 3], 1),
      remove('3', [4, 5], 2),
      remove('4', [6, 7], 'unchanged'),
      scrape('', [8, 9], 2),
    ],
  },
  'a refused push is not seen, though its group may note that': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], 'refused'),
      put('3', 'a', [4, 5], 'failed'),
      scrape('a=1', [6, 7], 2),
    ],
  },
  'groups do not get in each other’s way': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], 2, { group: OTHER }),
      scrape({ [GROUP]: 'a=1', [OTHER]: 'a=2' }, [4, 5], 2),
    ],
  },
  'a failover takes back what was seen and never acknowledged': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [90, 110], { until: 120 }),
      scrape('a=2', [95, 96], 2),
      scrape('a=1', [210, 211], 1),
      put('3', 'a', [212, 213], 2),
      scrape('a=3', [214, 215], 2),
    ],
    failovers: FAILOVER,
  },
  'what is acknowledged during a failover was there before it, or was not': {
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [90, 110], { until: 120 }),
      scrape('a=2', [95, 96], 2),
      put('3', 'b', [150, 160], 2, { group: OTHER }),
      scrape({ [GROUP]: 'a=1', [OTHER]: 'b=3' }, [210, 211], 2),
    ],
    failovers: FAILOVER,
  },
}

describe('what may be', () => {
  test.each(Object.entries(FINE))('%s', (_title, story) => {
    const { violations, losses } = judge(story)
    expect({ violations, losses }).toEqual({ violations: [], losses: [] })
  })
})

const WRONG: Readonly<Record<string, Story & { readonly rule: string }>> = {
  'an acknowledged push is missing': {
    rule: 'groups are what was written',
    operations: [put('1', 'a', [0, 1], 1), put('2', 'a', [2, 3], 2), scrape('a=1', [4, 5], 2)],
  },
  'an acknowledged push is missing, and one without an answer does not explain it': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      post('2', 'b', [2, 3], { until: 50 }),
      put('3', 'a', [4, 5], 2),
      scrape('a=1', [6, 7], 2),
    ],
  },
  'a page is older than an acknowledgement before it': {
    rule: 'no stale page',
    operations: [put('1', 'a', [0, 1], 1), put('2', 'a', [2, 3], 2), scrape('a=1', [4, 5], 1)],
  },
  'a page is older than one that was seen before it': {
    rule: 'no stale page',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 20], 2),
      scrape('a=2', [4, 5], 2),
      scrape('a=1', [6, 7], 1, { target: 'three' }),
    ],
  },
  'a page shows what was not pushed': {
    rule: 'nothing but what was pushed',
    operations: [put('1', 'a', [0, 1], 1), scrape('a=7', [2, 3], 1)],
  },
  'a page shows what was pushed to another group': {
    rule: 'nothing but what was pushed',
    operations: [put('1', 'a', [0, 1], 1), scrape({ [OTHER]: 'a=1' }, [2, 3], 1)],
  },
  'a page shows what was refused': {
    rule: 'nothing but what was pushed',
    operations: [put('1', 'a', [0, 1], 'refused'), scrape('a=1', [2, 3], 1)],
  },
  'a page shows what was answered as not stored': {
    rule: 'nothing but what was pushed',
    operations: [put('1', 'a', [0, 1], 'failed'), scrape('a=1', [2, 3], 1)],
  },
  'a page shows a push before it was made': {
    rule: 'nothing but what was pushed',
    operations: [scrape('a=1', [0, 1], 1), put('1', 'a', [2, 3], 1)],
  },
  'a push is torn': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a b', [0, 1], 1),
      put('2', 'a b', [2, 3], { until: 50 }),
      scrape('a=2 b=1', [4, 5], 2),
    ],
  },
  'a push shows in two steps': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a b', [0, 20], 2),
      scrape('a=1', [4, 5], 1),
      scrape('a=1 b=1', [30, 31], 2),
    ],
  },
  'a deleted family comes back': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a b', [0, 1], 1),
      put('2', 'a', [2, 3], 2),
      scrape('a=2', [4, 5], 2),
      post('3', 'a', [6, 7], 3),
      scrape('a=3 b=1', [8, 9], 3),
    ],
  },
  'a push without an answer takes effect twice': {
    rule: 'once at most',
    operations: [
      put('1', 'a', [0, 1], { until: 90 }),
      scrape('a=1', [2, 3], 1),
      put('2', 'a', [4, 5], 2),
      scrape('a=2', [6, 7], 2),
      scrape('a=1', [8, 9], 3),
    ],
  },
  'an acknowledged push takes effect twice': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], 2),
      scrape('a=2', [4, 5], 2),
      scrape('a=1', [6, 7], 3),
    ],
  },
  'each push makes two revisions': {
    rule: 'a revision for each write',
    operations: [put('1', 'a', [0, 1], 2), put('2', 'a', [2, 3], 4), scrape('a=2', [4, 5], 4)],
  },
  'a push takes effect after its deadline': {
    rule: 'not after its deadline',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], { until: 10 }),
      scrape('a=1', [20, 21], 1),
      scrape('a=2', [22, 23], 2),
    ],
  },
  'a push without an answer takes effect after one that began after its deadline': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], { until: 50 }),
      post('2', 'b', [60, 61], 2),
      scrape('a=1', [70, 71], 2),
    ],
  },
  'two pushes have one revision': {
    rule: 'writes in order',
    operations: [put('1', 'a', [0, 5], 1), put('2', 'b', [1, 5], 1, { group: OTHER })],
  },
  'a later push has a lower revision': {
    rule: 'writes in order',
    operations: [put('1', 'a', [0, 1], 2), put('2', 'b', [2, 3], 1, { group: OTHER })],
  },
  'a delete found nothing where there was something': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      remove('2', [2, 3], 'unchanged'),
      scrape('a=1', [4, 5], 1),
    ],
  },
  'a push is acknowledged that never took effect': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], 'unchanged'),
      scrape('a=1', [4, 5], 1),
    ],
  },
  'equal revisions show different pages': {
    rule: 'equal revisions, equal pages',
    operations: [
      put('1', 'a', [0, 1], { until: 50 }),
      scrape('a=1', [2, 6], 1),
      scrape('', [3, 6], 1, { target: 'three' }),
    ],
  },
  'a page is no valid exposition': {
    rule: 'valid page',
    operations: [scrape('', [0, 1], 0, { problems: ['a series that was there already'] })],
  },
  'the store is another one': {
    rule: 'one store',
    operations: [scrape('', [0, 1], 0), scrape('', [2, 3], 0, { epoch: 'f' })],
  },
  'a failover loses what was promised to last': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [2, 3], 2),
      scrape('a=2', [4, 5], 2),
      put('3', 'b', [202, 203], 3, { group: OTHER }),
      scrape({ [GROUP]: 'a=1', [OTHER]: 'b=3' }, [210, 211], 3),
    ],
    failovers: FAILOVER,
  },
  'a gateway falls behind for good': {
    rule: 'the same page in the end',
    operations: [
      put('1', 'a', [0, 1], 1),
      scrape('a=1', [2, 3], 1),
      scrape('', [2, 3], 0, { target: 'three' }),
    ],
    targets: ['two', 'three'],
  },
  'a gateway is not looked at in the end': {
    rule: 'the same page in the end',
    operations: [scrape('', [0, 1], 0, { target: 'three' }), put('1', 'a', [2, 3], 1)],
    targets: ['three'],
  },
  'during a failover a page lacks what was acknowledged before it, for all its revision': {
    rule: 'groups are what was written',
    operations: [
      put('1', 'a', [0, 1], 1),
      scrape('a=1', [2, 3], 1),
      put('2', 'b', [90, 110], { until: 120 }, { group: OTHER }),
      put('3', 'a', [150, 160], 2),
      scrape({ [GROUP]: 'a=1', [OTHER]: 'b=2' }, [170, 180], 2),
    ],
    failovers: FAILOVER,
  },
  'after a failover a page is of before it': {
    rule: 'no stale page',
    operations: [
      put('1', 'a', [0, 1], 1),
      put('2', 'a', [150, 160], 2),
      scrape('a=1', [170, 180], 1),
    ],
    failovers: FAILOVER,
  },
}

describe('what may not be', () => {
  test.each(Object.entries(WRONG))('%s', (_title, { rule, ...story }) => {
    expect(judge(story).violations.map((violation) => violation.rule)).toContain(rule)
  })
})

describe('where a failover may lose the tail', () => {
  const operations = [
    put('1', 'a', [0, 1], 1),
    scrape('a=1', [2, 3], 1),
    put('2', 'a', [90, 95], 2),
    scrape('a=1', [210, 211], 1),
    put('3', 'a', [212, 213], 2),
    scrape('a=3', [214, 215], 2),
  ]

  test('an acknowledged push that is gone afterwards is counted', () => {
    const verdict = judge({ operations, failovers: FAILOVER, guarantee: 'may lose the tail' })
    expect(verdict.violations).toEqual([])
    expect(verdict.losses).toEqual([{ group: GROUP, value: '2' }])
  })

  test('what is acknowledged after it must be there', () => {
    const lost = [...operations.slice(0, -1), scrape('a=1', [214, 215], 2)]
    const verdict = judge({
      operations: lost,
      failovers: FAILOVER,
      guarantee: 'may lose the tail',
    })
    expect(verdict.violations.map(({ rule }) => rule)).toContain('groups are what was written')
  })
})

test('a run that looked at too little fails', () => {
  const { violations } = check(history([scrape('', [0, 1], 0)]), {
    guarantee: 'lossless',
    minimums: { scrapes: 1, acknowledged: 1 },
    targets: [],
  })
  expect(violations).toEqual([
    { rule: 'enough was looked at', what: 'acknowledged is 0, which is less than 1', at: 0 },
  ])
})

test('the counts say what was done', () => {
  const { counts } = judge(FINE['a push without an answer shows, or it does not']!)
  expect(counts).toMatchObject({
    operations: 4,
    acknowledged: 1,
    ambiguous: 2,
    ambiguousSeen: 1,
    scrapes: 1,
    groups: 1,
    changedGroups: 1,
    freshElsewhere: 1,
  })
})
