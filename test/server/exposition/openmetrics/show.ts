/** Families as the tests show them: the text format's lines, and in comments what that has no words for. */
import {
  renderHeader,
  renderLabels,
  renderMetric,
} from '../../../../server/exposition/text/render.ts'
import type {
  Exemplar,
  Metric,
  MetricFamily,
  Timestamp,
} from '../../../../server/metrics/metric-family.ts'

export function show(families: readonly MetricFamily[]): string {
  return families.map(showFamily).join('')
}

function showFamily({ name, type, help, unit, metrics }: MetricFamily): string {
  const header = renderHeader(name, type, help) + (unit === undefined ? '' : `# unit ${unit}\n`)
  const lines = metrics.map(
    (metric) => renderMetric(name, metric, renderLabels(metric.labels)) + showExtras(metric),
  )
  return header + lines.join('')
}

/** What belongs to the lines before. */
function showExtras(metric: Metric): string {
  const extras: string[] = []
  if ('value' in metric && metric.exemplar !== undefined) {
    extras.push(`exemplar ${showExemplar(metric.exemplar)}`)
  }
  if ('buckets' in metric) {
    for (const { upperBound, exemplar } of metric.buckets) {
      if (exemplar !== undefined) extras.push(`exemplar ${upperBound}: ${showExemplar(exemplar)}`)
    }
  }
  if (metric.created !== undefined) extras.push(`created ${showTime(metric.created)}`)
  if (metric.hasTimestamp === true) extras.push('has a timestamp')
  return extras.map((extra) => `# ${extra}\n`).join('')
}

function showExemplar({ labels, value, timestamp }: Exemplar): string {
  const time = timestamp === undefined ? '' : ` at ${showTime(timestamp)}`
  return `{${renderLabels(labels)}} ${value}${time}`
}

function showTime({ seconds, nanos }: Timestamp): string {
  return `${seconds}s + ${nanos}ns`
}
