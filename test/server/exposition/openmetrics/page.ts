/** A page in OpenMetrics of families that belong together, as the view makes it. */
import {
  openMetricsShape,
  type OpenMetricsShape,
} from '../../../../server/exposition/openmetrics/naming.ts'
import {
  OPENMETRICS_END,
  renderOpenMetricsHeader,
  renderOpenMetricsMetric,
} from '../../../../server/exposition/openmetrics/render.ts'
import { renderLabels } from '../../../../server/exposition/text/render.ts'
import { claimsOf } from '../../../../server/groups/rules.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'

export function renderPage(families: readonly MetricFamily[]): string {
  const shapes = shapesOf(families)
  return families.map((family, i) => renderInShape(family, shapes[i]!)).join('') + OPENMETRICS_END
}

export function shapesOf(families: readonly MetricFamily[]): OpenMetricsShape[] {
  const names = new Set(
    families.flatMap(({ name, type }) => claimsOf(name, type).map(([claimed]) => claimed)),
  )
  return families.map(({ name, type }) => openMetricsShape(name, type, (other) => names.has(other)))
}

export function renderInShape(family: MetricFamily, shape: OpenMetricsShape): string {
  const { name, help, unit, metrics } = family
  const lines = metrics.map((metric) =>
    renderOpenMetricsMetric(name, metric, renderLabels(metric.labels), shape),
  )
  return renderOpenMetricsHeader(shape, help, unit) + lines.join('')
}
