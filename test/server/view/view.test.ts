import { describe, expect, test } from '@jest/globals'
import zlib from 'node:zlib'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import type { MetricFamily } from '../../../server/metrics/metric-family.ts'
import { joinGzip } from '../../../server/view/rope.ts'
import { createMemoryGateway, createTestView, textFormat, withoutTimes } from './memory-gateway.ts'

describe('the page', () => {
  test('of no groups is empty', async () => {
    expect(await createMemoryGateway().page()).toBe('')
  })

  test('has families by name, each with one header, and in it groups in order of their keys', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/b', '# TYPE m gauge\nm 3\nz 1\n')
    await put('job/a/x/1', '# TYPE m gauge\nm 1\n')
    await put('job/a', '# HELP m text\n# TYPE m gauge\nm{x="2"} 2\na:b 1\na_b 2\n')
    expect(withoutTimes(await page())).toBe(
      [
        '# TYPE a:b untyped',
        'a:b{instance="",job="a"} 1',
        '# TYPE a_b untyped',
        'a_b{instance="",job="a"} 2',
        '# HELP m text',
        '# TYPE m gauge',
        'm{instance="",job="a",x="2"} 2',
        'm{instance="",job="a",x="1"} 1',
        'm{instance="",job="b"} 3',
        '# TYPE z untyped',
        'z{instance="",job="b"} 1',
        '',
      ].join('\n'),
    )
  })

  test('has the two times of every group', async () => {
    const { put, push, page } = createMemoryGateway()
    await put('job/a/instance/i', 'm 1\n')
    await push('replace', 'job/b', 'm 1 5\n')
    const lines = (await page()).split('\n')
    const valueOf = (series: string): number =>
      Number(lines.find((line) => line.startsWith(`${series} `))?.split(' ')[1])
    expect(valueOf('push_time_seconds{instance="i",job="a"}')).toBeGreaterThan(1.6e9)
    expect(valueOf('push_failure_time_seconds{instance="i",job="a"}')).toBe(0)
    expect(valueOf('push_time_seconds{instance="",job="b"}')).toBe(0)
    expect(valueOf('push_failure_time_seconds{instance="",job="b"}')).toBeGreaterThan(1.6e9)
    expect(lines.filter((line) => line.startsWith('# TYPE push_'))).toEqual([
      '# TYPE push_failure_time_seconds gauge',
      '# TYPE push_time_seconds gauge',
    ])
  })

  test('forgets a family with its last group', async () => {
    const { put, remove, page } = createMemoryGateway()
    await put('job/a', 'm 1\nn 1\n')
    await put('job/b', 'm 2\n')
    await page()
    await put('job/a', 'm 1\n')
    expect(withoutTimes(await page())).toBe(
      '# TYPE m untyped\nm{instance="",job="a"} 1\nm{instance="",job="b"} 2\n',
    )
    await remove('job/a')
    await remove('job/b')
    expect(await page()).toBe('')
  })

  test('takes a family back under another type', async () => {
    const { put, remove, page } = createMemoryGateway()
    await put('job/a', '# TYPE m counter\nm 1\n')
    await page()
    await remove('job/a')
    await put('job/b', '# TYPE m gauge\nm 1\n')
    expect(withoutTimes(await page())).toBe('# TYPE m gauge\nm{instance="",job="b"} 1\n')
  })

  test('changes its header when the only group changes type', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/a', '# TYPE m counter\nm 1\n')
    await page()
    await put('job/a', '# TYPE m gauge\nm 1\n')
    expect(withoutTimes(await page())).toBe('# TYPE m gauge\nm{instance="",job="a"} 1\n')
  })

  test('unzips to itself', async () => {
    const { put, page, view } = createMemoryGateway()
    for (let i = 0; i < 50; i++) await put(`job/j${i}`, `m ${i}\nn{a="é"} ${i}\n`)
    const text = await page()
    const zipped = Buffer.concat(joinGzip(view.page(textFormat('allow-utf-8'), [])).parts)
    expect(zlib.gunzipSync(zipped).toString()).toBe(text)
  })
})

