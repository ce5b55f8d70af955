import { describe, expect, test } from '@jest/globals'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import { exposedLabels, parseStored } from '../../../server/view/group-slot.ts'
import type { ShownGroup } from '../../../server/view/shown-group.ts'
import { createMemoryGateway, type MemoryGateway } from './memory-gateway.ts'

async function groupIn({ view }: MemoryGateway, path: string): Promise<ShownGroup> {
  await view.sync()
  const id = parseGroupingPath(path, true).key.toString('latin1')
  const group = view.groups().find(({ slot }) => slot.id === id)
  if (group === undefined) throw new Error(`there is no group ${path}`)
  return group
}

async function groupOf(body: string, path = 'job/j'): Promise<ShownGroup> {
  const gateway = createMemoryGateway()
  await gateway.put(path, body)
  return groupIn(gateway, path)
}

test('a group has the families of its group and the two times, by the bytes of their names', async () => {
  const group = await groupOf('z 1\nA 1\npush_z 1\npush_a 1\n{"é"} 1\n')
  expect(group.names).toEqual([
    'A',
    'push_a',
    'push_failure_time_seconds',
    'push_time_seconds',
    'push_z',
    'z',
    'é',
  ])
})

test('a group of an empty push has the two times alone', async () => {
  const group = await groupOf('')
  expect(group.names).toEqual(['push_failure_time_seconds', 'push_time_seconds'])
  expect(group.samples('push_failure_time_seconds').toString()).toBe(
    'push_failure_time_seconds{instance="",job="j"} 0\n',
  )
})

test('groups with the same families share their layout', async () => {
  const gateway = createMemoryGateway()
  await gateway.put('job/a', 'm 1\nn 2\n')
  await gateway.put('job/b', 'n 3\nm 4\n')
  await gateway.put('job/c', 'm 5\n')
  await gateway.page()
  const [a, b, c] = gateway.view.groups()
  expect(a?.slot.layout).toBe(b?.slot.layout)
  expect(a?.slot.layout).not.toBe(c?.slot.layout)
})

describe('type, HELP and samples of a family in a group', () => {
  test.each<
    [what: string, body: string, name: string, type: string, help: string, samples: string]
  >([
    ['without HELP', 'm 1\n', 'm', 'untyped', '', 'm{instance="",job="j"} 1\n'],
    [
      'with HELP',
      '# HELP m some text\n# TYPE m gauge\nm 1\n',
      'm',
      'gauge',
      'some text',
      'm{instance="",job="j"} 1\n',
    ],
    [
      'with HELP that looks like a header',
      '# HELP m # TYPE m counter\nm 1\n',
      'm',
      'untyped',
      '# TYPE m counter',
      'm{instance="",job="j"} 1\n',
    ],
    [
      'with HELP of the name',
      '# HELP m m\nm 1\n',
      'm',
      'untyped',
      'm',
      'm{instance="",job="j"} 1\n',
    ],
    [
      'with escapes in HELP',
      '# HELP m a\\nb\nm 1\n',
      'm',
      'untyped',
      'a\\nb',
      'm{instance="",job="j"} 1\n',
    ],
    [
      'with a quoted name',
      '# HELP "é é" ü\n# TYPE "é é" counter\n{"é é"} 1\n',
      'é é',
      'counter',
      'ü',
      '{"é é",instance="",job="j"} 1\n',
    ],
    [
      'with a line feed in its name',
      '# HELP "a\\nb" x\n{"a\\nb"} 1\n',
      'a\nb',
      'untyped',
      'x',
      '{"a\\nb",instance="",job="j"} 1\n',
    ],
    [
      'with samples that look like comments',
      'm{a="\\n# TYPE m gauge\\n"} 1\n',
      'm',
      'untyped',
      '',
      'm{a="\\n# TYPE m gauge\\n",instance="",job="j"} 1\n',
    ],
  ])('%s', async (_, body, name, type, help, samples) => {
    const group = await groupOf(body)
    expect({
      type: group.type(name),
      help: group.help(name),
      samples: group.samples(name).toString(),
    }).toEqual({ type, help, samples })
  })
})

test('a histogram is given as it was pushed, its samples as they are shown', async () => {
  const group = await groupOf('# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n')
  expect(group.family('h').metrics).toEqual([
    {
      labels: [
        { name: 'instance', value: '' },
        { name: 'job', value: 'j' },
      ],
      buckets: [{ upperBound: 1, cumulativeCount: 1 }],
      sum: 0,
      count: 2,
    },
  ])
  expect(group.samples('h').toString()).toContain('le="+Inf"} 2\n')
})

test('the times of a group are families of it as well', async () => {
  const group = await groupOf('m 1\n')
  expect(group.family('push_time_seconds')).toMatchObject({
    type: 'gauge',
    help: 'Last Unix time when changing this group in the Pushgateway succeeded.',
    metrics: [{ value: group.slot.pushTimeUs / 1e6 }],
  })
})

test('what is stored without samples cannot be read back', () => {
  expect(() => parseStored(Buffer.from('# TYPE m gauge\n'))).toThrow(/without samples/)
})

describe('the time at which a family was pushed', () => {
  test('is that of its group where all came together', async () => {
    const group = await groupOf('m 1\nn 1\n')
    for (const name of group.names.filter((each) => !each.includes('failure'))) {
      expect(group.pushedAt(name)).toBe(group.slot.pushTimeUs)
    }
  })

  test('is its own where a later push brought other families', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', 'm 1\nn 1\n')
    const before = await groupIn(gateway, 'job/j')
    await gateway.post('job/j', 'n 2\n')
    const after = await groupIn(gateway, 'job/j')
    expect(after.slot.pushTimeUs).toBeGreaterThanOrEqual(before.slot.pushTimeUs)
    expect(after.pushedAt('m')).toBe(before.slot.pushTimeUs)
    expect(after.pushedAt('n')).toBe(after.slot.pushTimeUs)
  })

  test('is for the times of a group when they last moved, or else when it was created', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', 'm 1\n')
    const fresh = await groupIn(gateway, 'job/j')
    expect(fresh.pushedAt('push_failure_time_seconds')).toBe(fresh.slot.createdTimeUs)
    await gateway.push('replace', 'job/j', 'm 1 5\n')
    const failed = await groupIn(gateway, 'job/j')
    expect(failed.pushedAt('push_failure_time_seconds')).toBe(failed.slot.failureTimeUs)
    expect(failed.pushedAt('push_time_seconds')).toBe(fresh.slot.pushTimeUs)
    await gateway.push('replace', 'job/k', 'm 1 5\n')
    const never = await groupIn(gateway, 'job/k')
    expect(never.pushedAt('push_time_seconds')).toBe(never.slot.createdTimeUs)
  })
})

describe('the labels a group is exposed with', () => {
  test.each<[path: string, labels: string[]]>([
    ['job/j', ['instance=', 'job=j']],
    ['job/j/instance/i', ['instance=i', 'job=j']],
    ['job/j/instance@base64/=', ['instance=', 'job=j']],
    ['job/j/Z/1/a/2', ['Z=1', 'a=2', 'instance=', 'job=j']],
  ])('%s', (path, labels) => {
    const exposed = exposedLabels(parseGroupingPath(path, false))
    expect(exposed.map(({ name, value }) => `${name}=${value}`)).toEqual(labels)
  })
})
