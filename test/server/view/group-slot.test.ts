import { describe, expect, test } from '@jest/globals'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import {
  createGroupSlot,
  exposedLabels,
  familyOf,
  helpTextOf,
  NameLists,
  parseStored,
  pushedAtOf,
  samplesOf,
  typeOf,
  type GroupSlot,
} from '../../../server/view/group-slot.ts'
import { createMemoryGateway, type MemoryGateway } from './memory-gateway.ts'

async function slotIn(gateway: MemoryGateway, path: string): Promise<GroupSlot> {
  const [group] = await gateway.store.read([parseGroupingPath(path, true).key])
  return createGroupSlot(group!, new NameLists())
}

async function slotOf(body: string, path = 'job/j'): Promise<GroupSlot> {
  const gateway = createMemoryGateway()
  await gateway.put(path, body)
  return slotIn(gateway, path)
}

test('a slot has the families of its group and the two times, by the bytes of their names', async () => {
  const slot = await slotOf('z 1\nA 1\npush_z 1\npush_a 1\n{"é"} 1\n')
  expect(slot.list.names).toEqual([
    'A',
    'push_a',
    'push_failure_time_seconds',
    'push_time_seconds',
    'push_z',
    'z',
    'é',
  ])
})

test('a slot of an empty push has the two times alone', async () => {
  const slot = await slotOf('')
  expect(slot.list.names).toEqual(['push_failure_time_seconds', 'push_time_seconds'])
  expect(samplesOf(slot, 'push_failure_time_seconds').toString()).toBe(
    'push_failure_time_seconds{instance="",job="j"} 0\n',
  )
})

test('slots of groups with the same families share the list of their names', async () => {
  const gateway = createMemoryGateway()
  await gateway.put('job/a', 'm 1\nn 2\n')
  await gateway.put('job/b', 'n 3\nm 4\n')
  await gateway.put('job/c', 'm 5\n')
  await gateway.page()
  const [a, b, c] = gateway.view.groups()
  expect(a?.list).toBe(b?.list)
  expect(a?.list).not.toBe(c?.list)
})

describe('type, HELP and samples of a family in a slot', () => {
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
    const slot = await slotOf(body)
    expect({
      type: typeOf(slot, name),
      help: helpTextOf(slot, name),
      samples: samplesOf(slot, name).toString(),
    }).toEqual({ type, help, samples })
  })
})

test('familyOf gives a histogram as it was pushed, samplesOf as it is shown', async () => {
  const slot = await slotOf('# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n')
  expect(familyOf(slot, 'h').metrics).toEqual([
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
  expect(samplesOf(slot, 'h').toString()).toContain('le="+Inf"} 2\n')
})

test('familyOf reads the times of the group as well', async () => {
  const slot = await slotOf('m 1\n')
  expect(familyOf(slot, 'push_time_seconds')).toMatchObject({
    type: 'gauge',
    help: 'Last Unix time when changing this group in the Pushgateway succeeded.',
    metrics: [{ value: slot.pushTimeUs / 1e6 }],
  })
})

test('what is stored without samples cannot be read back', () => {
  expect(() => parseStored(Buffer.from('# TYPE m gauge\n'))).toThrow(/without samples/)
})

describe('the time at which a family was pushed', () => {
  test('is that of its group where all came together', async () => {
    const slot = await slotOf('m 1\nn 1\n')
    for (const name of slot.list.names.filter((each) => !each.includes('failure'))) {
      expect(pushedAtOf(slot, name)).toBe(slot.pushTimeUs)
    }
  })

  test('is its own where a later push brought other families', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', 'm 1\nn 1\n')
    const before = await slotIn(gateway, 'job/j')
    await gateway.post('job/j', 'n 2\n')
    const after = await slotIn(gateway, 'job/j')
    expect(after.pushTimeUs).toBeGreaterThanOrEqual(before.pushTimeUs)
    expect(pushedAtOf(after, 'm')).toBe(before.pushTimeUs)
    expect(pushedAtOf(after, 'n')).toBe(after.pushTimeUs)
  })

  test('is for the times of a group when they last moved, or else when it was created', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/j', 'm 1\n')
    const fresh = await slotIn(gateway, 'job/j')
    expect(pushedAtOf(fresh, 'push_failure_time_seconds')).toBe(fresh.createdTimeUs)
    await gateway.push('replace', 'job/j', 'm 1 5\n')
    const failed = await slotIn(gateway, 'job/j')
    expect(pushedAtOf(failed, 'push_failure_time_seconds')).toBe(failed.failureTimeUs)
    expect(pushedAtOf(failed, 'push_time_seconds')).toBe(fresh.pushTimeUs)
    await gateway.push('replace', 'job/k', 'm 1 5\n')
    const never = await slotIn(gateway, 'job/k')
    expect(pushedAtOf(never, 'push_time_seconds')).toBe(never.createdTimeUs)
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