describe('HELP', () => {
  const helpLines = (page: string): string[] =>
    withoutTimes(page)
      .split('\n')
      .filter((line) => line.startsWith('# HELP'))

  test('is that of the group with the lowest key that has one', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/c', '# HELP m third\nm 1\n')
    await put('job/b', '# HELP m second\nm 1\n')
    await put('job/a', 'm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m second'])
  })

  test('changes when that group goes, comes or says something else', async () => {
    const { put, remove, page } = createMemoryGateway()
    await put('job/b', '# HELP m second\nm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m second'])
    await put('job/a', '# HELP m first\nm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m first'])
    await put('job/a', '# HELP m first, again\nm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m first, again'])
    await put('job/a', 'm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m second'])
    await remove('job/b')
    expect(helpLines(await page())).toEqual([])
  })

  test('keeps its escapes', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/a', '# HELP m a\\\\b\\nc "d"\nm 1\n')
    expect(helpLines(await page())).toEqual(['# HELP m a\\\\b\\nc "d"'])
  })

  test('of a quoted name is shown with the name as the scraper wants it', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/a', '# HELP "a.b" x y\n{"a.b"} 1\n')
    expect(helpLines(await page('allow-utf-8'))).toEqual(['# HELP "a.b" x y'])
    expect(helpLines(await page('underscores'))).toEqual(['# HELP a_b x y'])
    expect(helpLines(await page('dots'))).toEqual(['# HELP a_dot_b x y'])
    expect(helpLines(await page('values'))).toEqual(['# HELP U__a_2e_b x y'])
  })

  test('that differs is reported once for each family', async () => {
    const { put, page, helpReports, view } = createMemoryGateway()
    await put('job/a', '# HELP m first\nm 1\n# HELP n same\nn 1\n')
    await put('job/b', '# HELP m second\nm 1\n# HELP n same\nn 1\n')
    await page()
    expect(helpReports).toEqual(['m: first / second'])
    await put('job/c', '# HELP m third\nm 1\n')
    await page()
    expect(helpReports).toHaveLength(1)
    expect(view.helpDifferences).toBe(1)
    await put('job/d', '# HELP n other\nn 1\n')
    await page()
    expect(helpReports).toEqual(['m: first / second', 'n: same / other'])
    expect(view.helpDifferences).toBe(2)
  })

  test('that differs is reported too when the lower key comes later', async () => {
    const { put, page, helpReports, view } = createMemoryGateway()
    await put('job/b', '# HELP m second\nm 1\n')
    await page()
    await put('job/a', '# HELP m first\nm 1\n')
    await page()
    expect(view.helpDifferences).toBe(1)
    expect(helpReports).toEqual(['m: first / second'])
  })

  test('that differs is reported whatever the order in which groups were pushed', async () => {
    const { put, page, store, view } = createMemoryGateway()
    await put('job/c', 'm 1\n')
    await put('job/b', '# HELP m second\nm 1\n')
    await put('job/a', '# HELP m first\nm 1\n')
    await page()
    const late = createTestView(store)
    await late.view.sync()
    expect([view.helpDifferences, late.view.helpDifferences]).toEqual([1, 1])
  })

  test('that all groups lost and took again, another one, is no difference', async () => {
    const { put, remove, page, helpReports } = createMemoryGateway()
    for (const job of ['a', 'b', 'c']) await put(`job/${job}`, '# HELP m old\nm 1\n')
    await page()
    for (const job of ['a', 'b', 'c']) await remove(`job/${job}`)
    for (const job of ['b', 'a', 'c']) await put(`job/${job}`, '# HELP m new\nm 1\n')
    expect(withoutTimes(await page())).toContain('# HELP m new\n')
    expect(helpReports).toEqual([])
  })

  test('that some groups lack is no difference', async () => {
    const { put, page, helpReports } = createMemoryGateway()
    await put('job/b', 'm 1\n')
    await put('job/a', '# HELP m text\nm 1\n')
    await put('job/c', 'm 1\n')
    await page()
    expect(helpReports).toEqual([])
  })
})

describe('own families', () => {
  const own = (name: string, help: string | undefined): MetricFamily => ({
    name,
    type: 'gauge',
    help,
    metrics: [{ labels: [], value: 1 }],
  })
  const OWN_B = own('b', 'own')

  test('stand among the others by name', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/j', 'a 1\nc 1\n')
    const families = [OWN_B, own('z', undefined)]
    expect(withoutTimes(await page('underscores', families))).toBe(
      '# TYPE a untyped\na{instance="",job="j"} 1\n' +
        '# HELP b own\n# TYPE b gauge\nb 1\n' +
        '# TYPE c untyped\nc{instance="",job="j"} 1\n' +
        '# TYPE z gauge\nz 1\n',
    )
  })

  test('are all there is without groups', async () => {
    expect(await createMemoryGateway().page('underscores', [OWN_B])).toBe(
      '# HELP b own\n# TYPE b gauge\nb 1\n',
    )
  })

  test('lend their header to pushed metrics of their name', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/j', '# HELP b pushed\n# TYPE b gauge\nb 2\n')
    expect(withoutTimes(await page('underscores', [OWN_B]))).toBe(
      '# HELP b own\n# TYPE b gauge\nb 1\nb{instance="",job="j"} 2\n',
    )
  })

  test('give way to pushed metrics of another type', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/j', '# TYPE b counter\nb 2\n')
    expect(withoutTimes(await page('underscores', [OWN_B]))).toBe(
      '# TYPE b counter\nb{instance="",job="j"} 2\n',
    )
  })
})

