/**
 * Writes families in OpenMetrics 1.0. Series are spelled as in the text format, numbers in labels too; what
 * OpenMetrics has besides are exemplars, created timestamps and units.
 */
import type { Bucket, Exemplar, Label, Metric } from '../../metrics/metric-family.ts'
import { isLegacyLabelName, isLegacyMetricName } from '../../metrics/names.ts'
import { formatFloat64 } from '../../metrics/numbers.ts'
import { renderLabels, renderMetric, shownName } from '../text/render.ts'
import type { OpenMetricsShape } from './naming.ts'
import { renderTimestamp } from './timestamp.ts'

export const OPENMETRICS_END = '# EOF\n'

/** `# HELP`, `# TYPE` and, where the name ends in the unit, `# UNIT`. */
export function renderOpenMetricsHeader(
  { familyName, type }: OpenMetricsShape,
  help: string | undefined,
  unit: string | undefined,
): string {
  const shown = shownName(familyName)
  const helpLine = help === undefined ? '' : `# HELP ${shown} ${escapeHelp(help)}\n`
  const unitLine = isUnitOf(familyName, unit) ? `# UNIT ${shown} ${unit}\n` : ''
  return `${helpLine}# TYPE ${shown} ${type}\n${unitLine}`
}

/**
 * The lines of one metric.
 *
 * @param name the family's name in the text format
 * @param labelText what renderLabels gave for the labels of the metric
 */
export function renderOpenMetricsMetric(
  name: string,
  metric: Metric,
  labelText: string,
  shape: OpenMetricsShape,
): string {
  const lines = shape.exemplars
    ? renderWithExemplars(name, metric, labelText)
    : renderMetric(name, metric, labelText)
  if (!shape.created || metric.created === undefined) return lines
  const seconds = renderTimestamp(metric.created)
  return lines + renderLine(`${shape.familyName}_created`, labelText, seconds)
}

function renderWithExemplars(name: string, metric: Metric, labelText: string): string {
  const text = renderMetric(name, metric, labelText)
  const exemplars = exemplarsByLine(metric)
  if (exemplars.every((exemplar) => exemplar === undefined)) return text
  const lines = text.split('\n')
  for (const [i, exemplar] of exemplars.entries()) {
    if (exemplar !== undefined) lines[i] += renderExemplar(exemplar)
  }
  return lines.join('\n')
}

/** For each line that renderMetric writes first: the value of a counter, or the buckets. */
function exemplarsByLine(metric: Metric): (Exemplar | undefined)[] {
  if ('value' in metric) return [metric.exemplar]
  return 'buckets' in metric ? metric.buckets.map(({ exemplar }: Bucket) => exemplar) : []
}

/** OpenMetrics allows so many characters in the names and values of an exemplar's labels together. */
const EXEMPLAR_CHARACTERS_MAX = 128

/** ` # {labels} value timestamp`; '' for an exemplar that OpenMetrics has no room or no words for. */
function renderExemplar({ labels, value, timestamp }: Exemplar): string {
  const characters = labels.reduce(
    (total, label) => total + lengthOf(label.name) + lengthOf(label.value),
    0,
  )
  if (characters > EXEMPLAR_CHARACTERS_MAX || !hasPlainNames(labels)) return ''
  const time = timestamp === undefined ? '' : ` ${renderTimestamp(timestamp)}`
  return ` # {${renderLabels(labels)}} ${formatFloat64(value)}${time}`
}

function hasPlainNames(labels: readonly Label[]): boolean {
  return (
    labels.every(({ name }) => isLegacyLabelName(name)) &&
    new Set(labels.map(({ name }) => name)).size === labels.length
  )
}

/** In characters, not in the halves that some are stored as. */
function lengthOf(text: string): number {
  return [...text].length
}

function renderLine(name: string, labelText: string, value: string): string {
  if (isLegacyMetricName(name)) {
    return labelText === '' ? `${name} ${value}\n` : `${name}{${labelText}} ${value}\n`
  }
  return `{${shownName(name)}${labelText === '' ? '' : `,${labelText}`}} ${value}\n`
}

function isUnitOf(familyName: string, unit: string | undefined): boolean {
  return unit !== undefined && unit !== '' && familyName.endsWith(`_${unit}`)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
