/** What Python's OpenMetrics parser makes of our pages, and of the bodies that strict reading judges. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Exemplar, MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { describeWith } from '../../../support/programs.ts'
import { ALLOWED } from './allowed-cases.ts'
import { wellFormedFamilies } from './arbitrary-families.ts'
import { renderTimestamp } from '../../../../server/exposition/openmetrics/timestamp.ts'
import { FORBIDDEN_LINES } from './forbidden-lines.ts'
import { FORBIDDEN_VALUES } from './forbidden-values.ts'
import { renderPage, shapesOf } from './page.ts'
import { parseWithPython, type PythonFamily, type PythonSample } from './python-parser.ts'

describeWith('python3', "Python's OpenMetrics parser", () => {
  test('accepts pages of well-formed families, and finds every series, exemplar and created timestamp', () => {
    const pages = fc.sample(wellFormedFamilies, 300)
    const results = parseWithPython(pages.map(renderPage))
    for (const [i, families] of pages.entries()) {
      expect(results[i]).toEqual({ families: asPython(families) })
    }
  })

  test('accepts what strict reading accepts', () => {
    const results = parseWithPython(ALLOWED.map(({ body }) => body))
    const refused = ALLOWED.filter((_, i) => 'error' in results[i]!)
    expect(refused).toEqual([])
  })

  test('refuses what strict reading refuses, but for the rules that it does not look at', () => {
    const forbidden = [...FORBIDDEN_LINES, ...FORBIDDEN_VALUES].filter(
      ({ pythonAccepts = false }) => !pythonAccepts,
    )
    const results = parseWithPython(forbidden.map(({ body }) => body))
    expect(forbidden.filter((_, i) => !('error' in results[i]!))).toEqual([])
  })
})

function asPython(families: readonly MetricFamily[]): PythonFamily[] {
  const shapes = shapesOf(families)
  return families.map((family, i) => {
    const { familyName: name, type } = shapes[i]!
    const samples = samplesOf(family, shapes[i]!.created ? `${name}_created` : undefined)
    const unit = name.endsWith(`_${family.unit}`) ? family.unit! : ''
    return { name, type, help: family.help ?? '', unit, samples }
  })
}

/** In the order of the page. */
function samplesOf(family: MetricFamily, createdName: string | undefined): PythonSample[] {
  const { name } = family
  const samples: PythonSample[] = []
  for (const metric of family.metrics) {
    const own = Object.fromEntries(metric.labels.map((label) => [label.name, label.value]))
    const add = (
      suffix: string,
      extra: Record<string, string>,
      value: number,
      exemplar?: Exemplar,
    ) =>
      samples.push({
        name: name + suffix,
        labels: { ...own, ...extra },
        value,
        ...(exemplar === undefined ? {} : { exemplar: exemplarOf(exemplar) }),
      })
    if ('value' in metric) {
      add('', {}, metric.value, createdName === undefined ? undefined : metric.exemplar)
    } else {
      if ('quantiles' in metric) {
        for (const { quantile, value } of metric.quantiles)
          add('', { quantile: String(quantile) }, value)
      } else {
        for (const { upperBound, cumulativeCount, exemplar } of metric.buckets) {
          add('_bucket', { le: BOUNDS.get(upperBound)! }, cumulativeCount, exemplar)
        }
      }
      add('_sum', {}, metric.sum)
      add('_count', {}, metric.count)
    }
    if (metric.created === undefined || createdName === undefined) continue

    samples.push({ name: createdName, labels: own, value: Number(renderTimestamp(metric.created)) })
  }
  return samples
}

/** As the text format spells those of the random families. */
const BOUNDS: ReadonlyMap<number, string> = new Map([
  [2.5, '2.5'],
  [1e6, '1e+06'],
  [Infinity, '+Inf'],
])

function exemplarOf({ labels, value, timestamp }: Exemplar): NonNullable<PythonSample['exemplar']> {
  return {
    labels: Object.fromEntries(labels.map((label) => [label.name, label.value])),
    value,
    ...(timestamp === undefined ? {} : { seconds: timestamp.seconds + timestamp.nanos / 1e9 }),
  }
}