describe('a histogram', () => {
  const samplesOf = (page: string): string[] =>
    withoutTimes(page)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))

  test.each<[what: string, body: string, buckets: string[]]>([
    [
      'without +Inf',
      'h_bucket{le="1"} 1\nh_count 2\n',
      ['h_bucket{instance="",job="j",le="1"} 1', 'h_bucket{instance="",job="j",le="+Inf"} 2'],
    ],
    ['without buckets', 'h_count 2\n', ['h_bucket{instance="",job="j",le="+Inf"} 2']],
    ['with nothing but a sum', 'h_sum 2\n', ['h_bucket{instance="",job="j",le="+Inf"} 0']],
    [
      'with +Inf, which is left alone',
      'h_bucket{le="+Inf"} 1\nh_count 2\n',
      ['h_bucket{instance="",job="j",le="+Inf"} 1'],
    ],
    [
      'with +Inf before other buckets',
      'h_bucket{le="+Inf"} 1\nh_bucket{le="1"} 1\n',
      ['h_bucket{instance="",job="j",le="+Inf"} 1', 'h_bucket{instance="",job="j",le="1"} 1'],
    ],
    [
      'of which one metric lacks +Inf',
      'h_bucket{a="1",le="+Inf"} 1\nh_bucket{a="2",le="1"} 2\nh_count{a="2"} 3\n',
      [
        'h_bucket{a="1",instance="",job="j",le="+Inf"} 1',
        'h_bucket{a="2",instance="",job="j",le="1"} 2',
        'h_bucket{a="2",instance="",job="j",le="+Inf"} 3',
      ],
    ],
    [
      'of which one metric lacks +Inf and another has it twice',
      'h_bucket{a="1",le="+Inf"} 1\nh_bucket{a="1",le="Inf"} 1\nh_count{a="2"} 3\n',
      [
        'h_bucket{a="1",instance="",job="j",le="+Inf"} 1',
        'h_bucket{a="1",instance="",job="j",le="+Inf"} 1',
        'h_bucket{a="2",instance="",job="j",le="+Inf"} 3',
      ],
    ],
    [
      'with a label whose name ends like le',
      'h_count{zle="+Inf"} 2\nh_count{zle="x"} 3\n',
      [
        'h_bucket{instance="",job="j",zle="+Inf",le="+Inf"} 2',
        'h_bucket{instance="",job="j",zle="x",le="+Inf"} 3',
      ],
    ],
    [
      'with a value that looks like a sum',
      'h_bucket{a="_sum{",le="+Inf"} 1\nh_count{a="x"} 3\n',
      [
        'h_bucket{a="_sum{",instance="",job="j",le="+Inf"} 1',
        'h_bucket{a="x",instance="",job="j",le="+Inf"} 3',
      ],
    ],
  ])('%s is shown with +Inf once for each metric', async (_, body, buckets) => {
    const { put, page } = createMemoryGateway()
    await put('job/j', `# TYPE h histogram\n${body}`)
    const shown = samplesOf(await page()).filter((line) => line.startsWith('h_bucket'))
    expect(shown).toEqual(buckets)
  })

  test.each<[name: string, body: string, samples: string[]]>([
    [
      'a.b',
      '# TYPE "a.b" histogram\n{"a.b_bucket",le="1"} 1\n{"a.b_count"} 2\n',
      [
        '{"a.b_bucket",instance="",job="j",le="1"} 1',
        '{"a.b_bucket",instance="",job="j",le="+Inf"} 2',
        '{"a.b_sum",instance="",job="j"} 0',
        '{"a.b_count",instance="",job="j"} 2',
      ],
    ],
    [
      'x_sum',
      '# TYPE x_sum histogram\nx_sum_count 2\n',
      [
        'x_sum_bucket{instance="",job="j",le="+Inf"} 2',
        'x_sum_sum{instance="",job="j"} 0',
        'x_sum_count{instance="",job="j"} 2',
      ],
    ],
    [
      'a._sum',
      '# TYPE "a._sum" histogram\n{"a._sum_count"} 2\n',
      [
        '{"a._sum_bucket",instance="",job="j",le="+Inf"} 2',
        '{"a._sum_sum",instance="",job="j"} 0',
        '{"a._sum_count",instance="",job="j"} 2',
      ],
    ],
  ])('named %s is completed too', async (_, body, samples) => {
    const { put, page } = createMemoryGateway()
    await put('job/j', body)
    expect(samplesOf(await page())).toEqual(samples)
  })

  test('is completed on the page alone: what is stored is what was pushed', async () => {
    const { put, page, store } = createMemoryGateway()
    await put('job/j', '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n')
    await page()
    const [group] = await store.read([parseGroupingPath('job/j', false).key])
    expect(group?.families[0]?.data.toString()).not.toContain('+Inf')
  })
})

