import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { readStored, splitStored } from '../../../server/exposition/stored-family.ts'
import { renderHeader, renderLabels, sampleCount } from '../../../server/exposition/text/render.ts'
import { groupingKeyOf } from '../../../server/groups/grouping-key.ts'
import {
  preparePush,
  type PreparedFamily,
  type PreparedPush,
  type Rejection,
} from '../../../server/groups/prepare.ts'
import type { Label, MetricFamily, SummaryMetric } from '../../../server/metrics/metric-family.ts'
import { anyFamily } from '../exposition/text/arbitraries.ts'
import { groupingLabels, labelName } from './arbitraries.ts'

type Grouping = Readonly<Record<string, string>>

interface Settings {
  readonly checked?: boolean
  readonly ownClaims?: ReadonlyMap<string, string>
}

const JOB: Grouping = { job: 'j' }
const UNCHECKED: Settings = { checked: false }

function prepareFamilies(
  families: readonly MetricFamily[],
  grouping: Grouping,
  { checked = true, ownClaims = new Map() }: Settings = {},
): PreparedPush | ({ readonly kind: 'rejected' } & Rejection) {
  const labels = Object.entries(grouping).map(([name, value]) => ({ name, value }))
  return preparePush(groupingKeyOf(labels), families, { checked, ownClaims })
}

function prepare(
  body: string,
  grouping: Grouping = JOB,
  settings?: Settings,
): ReturnType<typeof prepareFamilies> {
  const families = parseText(Buffer.from(body), { utf8Names: true, lenientNewlines: false })
  return prepareFamilies(families, grouping, settings)
}

function accepted(...given: Parameters<typeof prepare>): PreparedPush {
  const push = prepare(...given)
  if (push.kind === 'prepared') return push
  throw new Error(`rejected: ${push.reason}`)
}

function ruleOf(...given: Parameters<typeof prepare>): string {
  const push = prepare(...given)
  return push.kind === 'rejected' ? push.rule : 'accepted'
}

