import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import zlib from 'node:zlib'
import type { Syntax } from '../../../server/exposition/negotiate.ts'
import { parseOpenMetrics } from '../../../server/exposition/openmetrics/parse.ts'
import { parseProtobuf } from '../../../server/exposition/protobuf/decode.ts'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { completeBuckets, renderFamilySamples } from '../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../server/metrics/metric-family.ts'
import type { EscapingScheme } from '../../../server/metrics/names.ts'
import { joinGzip } from '../../../server/view/rope.ts'
import { createMemoryGateway, type MemoryGateway } from './memory-gateway.ts'

async function pageIn(
  { view }: MemoryGateway,
  syntax: Syntax,
  escaping: EscapingScheme = 'allow-utf-8',
  own: readonly MetricFamily[] = [],
): Promise<Buffer> {
  await view.sync()
  return Buffer.concat(view.page({ syntax, escaping }, own).map(({ plain }) => plain))
}

function parsePage(page: Buffer, syntax: Syntax): MetricFamily[] {
  switch (syntax) {
    case 'text':
      return parseText(page, { utf8Names: true, lenientNewlines: false })
    case 'protobuf':
      return parseProtobuf(page, { utf8Names: true })
    case 'openmetrics': {
      const { families, hasEof } = parseOpenMetrics(page, { utf8Names: true, strict: false })
      expect(hasEof).toBe(true)
      return families
    }
  }
}

/** The families but for the two times that each group has. */
function withoutTimes(families: readonly MetricFamily[]): MetricFamily[] {
  return families.filter(({ name }) => !/^push_(failure_)?time_seconds$/.test(name))
}

async function familiesIn(
  gateway: MemoryGateway,
  syntax: Syntax,
  escaping?: EscapingScheme,
): Promise<MetricFamily[]> {
  return withoutTimes(parsePage(await pageIn(gateway, syntax, escaping), syntax))
}

/** All sample lines that a text page would have. */
function seriesOf(families: readonly MetricFamily[]): string[] {
  return families
    .flatMap((family) => renderFamilySamples(completeBuckets(family)).split('\n'))
    .sort()
}

