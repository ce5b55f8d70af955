import { describe, expect, test } from '@jest/globals'
import { Registry } from 'prom-client'
import { readFamilies } from '../../../server/telemetry/prom-client-families.ts'
import { RecentSummary } from '../../../server/telemetry/recent-summary.ts'

const MINUTE_MS = 60_000

function createSummary() {
  const clock = { ms: 0 }
  const registry = new Registry()
  const summary = new RecentSummary({
    name: 's',
    help: 'A summary.',
    labelName: 'method',
    quantiles: [0.1, 0.5, 0.9],
    now: () => clock.ms,
  }).registerIn(registry)
  const read = async () => (await readFamilies(registry))[0]
  const quantiles = async (): Promise<number[]> => {
    const family = await read()
    if (family?.type !== 'summary') throw new Error('no summary')
    return family.metrics[0]!.quantiles.map(({ value }) => value)
  }
  return { clock, summary, read, quantiles }
}

describe('a summary of what was observed lately', () => {
  test('is read from the registry like any other metric', async () => {
    const { summary, read } = createSummary()
    expect(await read()).toBeUndefined()
    for (let value = 1; value <= 10; value++) summary.observe('put', value)
    summary.observe('post', 0.5)
    expect(await read()).toEqual({
      name: 's',
      help: 'A summary.',
      type: 'summary',
      metrics: [
        {
          labels: [{ name: 'method', value: 'put' }],
          quantiles: [
            { quantile: 0.1, value: 1 },
            { quantile: 0.5, value: 5 },
            { quantile: 0.9, value: 9 },
          ],
          sum: 55,
          count: 10,
        },
        {
          labels: [{ name: 'method', value: 'post' }],
          quantiles: [0.1, 0.5, 0.9].map((quantile) => ({ quantile, value: 0.5 })),
          sum: 0.5,
          count: 1,
        },
      ],
    })
  })

  test('knows the quantiles of many observations from a sample, their sum and count exactly', async () => {
    const { summary, read, quantiles } = createSummary()
    for (let i = 0; i < 100_000; i++) summary.observe('put', (i * 7919) % 1000)
    const [low, middle, high] = await quantiles()
    // So far off is about one run in a million.
    expect(Math.abs(low! - 100)).toBeLessThan(75)
    expect(Math.abs(middle! - 500)).toBeLessThan(125)
    expect(Math.abs(high! - 900)).toBeLessThan(75)
    expect(await read()).toMatchObject({ metrics: [{ sum: 49_950_000, count: 100_000 }] })
  })

  test('forgets quantiles after five to ten minutes, but not sum and count', async () => {
    const { clock, summary, read, quantiles } = createSummary()
    summary.observe('put', 1)
    clock.ms = 6 * MINUTE_MS
    summary.observe('put', 3)
    expect(await quantiles()).toEqual([1, 1, 3])
    clock.ms = 11 * MINUTE_MS
    expect(await quantiles()).toEqual([3, 3, 3])
    clock.ms = 60 * MINUTE_MS
    expect(await quantiles()).toEqual([NaN, NaN, NaN])
    expect(await read()).toMatchObject({ metrics: [{ sum: 4, count: 2 }] })
    summary.observe('put', 7)
    expect(await quantiles()).toEqual([7, 7, 7])
  })

  test('weighs a busy period more than a quiet one', async () => {
    const { clock, summary, quantiles } = createSummary()
    for (let i = 0; i < 10_000; i++) summary.observe('put', 1)
    clock.ms = 6 * MINUTE_MS
    for (let i = 0; i < 100; i++) summary.observe('put', 2)
    expect(await quantiles()).toEqual([1, 1, 1])
  })
})
