import { expect, test } from '@jest/globals'
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { readFamilies } from '../../../server/telemetry/prom-client-families.ts'

test('counters and gauges keep name, HELP, labels and values', async () => {
  const registry = new Registry()
  new Counter({ name: 'c', help: 'some', labelNames: ['b', 'a'], registers: [registry] }).inc(
    { b: '2', a: '1' },
    3,
  )
  new Gauge({ name: 'g', help: 'more', registers: [registry] }).set(-1.5)
  expect(await readFamilies(registry)).toEqual([
    {
      name: 'c',
      help: 'some',
      type: 'counter',
      metrics: [
        {
          labels: [
            { name: 'a', value: '1' },
            { name: 'b', value: '2' },
          ],
          value: 3,
        },
      ],
    },
    { name: 'g', help: 'more', type: 'gauge', metrics: [{ labels: [], value: -1.5 }] },
  ])
})

test('the samples of a histogram become one metric for each label set', async () => {
  const registry = new Registry()
  const histogram = new Histogram({
    name: 'h',
    help: 'x',
    labelNames: ['a'],
    buckets: [0.5, 10],
    registers: [registry],
  })
  histogram.observe({ a: '1' }, 1)
  histogram.observe({ a: '1' }, 100)
  histogram.observe({ a: '2' }, 0.25)
  const metric = (a: string, counts: number[], sum: number): object => ({
    labels: [{ name: 'a', value: a }],
    buckets: [0.5, 10, Infinity].map((upperBound, i) => ({
      upperBound,
      cumulativeCount: counts[i],
    })),
    sum,
    count: counts[2],
  })
  expect(await readFamilies(registry)).toEqual([
    {
      name: 'h',
      help: 'x',
      type: 'histogram',
      metrics: [metric('1', [0, 1, 2], 101), metric('2', [1, 1, 1], 0.25)],
    },
  ])
})

test('the samples of a summary become one metric for each label set', async () => {
  const registry = new Registry()
  const summary = new Summary({
    name: 's',
    help: 'x',
    labelNames: ['a'],
    percentiles: [0.5],
    registers: [registry],
  })
  summary.observe({ a: '1' }, 2)
  summary.observe({ a: '2' }, 5)
  expect(await readFamilies(registry)).toEqual([
    {
      name: 's',
      help: 'x',
      type: 'summary',
      metrics: [
        {
          labels: [{ name: 'a', value: '1' }],
          quantiles: [{ quantile: 0.5, value: 2 }],
          sum: 2,
          count: 1,
        },
        {
          labels: [{ name: 'a', value: '2' }],
          quantiles: [{ quantile: 0.5, value: 5 }],
          sum: 5,
          count: 1,
        },
      ],
    },
  ])
})

test('a family without samples is left out', async () => {
  const registry = new Registry()
  new Counter({ name: 'c', help: 'x', labelNames: ['a'], registers: [registry] })
  expect(await readFamilies(registry)).toEqual([])
})
