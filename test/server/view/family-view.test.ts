import { describe, expect, test } from '@jest/globals'
import type { EscapingScheme } from '../../../server/metrics/names.ts'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import { FamilyView } from '../../../server/view/family-view.ts'
import { atOnce } from '../../../server/view/in-slices.ts'
import { Layouts } from '../../../server/view/layout.ts'
import type { FamilyFormat } from '../../../server/view/page-pieces.ts'
import type { RopePart } from '../../../server/view/rope.ts'
import { GroupReader, type GroupDraft } from '../../../server/view/group-slot.ts'
import {
  createMemoryGateway,
  textFormat,
  textOf,
  withoutTimes,
  type MemoryGateway,
} from './memory-gateway.ts'
import { renderNaively } from './naive-page.ts'

const SEGMENT_BYTES = 64 * 1024

/** The parts of the family `m` with the groups' times left out. */
function partsOfM({ view }: MemoryGateway): Buffer[] {
  const plain = view.page(textFormat('allow-utf-8'), []).map((part) => part.plain)
  return plain.filter((bytes) => /^m\{/.test(bytes.toString('latin1', 0, 2)))
}

function inText(escaping: EscapingScheme): FamilyFormat {
  return { ...textFormat(escaping), shape: undefined }
}

function metricsOf(family: FamilyView, escaping: EscapingScheme): RopePart[] {
  return atOnce(family.shown.metrics(inText(escaping)))
}

/** Header and metrics, or nothing. */
function partsOf(family: FamilyView, escaping: EscapingScheme): RopePart[] {
  const metrics = metricsOf(family, escaping)
  return metrics.length === 0 ? [] : [family.shown.header(inText(escaping), 0), ...metrics]
}

/** Puts drafts of groups into a family, in order of their keys. */
function put(family: FamilyView, ...drafts: GroupDraft[]): void {
  const ids = drafts.map(({ slot }) => slot.id)
  family.take(atOnce(family.merge({ ids, drafts }, [...ids.keys()])))
}

function remove(family: FamilyView, ...ids: string[]): void {
  family.take(atOnce(family.merge({ ids, drafts: [] }, [...ids.keys()])))
}

function groupsOf({ shown }: FamilyView): string[] {
  return shown.segments.flatMap(({ slots }) => slots.map(({ id }) => id))
}

function pathOf(i: number): string {
  return `job/j/instance/i${String(i).padStart(5, '0')}`
}

async function putGroups(
  gateway: MemoryGateway,
  count: number,
  body: (i: number) => string,
): Promise<void> {
  for (let i = 0; i < count; i++) await gateway.put(pathOf(i), body(i))
}

async function expectNaivePage(
  gateway: MemoryGateway,
  scheme: EscapingScheme = 'allow-utf-8',
): Promise<void> {
  const { text } = await renderNaively(gateway.store, scheme)
  expect((await gateway.page(scheme)) === text).toBe(true)
}

/** The draft of a group that was pushed with this body. */
async function draftOf(path: string, body: string): Promise<GroupDraft> {
  const gateway = createMemoryGateway()
  await gateway.put(path, body)
  const [group] = await gateway.store.read([parseGroupingPath(path, true).key])
  return new GroupReader(new Layouts()).read(group!)
}

describe('a family of many groups', () => {
  const value = (i: number): string => `m{pad="${'x'.repeat(100)}"} ${i}\n`

  test('is cut into parts of about 64 KB, of which a changed group replaces one', async () => {
    const gateway = createMemoryGateway()
    await putGroups(gateway, 2000, value)
    await gateway.page()
    const before = partsOfM(gateway)
    expect(before.length).toBeGreaterThan(3)
    expect(before.every((bytes) => bytes.length <= 2 * SEGMENT_BYTES)).toBe(true)
    expect(Buffer.concat(before).length / before.length).toBeGreaterThan(SEGMENT_BYTES / 4)

    await gateway.put(pathOf(1000), 'm 0\n')
    await gateway.page()
    const after = partsOfM(gateway)
    expect(after.filter((bytes) => !before.includes(bytes))).toHaveLength(1)
    await expectNaivePage(gateway)
  })

  test('stays what it is from scratch while groups come and go', async () => {
    const gateway = createMemoryGateway()
    await putGroups(gateway, 1500, value)
    await expectNaivePage(gateway)
    for (let i = 0; i < 1500; i += 2) await gateway.remove(pathOf(i))
    await expectNaivePage(gateway)
    for (let i = 1; i < 1500; i += 2) {
      if (i % 50 !== 1) await gateway.remove(pathOf(i))
    }
    await expectNaivePage(gateway)
    await putGroups(gateway, 300, (i) => `m ${i}\n`)
    await expectNaivePage(gateway)
  })

  test.each<[what: string, order: (i: number) => number]>([
    ['all over the family', (i) => (i * 37) % 800],
    ['in order of their keys', (i) => i],
    ['in reverse', (i) => 799 - i],
  ])('is joined again when deletions %s made its parts small', async (_, order) => {
    const gateway = createMemoryGateway()
    await putGroups(gateway, 800, (i) => `m{pad="${'x'.repeat(500)}"} ${i}\n`)
    await gateway.page()
    const before = partsOfM(gateway).length
    expect(before).toBeGreaterThan(4)
    for (let i = 0; i < 800; i++) {
      if (order(i) % 40 !== 0) await gateway.remove(pathOf(order(i)))
      if (i % 50 === 0) await gateway.page()
    }
    await gateway.page()
    expect(partsOfM(gateway).length).toBeLessThan(before / 2)
    await expectNaivePage(gateway)
  })

  test('shows the same bytes whether its groups came in order, in reverse or all over the place', async () => {
    const orders: ((i: number) => number)[] = [(i) => i, (i) => 599 - i, (i) => (i * 7919) % 600]
    const pages: string[] = []
    for (const order of orders) {
      const gateway = createMemoryGateway()
      for (let i = 0; i < 600; i++) {
        await gateway.put(`job/j/instance/i${order(i)}`, `m{pad="${'x'.repeat(400)}"} 1\n`)
        if (i % 200 === 0) await gateway.page()
      }
      pages.push(withoutTimes(await gateway.page()))
      expect(partsOfM(gateway).every((bytes) => bytes.length <= 2 * SEGMENT_BYTES)).toBe(true)
    }
    expect(pages[1] === pages[0] && pages[2] === pages[0]).toBe(true)
  })
})

describe('large groups', () => {
  test('have parts of their own', async () => {
    const gateway = createMemoryGateway()
    await gateway.put('job/b', `m{pad="${'x'.repeat(300_000)}"} 1\n`)
    for (const job of ['a', 'c', 'd', 'e'])
      await gateway.put(`job/${job}`, `m{pad="${'x'.repeat(50_000)}"} 1\n`)
    await expectNaivePage(gateway)
    const parts = partsOfM(gateway)
    expect(parts.filter((bytes) => bytes.length > 2 * SEGMENT_BYTES)).toHaveLength(1)
    await gateway.put('job/b', 'm 1\n')
    await expectNaivePage(gateway)
  })
})

describe('names that grow when they are escaped', () => {
  test.each(['dots', 'values'] as const)(
    'beyond the size of a part (%s) do not stop the page from being made',
    async (scheme) => {
      const family = new FamilyView('m')
      for (const job of ['a', 'b', 'c']) {
        put(family, await draftOf(`job/${job}`, `m{"${'.'.repeat(20_000)}"="1"} 1\n`))
      }
      const text = textOf(partsOf(family, scheme))
      expect(text.split('\n').map((line) => line.length > 60_000)).toEqual([
        false,
        true,
        true,
        true,
        false,
      ])
    },
  )
})

describe('a FamilyView by itself', () => {
  test('is empty until a group is put, and when the last one is removed', async () => {
    const family = new FamilyView('m')
    expect(family.isEmpty).toBe(true)
    expect(partsOf(family, 'underscores')).toEqual([])
    const draft = await draftOf('job/a', 'm 1\n')
    put(family, draft)
    expect(family.isEmpty).toBe(false)
    remove(family, draft.slot.id)
    expect(family.isEmpty).toBe(true)
    expect(partsOf(family, 'underscores')).toEqual([])
  })

  test('takes the new slot of a group in place of its old one', async () => {
    const family = new FamilyView('m')
    put(family, await draftOf('job/a', 'm 1\n'))
    put(family, await draftOf('job/a', 'm 2\n'))
    expect(textOf(metricsOf(family, 'underscores'))).toBe('m{instance="",job="a"} 2\n')
    expect(groupsOf(family)).toHaveLength(1)
  })

  test('does not mind being asked to remove what it does not have', async () => {
    const family = new FamilyView('m')
    remove(family, 'nothing')
    put(family, await draftOf('job/b', 'm 1\n'))
    const others = ['job/a', 'job/c'].map((path) => draftOf(path, 'm 1\n'))
    for (const { slot } of await Promise.all(others)) remove(family, slot.id)
    expect(groupsOf(family)).toHaveLength(1)
  })

  test('gives the same parts again when nothing changed', async () => {
    const family = new FamilyView('m')
    put(family, await draftOf('job/a', '# HELP m x\nm 1\n'))
    const [header, samples] = partsOf(family, 'underscores')
    expect(partsOf(family, 'underscores')).toEqual([header, samples])
    expect(partsOf(family, 'underscores')[0]).toBe(header)
    expect(partsOf(family, 'allow-utf-8')[1]).toBe(samples)
  })

  test('shows nothing of changes before they are taken, and stays for whoever holds it', async () => {
    const family = new FamilyView('m')
    const draft = await draftOf('job/a', 'm 1\n')
    put(family, draft)
    const before = family.shown
    const merged = atOnce(family.merge({ ids: [draft.slot.id], drafts: [undefined] }, [0]))
    expect(family.shown).toBe(before)
    family.take(merged)
    expect(groupsOf(family)).toEqual([])
    expect(textOf(atOnce(before.metrics(inText('underscores'))))).toBe('m{instance="",job="a"} 1\n')
  })
})