describe('names that need quotes', () => {
  const body = '# TYPE "http.status" counter\n{"http.status","x.y"="p.q",z="1"} 5\nplain 1\n'

  test.each([
    [
      'allow-utf-8',
      '# TYPE "http.status" counter\n{"http.status",instance="",job="j","x.y"="p.q",z="1"} 5\n',
    ],
    [
      'underscores',
      '# TYPE http_status counter\nhttp_status{instance="",job="j",x_y="p.q",z="1"} 5\n',
    ],
    [
      'dots',
      '# TYPE http_dot_status counter\nhttp_dot_status{instance="",job="j",x_dot_y="p.q",z="1"} 5\n',
    ],
    [
      'values',
      '# TYPE U__http_2e_status counter\nU__http_2e_status{instance="",job="j",U__x_2e_y="p.q",z="1"} 5\n',
    ],
  ] as const)('are escaped by the scheme %s', async (scheme, family) => {
    const { put, page } = createMemoryGateway()
    await put('job/j', body)
    expect(withoutTimes(await page(scheme))).toBe(
      `${family}# TYPE plain untyped\nplain{instance="",job="j"} 1\n`,
    )
  })

  test.each<[what: string, label: string, line: string]>([
    ['as the first label', '"a.b"', 'm{a_b="1",instance="",job="j"} 1'],
    ['as the last label', '"x.y"', 'm{instance="",job="j",x_y="1"} 1'],
    ['between labels', '"instance.id"', 'm{instance="",instance_id="1",job="j"} 1'],
  ])('of labels alone are escaped too: %s', async (_, label, line) => {
    const { put, page } = createMemoryGateway()
    await put('job/j', `m{${label}="1"} 1\n`)
    await put('job/k', 'm 2\n')
    expect(withoutTimes(await page('underscores'))).toBe(
      `# TYPE m untyped\n${line}\nm{instance="",job="k"} 2\n`,
    )
  })

  test('of grouping labels are escaped, in the times of the group as well', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/j/U__a_2e_b/1', 'm 1\n')
    const lines = (await page('underscores')).split('\n').filter((line) => line.includes('{'))
    expect(lines).toHaveLength(3)
    expect(lines.every((line) => line.includes('{a_b="1",instance="",job="j"}'))).toBe(true)
  })

  test('do not make values that look like quoted names change', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/j', 'm{a=",\\"b.c\\"=",d="{\\"e.f\\""} 1\n')
    for (const scheme of ['allow-utf-8', 'underscores', 'values'] as const) {
      expect(withoutTimes(await page(scheme))).toContain(
        'm{a=",\\"b.c\\"=",d="{\\"e.f\\"",instance="",job="j"} 1\n',
      )
    }
  })

  test('may hold any character, NUL and line feeds included', async () => {
    const { put, page } = createMemoryGateway()
    await put('job/a', 'a 1\nb 2\n')
    await put('job/b', '{"a\u0000b"} 3\n')
    await put('job/c', '{"a\\nb"} 4\n{"c} 5"} 6\n')
    expect(withoutTimes(await page())).toBe(
      [
        '# TYPE a untyped',
        'a{instance="",job="a"} 1',
        '# TYPE "a\u0000b" untyped',
        '{"a\u0000b",instance="",job="b"} 3',
        '# TYPE "a\\nb" untyped',
        '{"a\\nb",instance="",job="c"} 4',
        '# TYPE b untyped',
        'b{instance="",job="a"} 2',
        '# TYPE "c} 5" untyped',
        '{"c} 5",instance="",job="c"} 6',
        '',
      ].join('\n'),
    )
  })
})