/** What would be stored, without HELP and TYPE. */
function samplesOf({ families }: PreparedPush): string[] {
  const lines = families.flatMap(({ data }) => data.toString().split('\n'))
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

function only({ families }: PreparedPush): PreparedFamily {
  expect(families).toHaveLength(1)
  return families[0]!
}

test('label names that hold what could stand between two are not taken for two', () => {
  const exposed = (grouping: Grouping): string => {
    const push = prepare('m{own="x"} 1\n', grouping)
    if (push.kind === 'rejected') throw new Error(push.reason)
    return push.families[0]!.data.toString()
  }
  for (const between of ['\n', ',', '","']) {
    expect(exposed({ [`a${between}b`]: '1', job: 'j' })).toContain(
      '="1",instance="",job="j",own="x"',
    )
    expect(exposed({ a: '1', b: '2', job: 'j' })).toContain(
      'm{a="1",b="2",instance="",job="j",own="x"} 1',
    )
  }
})

describe('labels', () => {
  test.each<[what: string, body: string, grouping: Grouping, samples: string[]]>([
    [
      'grouping labels are set on every metric',
      'm 1\nm{x="1"} 2\n',
      { job: 'j', a: '2' },
      ['m{a="2",instance="",job="j"} 1', 'm{a="2",instance="",job="j",x="1"} 2'],
    ],
    [
      'grouping labels win over labels of the body',
      'm{job="x",a="1",b="3"} 1\n',
      { job: 'j', a: '2' },
      ['m{a="2",b="3",instance="",job="j"} 1'],
    ],
    [
      'an empty grouping label wins too',
      'm{a="1"} 1\n',
      { job: 'j', a: '' },
      ['m{a="",instance="",job="j"} 1'],
    ],
    ['an empty instance is added where there is none', 'm 1\n', JOB, ['m{instance="",job="j"} 1']],
    ['the instance of the body is kept', 'm{instance="i"} 1\n', JOB, ['m{instance="i",job="j"} 1']],
    [
      'the instance of the key is set',
      'm{instance="i"} 1\n',
      { job: 'j', instance: 'k' },
      ['m{instance="k",job="j"} 1'],
    ],
    [
      'an empty instance of the key is set',
      'm{instance="i"} 1\n',
      { job: 'j', instance: '' },
      ['m{instance="",job="j"} 1'],
    ],
    [
      'labels are sorted by the bytes of their names',
      'm{z="1",Z="2",_="3",a="4",a1="5",aa="6",A="7"} 1\n',
      JOB,
      ['m{A="7",Z="2",_="3",a="4",a1="5",aa="6",instance="",job="j",z="1"} 1'],
    ],
    [
      'labels in UTF-8 are sorted by their bytes too',
      'm{"🚀"="1","\uffff"="2","é"="3","b.c"="4"} 1\n',
      JOB,
      ['m{"b.c"="4",instance="",job="j","é"="3","\uffff"="2","🚀"="1"} 1'],
    ],
    [
      'le and quantile are plain labels where they mean nothing',
      'm{le="1",quantile="2"} 1\n',
      JOB,
      ['m{instance="",job="j",le="1",quantile="2"} 1'],
    ],
    [
      'le is a plain label of a summary',
      '# TYPE s summary\ns_sum 1\n',
      { job: 'j', le: '1' },
      ['s_sum{instance="",job="j",le="1"} 1', 's_count{instance="",job="j",le="1"} 0'],
    ],
    [
      'quantile is a plain label of a histogram',
      '# TYPE h histogram\nh_count 1\n',
      { job: 'j', quantile: '1' },
      ['h_sum{instance="",job="j",quantile="1"} 0', 'h_count{instance="",job="j",quantile="1"} 1'],
    ],
    [
      'buckets keep le behind the other labels',
      '# TYPE h histogram\nh_bucket{le="1",z="2"} 1\n',
      JOB,
      [
        'h_bucket{instance="",job="j",z="2",le="1"} 1',
        'h_sum{instance="",job="j",z="2"} 0',
        'h_count{instance="",job="j",z="2"} 0',
      ],
    ],
  ])('%s', (_, body, grouping, samples) => {
    expect(samplesOf(accepted(body, grouping))).toEqual(samples)
  })
})

describe('order', () => {
  test('metrics with fewer labels come first, then values are compared label by label', () => {
    const body =
      '# TYPE m counter\n' +
      'm{b="1"} 1\nm{b="1",a="z"} 2\nm{c="0"} 3\nm 4\nm{b=""} 5\nm{B="q"} 6\nm{a="",b="2"} 7\n'
    expect(samplesOf(accepted(body, { job: 't' }))).toEqual([
      'm{instance="",job="t"} 4',
      'm{b="",instance="",job="t"} 5',
      'm{c="0",instance="",job="t"} 3',
      'm{b="1",instance="",job="t"} 1',
      'm{B="q",instance="",job="t"} 6',
      'm{a="",b="2",instance="",job="t"} 7',
      'm{a="z",b="1",instance="",job="t"} 2',
    ])
  })

  test('values are compared by their bytes', () => {
    const body =
      'm{a="🚀"} 1\nm{a="\uffff"} 2\nm{a="é"} 3\nm{a="z"} 4\nm{a="Z"} 5\nm{a="10"} 6\nm{a="9"} 7\n'
    expect(samplesOf(accepted(body)).map((line) => line.at(-1))).toEqual([
      '6',
      '7',
      '5',
      '4',
      '3',
      '2',
      '1',
    ])
  })

  test('metrics that differ in label names alone have an order that does not hang on the push', () => {
    const there = samplesOf(accepted('m{a="1"} 1\nm{b="1"} 2\nm{c="1"} 3\n'))
    const back = samplesOf(accepted('m{c="1"} 3\nm{b="1"} 2\nm{a="1"} 1\n'))
    expect(back).toEqual(there)
  })

  test('families are sorted by the bytes of their names', () => {
    const { families } = accepted(
      '{"🚀"} 1\n{"\uffff"} 2\nb 3\na_b 4\na:b 5\nB 6\n{"a.b"} 7\na 8\n',
    )
    expect(families.map(({ name }) => name)).toEqual([
      'B',
      'a',
      'a.b',
      'a:b',
      'a_b',
      'b',
      '\uffff',
      '🚀',
    ])
  })
})

describe('a series that stands twice', () => {
  test.each<[what: string, body: string, grouping: Grouping]>([
    ['with the same labels', 'm{a="1"} 1\nm{a="1"} 2\n', JOB],
    ['with the same value', 'm 1\nm 1\n', JOB],
    ['with labels in another order', 'm{a="1",b="2"} 1\nm{b="2",a="1"} 2\n', JOB],
    ['with an instance that is added to one of them', 'm{instance=""} 1\nm 2\n', JOB],
    ['once the grouping labels are set', 'm{a="1"} 1\nm{a="2"} 2\n', { job: 'j', a: '3' }],
    ['once job is set', 'm{job="a"} 1\nm 2\n', JOB],
    ['among others', 'm{x="1"} 1\nm{x="2"} 1\nm{x="3"} 1\nm{x="2"} 1\n', JOB],
    [
      'in a histogram',
      '# TYPE h histogram\nh_count{a="1"} 1\nh_count{a="2"} 2\n',
      { job: 'j', a: '3' },
    ],
    ['in a summary', '# TYPE s summary\ns_sum{a="1"} 1\ns_sum 2\n', { job: 'j', a: '3' }],
  ])('%s refuses the push', (_, body, grouping) => {
    expect(ruleOf(body, grouping)).toBe('duplicate')
  })

  test('is named', () => {
    const push = prepare('m{b="1",a="2"} 1\nm{a="2",b="1"} 1\n')
    expect(push.kind === 'rejected' ? push.reason : '').toContain(
      'm{a="2",b="1",instance="",job="j"}',
    )
  })

  test.each<[what: string, body: string]>([
    ['an empty label is not an absent one', 'm{a=""} 1\nm 2\n'],
    ['values may be equal', 'm{a="1"} 1\nm{a="2"} 1\n'],
    ['the same labels may stand in two families', 'm{a="1"} 1\nn{a="1"} 1\n'],
    ['values may be swapped', 'm{a="1",b="2"} 1\nm{a="2",b="1"} 1\n'],
    ['quotes and commas do not make labels', 'm{a="1",b="2"} 1\nm{a="1\\",b=\\"2"} 1\n'],
  ])('is not meant: %s', (_, body) => {
    expect(ruleOf(body)).toBe('accepted')
  })

  test('keeps the last sample where nothing is checked, and the others are counted', () => {
    const push = accepted(
      'm{a="1"} 1\nm{a="2"} 2\nm{a="1"} 3\nm{a="1"} 4\nn 1\nn 2\n',
      JOB,
      UNCHECKED,
    )
    expect(samplesOf(push)).toEqual([
      'm{a="1",instance="",job="j"} 4',
      'm{a="2",instance="",job="j"} 2',
      'n{instance="",job="j"} 2',
    ])
    expect(push.droppedDuplicates).toBe(3)
  })

  test('is not counted where there is none', () => {
    expect(accepted('m 1\n', JOB, UNCHECKED).droppedDuplicates).toBe(0)
  })
})

describe("the gateway's own times of a group", () => {
  test.each<[what: string, body: string]>([
    ['the time of the last success', 'push_time_seconds 1\nm 1\n'],
    ['the time of the last failure', 'push_failure_time_seconds 1\nm 1\n'],
    ['with labels', 'push_time_seconds{a="1"} 1\npush_time_seconds{a="2"} 1\nm 1\n'],
    ['twice', 'push_time_seconds 1\npush_time_seconds 1\nm 1\n'],
    ['of another type', '# TYPE push_time_seconds histogram\npush_time_seconds_count 1\nm 1\n'],
    ['with a reserved label', 'push_failure_time_seconds{__x="1"} 1\nm 1\n'],
  ])('are dropped from a push: %s', (_, body) => {
    const ownClaims = new Map([
      ['push_time_seconds', 'gauge'],
      ['push_failure_time_seconds', 'gauge'],
    ])
    expect(samplesOf(accepted(body, JOB, { ownClaims }))).toEqual(['m{instance="",job="j"} 1'])
  })

  test('leave an empty push when there is nothing else', () => {
    expect(accepted('push_time_seconds 1\n').families).toEqual([])
  })

  test('may not carry timestamps either', () => {
    expect(ruleOf('push_time_seconds 1 5\n')).toBe('timestamp')
    expect(ruleOf('push_failure_time_seconds 1 5\nm 1\n')).toBe('timestamp')
  })

  test('are no other names', () => {
    const push = accepted('push_time_seconds_sum 1\npush_time 1\nPush_time_seconds 1\n')
    expect(push.families).toHaveLength(3)
  })
})

describe('a push is refused for', () => {
  const summary = (labels: Label[]): MetricFamily[] => [
    {
      name: 's',
      type: 'summary',
      help: undefined,
      metrics: [{ labels, quantiles: [], sum: 0, count: 0 }],
    },
  ]
  const histogram = (labels: Label[]): MetricFamily[] => [
    {
      name: 'h',
      type: 'histogram',
      help: undefined,
      metrics: [{ labels, buckets: [], sum: 0, count: 0 }],
    },
  ]

  test.each<[what: string, rule: string, push: () => ReturnType<typeof prepare>]>([
    ['a timestamp', 'timestamp', () => prepare('m 1 5\n')],
    [
      'one timestamp among many samples',
      'timestamp',
      () => prepare('a 1\nb 1\nc{x="1"} 1\nc{x="2"} 1 5\n'),
    ],
    ['a timestamp of 0', 'timestamp', () => prepare('m 1 0\n')],
    ['a timestamp where nothing is checked', 'timestamp', () => prepare('m 1 5\n', JOB, UNCHECKED)],
    ['a reserved label', 'label', () => prepare('m{__x="1"} 1\n')],
    [
      'a reserved label where nothing is checked',
      'label',
      () => prepare('m{__x="1"} 1\n', JOB, UNCHECKED),
    ],
    ['two underscores for a label', 'label', () => prepare('m{__="1"} 1\n')],
    [
      'a label without a name',
      'label',
      () =>
        prepareFamilies(
          [
            {
              name: 'm',
              type: 'gauge',
              help: undefined,
              metrics: [{ labels: [{ name: '', value: '1' }], value: 1 }],
            },
          ],
          JOB,
        ),
    ],
    [
      'quantile by name on a summary',
      'label',
      () => prepareFamilies(summary([{ name: 'quantile', value: '1' }]), JOB),
    ],
    [
      'le by name on a histogram',
      'label',
      () => prepareFamilies(histogram([{ name: 'le', value: '1' }]), JOB),
    ],
    [
      'a summary under a grouping label quantile',
      'label',
      () => prepare('# TYPE s summary\ns_sum 1\n', { job: 'j', quantile: '1' }),
    ],
    [
      'a histogram under a grouping label le',
      'label',
      () => prepare('# TYPE h histogram\nh_sum 1\n', { job: 'j', le: '1' }),
    ],
    [
      'a histogram under an empty grouping label le',
      'label',
      () => prepare('# TYPE h histogram\nh_sum 1\n', { job: 'j', le: '' }),
    ],
    ['a count beside its summary', 'type', () => prepare('s_count 1\n# TYPE s summary\ns_sum 1\n')],
    ['a sum beside its summary', 'type', () => prepare('s_sum 1\n# TYPE s summary\ns_count 1\n')],
    [
      'a bucket beside its histogram',
      'type',
      () => prepare('h_bucket 1\n# TYPE h histogram\nh_count 1\n'),
    ],
    [
      'a count beside its histogram, whatever its type',
      'type',
      () => prepare('# TYPE h_count gauge\nh_count 1\n# TYPE h histogram\nh_sum 1\n'),
    ],
    [
      'a histogram that reserves the name of a histogram',
      'type',
      () => prepare('# TYPE h_sum histogram\nh_sum_count 1\n# TYPE h histogram\nh_count 1\n'),
    ],
  ])('%s', (_, rule, push) => {
    expect(push()).toMatchObject({ kind: 'rejected', rule })
  })

  test.each<[what: string, body: string]>([
    ['a bucket beside a summary', 's_bucket 1\n# TYPE s summary\ns_sum 1\n'],
    ['a created time beside a summary', 's_created 1\n# TYPE s summary\ns_sum 1\n'],
    ['a count beside a gauge', 'g_count 1\n# TYPE g gauge\ng 1\n'],
    ['a total beside a counter', 'c_total 1\n# TYPE c counter\nc 1\n'],
    [
      'two histograms whose names begin alike',
      '# TYPE h histogram\nh_count 1\n# TYPE h_x histogram\nh_x_count 1\n',
    ],
  ])('but not for %s', (_, body) => {
    expect(ruleOf(body)).toBe('accepted')
  })

  test('not for names of two meanings where nothing is checked', () => {
    expect(ruleOf('s_count 1\n# TYPE s summary\ns_sum 1\n', JOB, UNCHECKED)).toBe('accepted')
  })

  test('but says which family, label and metric it means', () => {
    const reasons = [
      prepare('good 1\nlate_metric 1 5\n'),
      prepare('m{__x="1"} 1\n'),
      prepare('s_count 1\n# TYPE s summary\ns_sum 1\n'),
      prepare('# TYPE h histogram\nh_sum 1\n', { job: 'j', le: '1' }),
    ].map((push) => (push.kind === 'rejected' ? push.reason : 'accepted'))
    expect(reasons[0]).toContain('late_metric')
    expect(reasons[1]).toMatch(/"__x".*"m"/)
    expect(reasons[2]).toContain('"s_count"')
    expect(reasons[3]).toMatch(/"le".*histogram "h"/)
  })
})

describe("a name of the gateway's own metrics", () => {
  const ownClaims = new Map([
    ['own_total', 'counter'],
    ['own_size', 'summary'],
    ['own_size_sum', 'reserved'],
    ['own_size_count', 'reserved'],
  ])

  test.each<[what: string, body: string, rule: string]>([
    ['with its type is accepted', '# TYPE own_total counter\nown_total 1\n', 'accepted'],
    [
      'with another HELP is accepted',
      '# HELP own_total x\n# TYPE own_total counter\nown_total 1\n',
      'accepted',
    ],
    ['without a type, which is untyped, is refused', 'own_total 1\n', 'own-name'],
    ['with another type is refused', '# TYPE own_total gauge\nown_total 1\n', 'own-name'],
    ['that is a part of an own summary is refused', 'own_size_sum 1\n', 'own-name'],
    [
      'that would be a part of a pushed histogram is refused',
      '# TYPE own histogram\nown_count 1\n# TYPE own_size_sum histogram\nown_size_sum_sum 1\n',
      'own-name',
    ],
    ['beside an own summary, as with its buckets, is accepted', 'own_size_bucket 1\n', 'accepted'],
    [
      'of an own summary, pushed as one, is accepted',
      '# TYPE own_size summary\nown_size_count 1\n',
      'accepted',
    ],
  ])('%s', (_, body, rule) => {
    expect(ruleOf(body, JOB, { ownClaims })).toBe(rule)
  })

  test('is refused with another type where nothing is checked, too', () => {
    expect(ruleOf('own_total 1\n', JOB, { ownClaims, checked: false })).toBe('own-name')
  })

  test('that only a suffix makes one is refused', () => {
    const claims = new Map([['x_bucket', 'gauge']])
    const body = '# TYPE x histogram\nx_count 1\n'
    expect(ruleOf(body, JOB, { ownClaims: claims })).toBe('own-name')
  })
})

describe('claims', () => {
  test.each<[type: string, body: string, claims: [string, string][]]>([
    ['a counter', '# TYPE m counter\nm 1\n', [['m', 'counter']]],
    ['an untyped family', 'm 1\n', [['m', 'untyped']]],
    [
      'a summary',
      '# TYPE m summary\nm_sum 1\n',
      [
        ['m', 'summary'],
        ['m_sum', 'reserved'],
        ['m_count', 'reserved'],
      ],
    ],
    [
      'a histogram',
      '# TYPE m histogram\nm_sum 1\n',
      [
        ['m', 'histogram'],
        ['m_sum', 'reserved'],
        ['m_count', 'reserved'],
        ['m_bucket', 'reserved'],
      ],
    ],
  ])('of %s are its type and the names it reserves', (_, body, claims) => {
    expect(new Map(only(accepted(body)).claims)).toEqual(new Map(claims))
  })
})

describe('the shape', () => {
  const shapeOf = (body: string, grouping = JOB): string => only(accepted(body, grouping)).shape

  test.each<[what: string, a: string, b: string]>([
    ['values', 'm{a="1"} 1\n', 'm{a="1"} 2\n'],
    ['HELP', '# HELP m x\nm 1\n', 'm 1\n'],
    ['the order of metrics', 'm{a="1"} 1\nm{a="2"} 1\n', 'm{a="2"} 1\nm{a="1"} 1\n'],
    ['the order of labels', 'm{a="1",b="2"} 1\n', 'm{b="2",a="1"} 1\n'],
    ['an empty instance', 'm{instance=""} 1\n', 'm 1\n'],
    ['labels that grouping labels override', 'm{job="x"} 1\n', 'm 1\n'],
    ['escapes in labels that are overridden', 'm{job="\\\\",a="1"} 1\n', 'm{a="1"} 1\n'],
    ['an explicit untyped', '# TYPE m untyped\nm 1\n', 'm 1\n'],
    [
      'bounds of buckets',
      '# TYPE m histogram\nm_bucket{le="1"} 1\n',
      '# TYPE m histogram\nm_bucket{le="2"} 1\n',
    ],
  ])('is the same whatever the %s', (_, a, b) => {
    expect(shapeOf(a)).toBe(shapeOf(b))
  })

  test.each<[what: string, a: string, b: string]>([
    ['names', 'm 1\n', 'n 1\n'],
    ['types', '# TYPE m gauge\nm 1\n', 'm 1\n'],
    ['label values', 'm{a="1"} 1\n', 'm{a="2"} 1\n'],
    ['label names', 'm{a="1"} 1\n', 'm{b="1"} 1\n'],
    ['an empty label and none', 'm{a=""} 1\n', 'm 1\n'],
    ['one metric and two', 'm{a="1"} 1\n', 'm{a="1"} 1\nm{a="2"} 1\n'],
    ['a value with quotes and two labels', 'm{a="1\\",b=\\"2"} 1\n', 'm{a="1",b="2"} 1\n'],
    ['a value with a line feed and two metrics', 'm{a="1\\nm"} 1\n', 'm{a="1"} 1\nm{a="m"} 1\n'],
  ])('is another for other %s', (_, a, b) => {
    expect(shapeOf(a)).not.toBe(shapeOf(b))
  })

  test('is the same in every group, since it is compared within one only', () => {
    const body = 'm 1\nm{a="1",z="2"} 1\nm{a="2"} 1\n'
    expect(shapeOf(body, { job: 'a' })).toBe(shapeOf(body, { job: 'b' }))
    const [here, there] = ['x', 'y'].map((instance) => shapeOf(body, { job: 'j', instance }))
    expect(here).toBe(there)
  })

  test.each<[what: string, a: string, b: string]>([
    ['its end', '{"m\\n"} 1\n', '{"m"} 1\n'],
    ['what looks like a series', '{"m\\na=\\"1\\""} 1\n', 'm 1\nm{a="1"} 1\n'],
  ])('is another for a name with a line feed as %s', (_, a, b) => {
    expect(shapeOf(a)).not.toBe(shapeOf(b))
  })

  test('is equal exactly when type and series are', () => {
    const few = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('', '1', 'a')), {
      maxLength: 3,
      selector: ([name, value]) => `${name}=${value}`,
    })
    const family = fc.tuple(fc.constantFrom('gauge', 'counter'), few)
    const bodyOf = ([type, metrics]: [string, [string, string][]]): string =>
      `# TYPE m ${type}\nm{x="1"} 1\n${metrics.map(([name, value]) => `m{${name}="${value}"} 1\n`).join('')}`
    const identity = ([type, metrics]: [string, [string, string][]]): string =>
      JSON.stringify([type, metrics.map(([name, value]) => `${name}=${value}`).sort()])
    fc.assert(
      fc.property(family, family, (a, b) => {
        expect(shapeOf(bodyOf(a)) === shapeOf(bodyOf(b))).toBe(identity(a) === identity(b))
      }),
      { numRuns: 500 },
    )
  })

  test('of the whole push is equal exactly when the families and their shapes are', () => {
    const pushes = [
      '',
      'm 1\n',
      'n 1\n',
      'm 1\nn 1\n',
      'm{a="1"} 1\nn 1\n',
      'm 1\nn{a="1"} 1\n',
      '# TYPE m gauge\nm 1\n',
    ]
    const shapes = pushes.map((body) => accepted(body).shape)
    expect(new Set(shapes).size).toBe(pushes.length)
    expect(accepted('n 5\n# HELP m x\nm 7\n').shape).toBe(shapes[3])
  })
})

