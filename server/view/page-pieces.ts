/**
 * How the pieces of a page, the head of a family and its metrics, are written in each format. Pieces are joined
 * without looking into them again, so a piece never depends on what stands beside it, but for the lengths that
 * protobuf puts first.
 */
import type { ExpositionFormat } from '../exposition/negotiate.ts'
import { openMetricsShape, type OpenMetricsShape } from '../exposition/openmetrics/naming.ts'
import {
  OPENMETRICS_END,
  renderOpenMetricsHeader,
  renderOpenMetricsMetric,
} from '../exposition/openmetrics/render.ts'
import { encodeFamilyHead, encodeLength, encodeMetrics } from '../exposition/protobuf/encode.ts'
import {
  completeBuckets,
  renderFamilySamples,
  renderHeader,
  renderLabels,
} from '../exposition/text/render.ts'
import { claimsOf } from '../groups/rules.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import { escapeMetricName } from '../metrics/names.ts'

/** What a page says of a family before its metrics; the name escaped as the format wants it. */
export type FamilyHead = Pick<MetricFamily, 'name' | 'type' | 'help' | 'unit'>

/** How a family goes into a page: `shape` where the format is OpenMetrics. */
export interface FamilyFormat extends ExpositionFormat {
  readonly shape: OpenMetricsShape | undefined
}

type NameAndType = Pick<MetricFamily, 'name' | 'type'>

/** How each of these families goes into a page of them all; only OpenMetrics needs to know the others for that. */
export function familyFormats(
  format: ExpositionFormat,
  families: readonly NameAndType[],
): (family: NameAndType) => FamilyFormat {
  if (format.syntax !== 'openmetrics') return () => ({ ...format, shape: undefined })
  const names = new Set<string>()
  for (const { name, type } of families) {
    for (const [claim] of claimsOf(name, type)) names.add(escapeMetricName(claim, format.escaping))
  }
  return ({ name, type }) => ({
    ...format,
    shape: openMetricsShape(escapeMetricName(name, format.escaping), type, (other) =>
      names.has(other),
    ),
  })
}

/** @param metricsBytes of everything that encodeFamilyMetrics gave for this family */
export function encodeHead(
  { syntax, shape }: FamilyFormat,
  head: FamilyHead,
  metricsBytes: number,
): Buffer {
  if (syntax === 'protobuf') {
    const fields = encodeFamilyHead(head)
    return Buffer.concat([encodeLength(fields.length + metricsBytes), fields])
  }
  if (shape !== undefined) {
    return Buffer.from(renderOpenMetricsHeader(shape, head.help, head.unit))
  }
  // The text format 0.0.4 has no gauge histograms; the original shows them as histograms.
  const type = head.type === 'gaugehistogram' ? 'histogram' : head.type
  return Buffer.from(renderHeader(head.name, type, head.help))
}

/** The metrics of a family whose names are escaped already, in the order they have. */
export function encodeFamilyMetrics({ syntax, shape }: FamilyFormat, family: MetricFamily): Buffer {
  // As in the original, +Inf buckets are added where lines of text stand for the histogram.
  if (syntax === 'protobuf') return encodeMetrics(family)
  const complete = completeBuckets(family)
  if (shape === undefined) return Buffer.from(renderFamilySamples(complete))
  let lines = ''
  for (const metric of complete.metrics) {
    lines += renderOpenMetricsMetric(complete.name, metric, renderLabels(metric.labels), shape)
  }
  return Buffer.from(lines)
}

/** What a page ends with. */
export function encodeEnd({ syntax }: ExpositionFormat): Buffer {
  return Buffer.from(syntax === 'openmetrics' ? OPENMETRICS_END : '')
}
