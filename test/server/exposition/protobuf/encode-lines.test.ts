import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { encodeLines } from '../../../../server/exposition/protobuf/encode-lines.ts'
import { encodeMetrics } from '../../../../server/exposition/protobuf/encode.ts'
import { renderFamilySamples } from '../../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'

const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,11}$/)
const labels = fc.uniqueArray(
  fc.record({ name, value: fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), name) }),
  { maxLength: 8, selector: (label) => label.name },
)
/** The page writes a negative zero without its sign. */
const value = fc.oneof(
  fc.double().filter((number) => !Object.is(number, -0)),
  fc.integer(),
)
const family: fc.Arbitrary<MetricFamily> = fc.record({
  name,
  type: fc.constantFrom('counter' as const, 'gauge' as const, 'untyped' as const),
  help: fc.constant(undefined),
  metrics: fc.array(fc.record({ labels, value }), { maxLength: 6 }),
})

function encoded(given: MetricFamily): Buffer | undefined {
  return encodeLines(Buffer.from(renderFamilySamples(given)), given.type)
}

test('lines become the bytes that their metrics become, or nothing', () => {
  let simple = 0
  fc.assert(
    fc.property(family, (given) => {
      const bytes = encoded(given)
      if (bytes === undefined) return
      simple++
      expect(bytes.equals(encodeMetrics(given))).toBe(true)
    }),
    { numRuns: 1000 },
  )
  expect(simple).toBeGreaterThan(300)
})

test('many labels need a length of two bytes', () => {
  const many = Array.from({ length: 30 }, (_, i) => ({ name: `l${i}`, value: 'v'.repeat(100) }))
  const given: MetricFamily = {
    name: 'm',
    type: 'gauge',
    help: undefined,
    metrics: [
      { labels: many, value: 1 },
      { labels: [], value: NaN },
      { labels: many.slice(0, 3), value: 1e-300 },
    ],
  }
  expect(encoded(given)?.equals(encodeMetrics(given))).toBe(true)
})

describe('nothing becomes of', () => {
  test.each<[what: string, lines: string, type: MetricFamily['type']]>([
    ['summaries', 's_sum 1\n', 'summary'],
    ['histograms', 'h_sum 1\n', 'histogram'],
    ['escapes in values', 'm{a="\\\\"} 1\n', 'gauge'],
    ['long labels', `m{a="${'x'.repeat(200)}"} 1\n`, 'gauge'],
    ['quoted names', '{"a.b"} 1\n', 'gauge'],
    ['what is no number', 'm x\n', 'gauge'],
    ['a line without an end', 'm 1', 'gauge'],
    ['a label without an end', 'm{a="', 'gauge'],
    ['a label without a value', 'm{a', 'gauge'],
    ['a name alone', 'm', 'gauge'],
  ])('%s', (_, lines, type) => {
    expect(encodeLines(Buffer.from(lines), type)).toBeUndefined()
  })
})
