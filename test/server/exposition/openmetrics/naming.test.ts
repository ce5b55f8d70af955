import { describe, expect, test } from '@jest/globals'
import { openMetricsShape } from '../../../../server/exposition/openmetrics/naming.ts'
import type { MetricType } from '../../../../server/metrics/metric-family.ts'

/** As `counter x, created`, on a page that has these other names. */
function shapeOf(name: string, type: MetricType, others: readonly string[] = []): string {
  const shape = openMetricsShape(name, type, (other) => [name, ...others].includes(other))
  const extras = [shape.exemplars ? ', exemplars' : '', shape.created ? ', created' : '']
  return `${shape.type} ${shape.familyName}${extras.join('')}`
}

describe('a family is declared', () => {
  test.each<[name: string, type: MetricType, shape: string]>([
    ['x_total', 'counter', 'counter x, exemplars, created'],
    ['x_total_total', 'counter', 'counter x_total, exemplars, created'],
    ['x', 'counter', 'unknown x'],
    ['total', 'counter', 'unknown total'],
    ['_total', 'counter', 'unknown _total'],
    ['x_total', 'gauge', 'gauge x_total'],
    ['x_info', 'gauge', 'gauge x_info'],
    ['x', 'untyped', 'unknown x'],
    ['x_total', 'untyped', 'unknown x_total'],
    ['x', 'summary', 'summary x, created'],
    ['x', 'histogram', 'histogram x, exemplars, created'],
    ['x', 'gaugehistogram', 'histogram x, exemplars'],
    ['a.b_total', 'counter', 'counter a.b, exemplars, created'],
  ])('%s, a %s: %s', (name, type, shape) => {
    expect(shapeOf(name, type)).toBe(shape)
  })
})

describe('what would collide only by the rules of OpenMetrics gives way', () => {
  test.each<[what: string, name: string, type: MetricType, others: string[], shape: string]>([
    ['a counter to a family of its name', 'x_total', 'counter', ['x'], 'unknown x_total'],
    [
      'created to a family of its name, the counter not',
      'x_total',
      'counter',
      ['x_created'],
      'counter x, exemplars',
    ],
    [
      'created to a counter that may be declared by its name',
      'x_total',
      'counter',
      ['x_created_total'],
      'counter x, exemplars',
    ],
    ['created of a summary', 'x', 'summary', ['x_created'], 'summary x'],
    ['created of a summary to such a counter', 'x', 'summary', ['x_created_total'], 'summary x'],
    ['created of a histogram', 'x', 'histogram', ['x_created'], 'histogram x, exemplars'],
    [
      'created of a histogram to such a counter',
      'x',
      'histogram',
      ['x_created_total'],
      'histogram x, exemplars',
    ],
    [
      'and names that only begin alike do not',
      'x_total',
      'counter',
      ['x_', 'x_count'],
      'counter x, exemplars, created',
    ],
  ])('%s', (_, name, type, others, shape) => {
    expect(shapeOf(name, type, others)).toBe(shape)
  })
})