async function linesIn(gateway: MemoryGateway, syntax: Syntax): Promise<string[]> {
  const lines = (await pageIn(gateway, syntax)).toString().split('\n')
  return lines.filter(
    (line) => !/^(# \w+ )?push_(failure_)?time_seconds\b/.test(line) && line !== '',
  )
}

const TIME = { seconds: 1_600_000_000, nanos: 500_000_000 }

const EXEMPLAR = { labels: [{ name: 'trace_id', value: 'a' }], value: 0.5, timestamp: TIME }

const COUNTER: MetricFamily = {
  name: 'c_seconds_total',
  type: 'counter',
  help: 'Says "much".',
  unit: 'seconds',
  metrics: [{ labels: [], value: 3, exemplar: EXEMPLAR, created: TIME }],
}

const HISTOGRAM: MetricFamily = {
  name: 'h',
  type: 'histogram',
  help: undefined,
  metrics: [
    {
      labels: [],
      buckets: [{ upperBound: 1, cumulativeCount: 1, exemplar: EXEMPLAR }],
      sum: 3,
      count: 2,
      created: TIME,
    },
  ],
}

const NATIVE: MetricFamily = {
  name: 'n',
  type: 'histogram',
  help: 'Native.',
  metrics: [
    {
      labels: [],
      buckets: [],
      sum: 3,
      count: 4,
      native: {
        schema: 2,
        zeroThreshold: 0.001,
        zeroCount: 1,
        negative: { spans: [], counts: [] },
        positive: { spans: [{ offset: -1, length: 2 }], counts: [1, 2] },
        exemplars: [EXEMPLAR],
      },
    },
  ],
}

const LABELS = [
  { name: 'instance', value: '' },
  { name: 'job', value: 'j' },
]

/** The family as the group `job/j` shows it. */
function inGroup(family: MetricFamily): MetricFamily {
  return {
    ...family,
    metrics: family.metrics.map((metric) => ({ ...metric, labels: LABELS })),
  } as MetricFamily
}

describe('what only some formats carry', () => {
  test('comes out of protobuf as it was pushed: exemplars, created timestamps, units, native histograms', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [NATIVE, HISTOGRAM, COUNTER])
    expect(await familiesIn(gateway, 'protobuf')).toEqual([COUNTER, HISTOGRAM, NATIVE].map(inGroup))
  })

  test('comes out of OpenMetrics but for native histograms', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [NATIVE, HISTOGRAM, COUNTER])
    expect(await linesIn(gateway, 'openmetrics')).toEqual([
      '# HELP c_seconds Says \\"much\\".',
      '# TYPE c_seconds counter',
      '# UNIT c_seconds seconds',
      'c_seconds_total{instance="",job="j"} 3 # {trace_id="a"} 0.5 1600000000.5',
      'c_seconds_created{instance="",job="j"} 1600000000.5',
      '# TYPE h histogram',
      'h_bucket{instance="",job="j",le="1"} 1 # {trace_id="a"} 0.5 1600000000.5',
      'h_bucket{instance="",job="j",le="+Inf"} 2',
      'h_sum{instance="",job="j"} 3',
      'h_count{instance="",job="j"} 2',
      'h_created{instance="",job="j"} 1600000000.5',
      '# HELP n Native.',
      '# TYPE n histogram',
      'n_bucket{instance="",job="j",le="+Inf"} 4',
      'n_sum{instance="",job="j"} 3',
      'n_count{instance="",job="j"} 4',
      '# EOF',
    ])
  })

  test('is left out of text', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [NATIVE, HISTOGRAM, COUNTER])
    expect(await linesIn(gateway, 'text')).toEqual([
      '# HELP c_seconds_total Says "much".',
      '# TYPE c_seconds_total counter',
      'c_seconds_total{instance="",job="j"} 3',
      '# TYPE h histogram',
      'h_bucket{instance="",job="j",le="1"} 1',
      'h_bucket{instance="",job="j",le="+Inf"} 2',
      'h_sum{instance="",job="j"} 3',
      'h_count{instance="",job="j"} 2',
      '# HELP n Native.',
      '# TYPE n histogram',
      'n_bucket{instance="",job="j",le="+Inf"} 4',
      'n_sum{instance="",job="j"} 3',
      'n_count{instance="",job="j"} 4',
    ])
  })

  test('stays when another group of the family has nothing of the kind', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [COUNTER])
    await gateway.put('job/a', '# TYPE c_seconds_total counter\nc_seconds_total 1\n')
    await gateway.put('job/z', '# TYPE c_seconds_total counter\nc_seconds_total 1\n')
    const [family, ...others] = await familiesIn(gateway, 'protobuf')
    expect(others).toEqual([])
    expect(family?.unit).toBe('seconds')
    expect(family?.metrics.map(({ created }) => created)).toEqual([undefined, TIME, undefined])
  })

  test('is gone when a push of text replaces it', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [COUNTER])
    await gateway.post('job/j', '# TYPE c_seconds_total counter\nc_seconds_total 4\n')
    expect(await familiesIn(gateway, 'protobuf')).toEqual([
      {
        name: 'c_seconds_total',
        type: 'counter',
        help: undefined,
        metrics: [{ labels: LABELS, value: 4 }],
      },
    ])
  })
})

test('a gauge histogram is one in protobuf, and a histogram to formats that would rename its series', async () => {
  const gateway = createMemoryGateway()
  await gateway.put('job/j', [{ ...HISTOGRAM, type: 'gaugehistogram' }])
  expect((await familiesIn(gateway, 'protobuf')).map(({ type }) => type)).toEqual([
    'gaugehistogram',
  ])
  for (const syntax of ['text', 'openmetrics'] as const) {
    const lines = await linesIn(gateway, syntax)
    expect(lines[0]).toBe('# TYPE h histogram')
    expect(lines).toContain('h_count{instance="",job="j"} 2')
  }
})

