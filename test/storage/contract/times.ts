import { expect, test } from '@jest/globals'
import { ORIGIN } from '../../../storage/group-store.ts'
import type { Driver } from './driver.ts'
import { applied, page, readAll, readOne, since } from './reading.ts'
import { fail, family, merge, replace } from './writes.ts'

export function times({ open }: Driver): void {
  test('a group keeps the time it was created at; pushes and failures move their own', async () => {
    const store = await open()
    const before = Date.now() * 1000
    await applied(store, replace('g', [family('a')]))
    const first = await readOne(store, 'g')
    expect(first.createdTimeUs).toBe(first.pushTimeUs)
    expect(first.createdTimeUs).toBeGreaterThanOrEqual(before)
    expect(first.failureTimeUs).toBe(0)
    await applied(store, fail('g'))
    const failed = await readOne(store, 'g')
    await applied(store, merge('g', [family('b')]))
    const merged = await readOne(store, 'g')
    await applied(store, replace('g', [family('a')]))
    const last = await readOne(store, 'g')
    for (const group of [failed, merged, last]) {
      expect(group.createdTimeUs).toBe(first.createdTimeUs)
      expect(group.failureTimeUs).toBe(failed.failureTimeUs)
    }
    expect(failed.pushTimeUs).toBe(first.pushTimeUs)
    expect(failed.failureTimeUs).toBeGreaterThanOrEqual(first.pushTimeUs)
    expect(merged.pushTimeUs).toBeGreaterThanOrEqual(failed.failureTimeUs)
    expect(last.pushTimeUs).toBeGreaterThanOrEqual(merged.pushTimeUs)
    expect(last.pushTimeUs).toBeLessThanOrEqual((Date.now() + 1) * 1000)
  })

  test('each family carries the time of the push that brought it', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a'), family('b')]))
    const first = (await readOne(store, 'g')).pushTimeUs
    await applied(store, merge('g', [family('b', { data: 'new' }), family('c')]))
    const second = (await readOne(store, 'g')).pushTimeUs
    await applied(store, merge('g', [family('c', { data: 'newer' })]))
    const third = (await readOne(store, 'g')).pushTimeUs
    await applied(store, fail('g'))
    const group = await readOne(store, 'g')
    expect(group.families.map(({ name, pushedAtUs }) => [name, pushedAtUs])).toEqual([
      ['a', first],
      ['b', second],
      ['c', third],
    ])
    expect(group.pushTimeUs).toBe(third)
    await applied(store, replace('g', [family('a'), family('b'), family('c')]))
    const again = await readOne(store, 'g')
    expect(again.families.map(({ pushedAtUs }) => pushedAtUs)).toEqual(
      Array.from({ length: 3 }, () => again.pushTimeUs),
    )
  })

  test('pushes one after another have rising times, within a millisecond too', async () => {
    const store = await open()
    const pushTimes: number[] = []
    for (let i = 0; i < 400; i++) {
      await applied(store, replace(`g${i % 5}`, [family('a')]))
      if (i >= 100) pushTimes.push((await readOne(store, `g${i % 5}`)).pushTimeUs)
    }
    for (let i = 1; i < pushTimes.length; i++) {
      expect(pushTimes[i]).toBeGreaterThan(pushTimes[i - 1]!)
    }
  })

  test('in order of revision, store time never goes back', async () => {
    const store = await open()
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        applied(store, i % 3 === 0 ? merge(`g${i}`, [family('a')]) : replace(`g${i}`, [])),
      ),
    )
    const groups = [...(await readAll(store)).values()].sort((a, b) => a.revision - b.revision)
    expect(groups).toHaveLength(1000)
    for (let i = 1; i < groups.length; i++) {
      expect(groups[i]!.pushTimeUs).toBeGreaterThanOrEqual(groups[i - 1]!.pushTimeUs)
    }
    const { storeTimeUs } = await page(store, since(ORIGIN))
    expect(storeTimeUs).toBeGreaterThanOrEqual(groups.at(-1)!.pushTimeUs)
  })

  test('times are whole microseconds', async () => {
    const store = await open()
    await applied(store, replace('g', [family('a')]))
    await applied(store, fail('g'))
    const group = await readOne(store, 'g')
    const { storeTimeUs } = await page(store, since(ORIGIN))
    for (const time of [group.createdTimeUs, group.pushTimeUs, group.failureTimeUs, storeTimeUs]) {
      expect(Number.isSafeInteger(time)).toBe(true)
    }
  })
}