describe('contradicting groups', () => {
  test('of two types: the lower key is shown, the rest is left out and counted', async () => {
    const { put, page, view } = createMemoryGateway({ checked: false })
    await put('job/b', '# TYPE m gauge\nm{x="1"} 1\nm{x="2"} 2\n')
    await put('job/a', '# TYPE m counter\nm 3\n')
    expect(withoutTimes(await page())).toBe('# TYPE m counter\nm{instance="",job="a"} 3\n')
    expect(view.leftOut).toBe(2)
  })

  test('with the same series: the lower key is shown', async () => {
    const { put, page, view } = createMemoryGateway({ checked: false })
    await put('job/a/x/1', 'm 1\nn 1\n')
    await put('job/a', 'm{x="1"} 2\nm{x="2"} 3\n')
    expect(withoutTimes(await page())).toBe(
      '# TYPE m untyped\nm{instance="",job="a",x="1"} 2\nm{instance="",job="a",x="2"} 3\n' +
        '# TYPE n untyped\nn{instance="",job="a",x="1"} 1\n',
    )
    expect(view.leftOut).toBe(1)
  })

  test('with the same times: the lower key has them', async () => {
    const { put, page, view } = createMemoryGateway({ checked: false })
    await put('job/a/instance@base64/=', 'm 1\n')
    await put('job/a', 'n 1\n')
    const times = (await page()).split('\n').filter((line) => /^push_\w+\{/.test(line))
    expect(times).toHaveLength(2)
    expect(view.leftOut).toBe(2)
  })

  test('by a suffix, within one push: the first family is shown', async () => {
    const { put, page, view } = createMemoryGateway({ checked: false })
    await put('job/a', 's_count 1\n# TYPE s summary\ns_sum 2\n')
    expect(withoutTimes(await page())).toBe(
      '# TYPE s summary\ns_sum{instance="",job="a"} 2\ns_count{instance="",job="a"} 0\n',
    )
    expect(view.leftOut).toBe(1)
  })

  test('take no names from others when they are left out themselves', async () => {
    const { put, page, view } = createMemoryGateway({ checked: false })
    await put('job/a', 'h_sum 1\n')
    await put('job/b', '# TYPE h histogram\nh_count 2\n')
    await put('job/c', '# TYPE h gauge\nh 3\n')
    expect(withoutTimes(await page())).toBe(
      '# TYPE h gauge\nh{instance="",job="c"} 3\n' +
        '# TYPE h_sum untyped\nh_sum{instance="",job="a"} 1\n',
    )
    expect(view.leftOut).toBe(1)
  })

  test('are all shown again when what contradicted them is gone', async () => {
    const { put, remove, page, view } = createMemoryGateway({ checked: false })
    await put('job/a', '# TYPE m counter\nm 1\n')
    await put('job/b', '# TYPE m gauge\nm 2\n')
    await page()
    await remove('job/a')
    expect(withoutTimes(await page())).toBe('# TYPE m gauge\nm{instance="",job="b"} 2\n')
    expect(view.leftOut).toBe(0)
  })

  test('stay left out when one of them is pushed again with other families', async () => {
    const { put, post, page, view } = createMemoryGateway({ checked: false })
    await put('job/a', '# TYPE m counter\nm 1\n')
    await put('job/b', '# TYPE m gauge\nm 2\n')
    await put('job/b', '# TYPE m gauge\nm 3\nn 4\n')
    await post('job/b', 'o 5\n')
    expect(withoutTimes(await page())).toBe(
      '# TYPE m counter\nm{instance="",job="a"} 1\n' +
        '# TYPE n untyped\nn{instance="",job="b"} 4\n# TYPE o untyped\no{instance="",job="b"} 5\n',
    )
    expect(view.leftOut).toBe(1)
  })

  test('hold for whoever comes to the store later, with the check on or off', async () => {
    const { put, page, store } = createMemoryGateway({ checked: false })
    await put('job/a', '# TYPE m counter\nm 1\n')
    await put('job/b', '# TYPE m gauge\nm 2\n')
    const other = createMemoryGateway({ store })
    expect(await other.page()).toBe(await page())
    await other.put('job/c', '# TYPE n gauge\nn 1\n')
    expect(await other.page()).toBe(await page())
  })
})

describe('groups', () => {
  test('are listed in order of their keys, with their labels', async () => {
    const { put, page, view } = createMemoryGateway()
    for (const path of ['job/b', 'job/a/x/2', 'job/a', 'job/a/x/1', 'job/aa']) await put(path, '')
    await page()
    const expected = ['job/a', 'job/b', 'job/aa', 'job/a/x/1', 'job/a/x/2'].map((path) =>
      parseGroupingPath(path, false),
    )
    const byKey = [...expected].sort((a, b) => Buffer.compare(a.key, b.key))
    expect(view.groups().map(({ grouping }) => grouping)).toEqual(byKey)
    expect(view.groupCount).toBe(5)
  })
})