describe('in OpenMetrics', () => {
  async function headersOf(body: string): Promise<string[]> {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', body)
    expect(seriesOf(await familiesIn(gateway, 'openmetrics'))).toEqual(
      seriesOf(await familiesIn(gateway, 'text')),
    )
    return (await linesIn(gateway, 'openmetrics')).filter((line) => line.startsWith('# TYPE'))
  }

  test.each<[what: string, body: string, headers: string[]]>([
    [
      'a counter that ends in _total is one',
      '# TYPE x_total counter\nx_total 1\n',
      ['# TYPE x counter'],
    ],
    ['a counter that does not is of unknown type', '# TYPE x counter\nx 1\n', ['# TYPE x unknown']],
    ['an untyped metric is of unknown type', 'x 1\n', ['# TYPE x unknown']],
    [
      'a counter whose name another family has is of unknown type',
      '# TYPE x gauge\nx 1\n# TYPE x_total counter\nx_total 1\n',
      ['# TYPE x gauge', '# TYPE x_total unknown'],
    ],
    [
      'a counter whose name is a sample of another family is of unknown type',
      '# TYPE s summary\ns_count 1\n# TYPE s_count_total counter\ns_count_total 1\n',
      ['# TYPE s summary', '# TYPE s_count_total unknown'],
    ],
    [
      'of two counters that would share a name only one is a counter',
      '# TYPE x_total counter\nx_total 1\n# TYPE x_total_total counter\nx_total_total 1\n',
      ['# TYPE x counter', '# TYPE x_total_total unknown'],
    ],
    [
      'a counter called _total is of unknown type',
      '# TYPE _total counter\n_total 1\n',
      ['# TYPE _total unknown'],
    ],
  ])('%s', async (_, body, headers) => {
    expect(await headersOf(body)).toEqual(headers)
  })

  test('a created timestamp gives way to a family of its name', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [COUNTER])
    await gateway.put('job/k', '# TYPE c_seconds_created gauge\nc_seconds_created 5\n')
    const lines = await linesIn(gateway, 'openmetrics')
    expect(lines.filter((line) => line.startsWith('c_seconds_created'))).toEqual([
      'c_seconds_created{instance="",job="k"} 5',
    ])
  })

  test('names that collide once they are escaped are still no two families of one name', async () => {
    const gateway = createMemoryGateway()
    await gateway.put(
      'job/j',
      '# TYPE "x.y" gauge\n{"x.y"} 1\n# TYPE x_y_total counter\nx_y_total 1\n',
    )
    const page = (await pageIn(gateway, 'openmetrics', 'underscores')).toString()
    expect(page.match(/^# TYPE x.*/gm)).toEqual(['# TYPE x_y gauge', '# TYPE x_y_total unknown'])
  })
})

describe('own families', () => {
  const own = (type: 'counter' | 'gauge', name: string): MetricFamily => ({
    name,
    type,
    help: 'own',
    metrics: [{ labels: [], value: 1 }],
  })

  test.each<Syntax>(['text', 'openmetrics', 'protobuf'])(
    'share their head with pushed metrics of their name (%s)',
    async (syntax) => {
      const gateway = createMemoryGateway()
      await gateway.put('job/j', '# HELP b_total pushed\n# TYPE b_total counter\nb_total 2\na 1\n')
      const page = await pageIn(gateway, syntax, 'underscores', [
        own('counter', 'b_total'),
        own('gauge', 'z'),
      ])
      const families = withoutTimes(parsePage(page, syntax))
      expect(families.map(({ name }) => name)).toEqual(['a', 'b_total', 'z'])
      expect(families[1]).toEqual({
        name: 'b_total',
        type: 'counter',
        help: 'own',
        metrics: [
          { labels: [], value: 1 },
          { labels: LABELS, value: 2 },
        ],
      })
    },
  )
})