test('what is stored is the canonical text of all that was pushed, with the labels it is exposed with', () => {
  const families = fc.uniqueArray(anyFamily({ utf8Names: true }), {
    maxLength: 3,
    selector: ({ name }) => name,
  })
  fc.assert(
    fc.property(families, groupingLabels(labelName), (all, labels) => {
      const grouping = groupingKeyOf(labels)
      const push = preparePush(grouping, all, { checked: false, ownClaims: new Map() })
      fc.pre(push.kind === 'prepared')
      expect(push.families).toHaveLength(all.length)
      for (const prepared of push.families) {
        const { name, data, sampleCount: samples } = prepared
        const series = prepared.series()
        const pushed = all.find((family) => family.name === name)!
        const header = renderHeader(name, pushed.type, pushed.help)
        expect(data.toString().startsWith(header)).toBe(true)
        const [stored] = parseText(data, { utf8Names: true, lenientNewlines: false })
        expect(stored).toMatchObject({ name, type: pushed.type, help: pushed.help })
        expect(stored?.metrics.map((metric) => renderLabels(metric.labels))).toEqual(
          series.map(({ labelText }) => labelText),
        )
        expect(samples).toBe(stored?.metrics.reduce((sum, metric) => sum + sampleCount(metric), 0))
        for (const { labels: exposed } of series) {
          const names = exposed.map((label) => label.name)
          expect(names).toEqual(
            [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
          )
          expect(exposed).toEqual(expect.arrayContaining([...grouping.labels]))
          expect(names).toContain('instance')
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('the families that were pushed are left as they were', () => {
  const families = parseText(Buffer.from('m{b="1",a="2"} 1\nm 2\n'), {
    utf8Names: false,
    lenientNewlines: false,
  })
  const before = structuredClone(families)
  prepareFamilies(families, { job: 'j', a: '3' })
  expect(families).toEqual(before)
})

test.each(['-1', '1e19', '18446744073709551614'])(
  'a summary of %s is stored as it was read',
  (count) => {
    const body = Buffer.from(`# TYPE s summary\ns_count{a="1"} ${count}\n`)
    const options = { utf8Names: false, lenientNewlines: false }
    const [family] = parseText(body, options)
    const { data } = only(accepted(body.toString()))
    expect(readStored(splitStored(data)).metrics).toMatchObject([
      { count: (family?.metrics[0] as SummaryMetric).count },
    ])
  },
)
