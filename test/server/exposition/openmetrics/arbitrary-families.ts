/** Random families with what OpenMetrics carries, and such of which it has nothing to criticize. */
import fc from 'fast-check'
import type {
  Exemplar,
  Label,
  Metric,
  MetricFamily,
  Timestamp,
} from '../../../../server/metrics/metric-family.ts'
import { anyFamily, anyText } from '../text/arbitraries.ts'

/** To the microsecond: as a value, a created timestamp has no more precision. */
const created: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }),
  nanos: fc.nat(999_999).map((micros) => micros * 1_000),
})

const exemplarLabels = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/), value: anyText }),
  { maxLength: 3, selector: ({ name }) => name },
)

export const anyExemplar: fc.Arbitrary<Exemplar> = fc.record(
  {
    labels: exemplarLabels,
    value: fc.double(),
    timestamp: fc.record({ seconds: fc.integer(), nanos: fc.nat(999_999_999) }),
  },
  { requiredKeys: ['labels', 'value'] },
)

/** Families of all types; counters are called `_total`, others may be. */
export function anyRichFamily(options: { utf8Names: boolean }): fc.Arbitrary<MetricFamily> {
  const extras = fc.array(
    fc.record({ created: fc.option(created), exemplar: fc.option(anyExemplar) }),
    {
      minLength: 4,
      maxLength: 4,
    },
  )
  return fc
    .tuple(anyFamily(options), extras, fc.boolean(), fc.option(fc.constantFrom('seconds', 'b')))
    .map(([family, all, isTotal, unit]) => {
      const suffix = `${unit === null ? '' : `_${unit}`}${isTotal || family.type === 'counter' ? '_total' : ''}`
      const metrics = family.metrics.map((metric, i) => withExtras(family, metric, all[i]!))
      // What may be said of a unit depends on the name that OpenMetrics gives the family.
      const hasUnit = unit !== null && (family.type === 'counter' || !isTotal)
      return {
        ...family,
        name: family.name + suffix,
        ...(hasUnit ? { unit } : {}),
        metrics,
      } as MetricFamily
    })
}

function withExtras(
  { type }: MetricFamily,
  metric: Metric,
  extras: { created: Timestamp | null; exemplar: Exemplar | null },
): Metric {
  const rich = { ...metric }
  if (extras.created !== null && type !== 'gauge' && type !== 'untyped')
    rich.created = extras.created
  if (extras.exemplar === null) return rich
  if ('value' in rich && type === 'counter') rich.exemplar = extras.exemplar
  if ('buckets' in rich) {
    const { exemplar } = extras
    rich.buckets = rich.buckets.map((bucket, i) => (i === 0 ? { ...bucket, exemplar } : bucket))
  }
  return rich
}

const positive = fc
  .double({ min: 0, noNaN: true, noDefaultInfinity: true })
  .map((number) => number + 0)
const plainExemplar = fc.record(
  {
    labels: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('trace_id', 'a', 'b'),
        value: fc.stringMatching(/^[a-z0-9 é]{0,9}$/),
      }),
      { selector: ({ name }) => name },
    ),
    value: fc.constant(0),
    timestamp: created.filter(({ seconds }) => seconds >= 0),
  },
  { requiredKeys: ['labels', 'value'] },
)
const plainLabels: fc.Arbitrary<Label[]> = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('a', 'b', 'cd_1'), value: anyText }),
  { maxLength: 3, selector: ({ name }) => name },
)

function eachBy<T extends { labels: Label[] }>(metric: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.uniqueArray(metric, {
    minLength: 1,
    maxLength: 4,
    selector: ({ labels }) => JSON.stringify(labels.map(({ name, value }) => [name, value]).sort()),
  })
}

/** Without a carriage return that would end its line. */
const help = fc.option(
  anyText.filter((text) => !text.endsWith('\r')),
  { nil: undefined },
)
const optional = { requiredKeys: ['labels', 'value'] as ('labels' | 'value')[] }

/** Families of which OpenMetrics 1.0 has nothing to criticize. */
const wellFormedFamily: fc.Arbitrary<MetricFamily> = fc.oneof(
  fc.record({
    name: fc.constantFrom('x', 'x_seconds', 'x:y', 'x_info'),
    help,
    type: fc.constantFrom('gauge' as const, 'untyped' as const),
    metrics: eachBy(fc.record({ labels: plainLabels, value: fc.double().map((n) => n + 0) })),
  }),
  fc.record({
    name: fc.constantFrom('x_total', 'x_seconds_total', 'x'),
    help,
    type: fc.constant('counter' as const),
    unit: fc.constant('seconds'),
    metrics: eachBy(
      fc.record(
        { labels: plainLabels, value: positive, created, exemplar: plainExemplar },
        optional,
      ),
    ),
  }),
  fc.record({
    name: fc.constant('x'),
    help,
    type: fc.constant('summary' as const),
    metrics: eachBy(
      fc.record({
        labels: plainLabels,
        quantiles: fc
          .uniqueArray(fc.constantFrom(0, 0.5, 0.99, 1), { maxLength: 3 })
          .chain((all) =>
            fc.tuple(
              ...all.map((quantile) =>
                fc.record({ quantile: fc.constant(quantile), value: positive }),
              ),
            ),
          ),
        sum: positive,
        count: fc.nat(),
      }),
    ),
  }),
  fc.record({
    name: fc.constantFrom('x', 'x_seconds'),
    help,
    type: fc.constantFrom('histogram' as const, 'gaugehistogram' as const),
    metrics: eachBy(
      fc
        .tuple(plainLabels, fc.nat(), fc.nat(), positive, fc.option(plainExemplar))
        .map(([labels, below, above, sum, exemplar]) => ({
          labels,
          buckets: [
            { upperBound: 2.5, cumulativeCount: below, ...(exemplar === null ? {} : { exemplar }) },
            { upperBound: 1e6, cumulativeCount: below },
            { upperBound: Infinity, cumulativeCount: below + above },
          ],
          sum,
          count: below + above,
        })),
    ),
  }),
)

/** Families of one page, their names so different that nothing can collide. */
export const wellFormedFamilies: fc.Arbitrary<MetricFamily[]> = fc
  .array(wellFormedFamily, { maxLength: 5 })
  .map((families) => families.map((family, i) => ({ ...family, name: `f${i}_${family.name}` })))