describe('caching', () => {
  test('a family of nothing but text has the same parts in text and OpenMetrics', async () => {
    const { put, view } = createMemoryGateway()
    await put('job/j', 'm 1\n')
    await view.sync()
    const partOf = (syntax: Syntax) =>
      view
        .page({ syntax, escaping: 'underscores' }, [])
        .find(({ plain }) => plain.includes('m{instance'))
    expect(partOf('openmetrics')).toBe(partOf('text'))
  })

  test.each<Syntax>(['text', 'openmetrics', 'protobuf'])(
    'what did not change is not encoded again (%s)',
    async (syntax) => {
      const gateway = createMemoryGateway()
      await gateway.put('job/j', [NATIVE, HISTOGRAM, COUNTER])
      await gateway.view.sync()
      const format = { syntax, escaping: 'underscores' } as const
      const before = gateway.view.page(format, [])
      await gateway.put('job/k', 'other 1\n')
      await gateway.view.sync()
      const kept = gateway.view.page(format, []).filter((part) => before.includes(part))
      // Head and metrics of three families; those of push times, which all groups have, are new.
      expect(kept.length).toBeGreaterThanOrEqual(6)
    },
  )

  test('a page of protobuf unzips to itself', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', [NATIVE, HISTOGRAM, COUNTER])
    const page = await pageIn(gateway, 'protobuf')
    const parts = gateway.view.page({ syntax: 'protobuf', escaping: 'allow-utf-8' }, [])
    expect(zlib.gunzipSync(Buffer.concat(joinGzip(parts).parts))).toEqual(page)
  })
})

const POOL: readonly (string | readonly MetricFamily[])[] = [
  'm 1\n',
  'm{x="1"} 3\nm{x="2"} 4\nm 5\n',
  'm{instance="i"} 6\n',
  '# HELP m \\"first\\" \\\\ and\\nsecond\nm 1\n',
  '# TYPE m_total counter\nm_total 7\nm_total{x="\\"\\\\\\n"} 8\n',
  '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
  '# TYPE h histogram\nh_bucket{le="1"} 1.5\nh_count 2.5\n',
  '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_count 2\n',
  '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\n',
  '# TYPE "a.b_total" counter\n{"a.b_total","c.d"="1"} 1\n',
  '# HELP "a.b" dotted\n# TYPE "a.b" gauge\n{"a.b"} NaN\n',
  'v 1e-300\nv{x="1"} +Inf\nv{x="2"} -Inf\n',
  [COUNTER],
  [HISTOGRAM],
  [NATIVE],
  [{ ...NATIVE, name: 'gn', type: 'gaugehistogram' }],
]

describe.each([true, false])('of any store (checked: %s)', (checked) => {
  test('text, OpenMetrics and protobuf show the same series with the same values', async () => {
    const push = fc.record({
      kind: fc.constantFrom('replace' as const, 'merge' as const),
      path: fc.constantFrom('job/a', 'job/b', 'job/a/x/1', 'job/a/instance/i'),
      body: fc.constantFrom(...POOL),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(push, { maxLength: 12 }), async (pushes) => {
        const gateway = createMemoryGateway({ checked })
        for (const { kind, path, body } of pushes) await gateway.push(kind, path, body)
        const text = await familiesIn(gateway, 'text')
        const protobuf = await familiesIn(gateway, 'protobuf')
        expect(seriesOf(protobuf)).toEqual(seriesOf(text))
        expect(seriesOf(await familiesIn(gateway, 'openmetrics'))).toEqual(seriesOf(text))
        const described = (families: readonly MetricFamily[]) =>
          families.map(({ name, type, help }) => [
            name,
            type === 'gaugehistogram' ? 'histogram' : type,
            help,
          ])
        expect(described(protobuf)).toEqual(described(text))
      }),
      { numRuns: 100 },
    )
  })
})
