/** Writes families in the text format 0.0.4, as the original spells it. */
import type {
  HistogramMetric,
  Label,
  Metric,
  MetricFamily,
  MetricType,
} from '../../metrics/metric-family.ts'
import {
  escapeLabelName,
  escapeMetricName,
  isLegacyLabelName,
  isLegacyMetricName,
  type EscapingScheme,
} from '../../metrics/names.ts'
import { formatFloat64 } from '../../metrics/numbers.ts'

/** `# HELP` (when there is one) and `# TYPE`, each with its line feed. */
export function renderHeader(name: string, type: MetricType, help: string | undefined): string {
  const shown = shownName(name)
  const helpLine = help === undefined ? '' : `# HELP ${shown} ${escapeHelp(help)}\n`
  return `${helpLine}# TYPE ${shown} ${type}\n`
}

/** A metric name as comments show it: in quotes where it needs them. */
export function shownName(name: string): string {
  return isLegacyMetricName(name) ? name : quote(name)
}

/** `a="b",c="d"` in the given order, without braces. */
export function renderLabels(labels: readonly Label[]): string {
  let text = ''
  for (const label of labels) text += text === '' ? renderLabel(label) : `,${renderLabel(label)}`
  return text
}

/** One `name="value"`, the name quoted where the format wants it. */
export function renderLabel({ name, value }: Label): string {
  const shown = isLegacyLabelName(name) ? name : quote(name)
  return `${shown}="${escapeValue(value)}"`
}

/**
 * The sample lines of one metric, in the original's order: quantiles or buckets, sum, count.
 * Buckets come out as they are held; `completeBuckets` says where a missing +Inf is added.
 *
 * @param labelText what renderLabels gave for the labels of the metric
 */
export function renderMetric(name: string, metric: Metric, labelText: string): string {
  const bare = isLegacyMetricName(name)
  if ('value' in metric) {
    const value = showNumber(metric.value)
    if (!bare) return `{${quote(name)}${labelText === '' ? '' : `,${labelText}`}} ${value}\n`
    return labelText === '' ? `${name} ${value}\n` : `${name}{${labelText}} ${value}\n`
  }
  let lines = ''
  const line = (suffix: string, extra: string, value: number): void => {
    const named = bare ? '' : quote(name + suffix)
    const inside = [named, labelText, extra].filter((part) => part !== '').join(',')
    const before = bare ? name + suffix : ''
    lines += `${before}${inside === '' ? '' : `{${inside}}`} ${showNumber(value)}\n`
  }
  if ('quantiles' in metric) {
    for (const { quantile, value } of metric.quantiles) {
      line('', `quantile="${showNumber(quantile)}"`, value)
    }
  } else {
    for (const { upperBound, cumulativeCount } of metric.buckets) {
      line('_bucket', `le="${showNumber(upperBound)}"`, cumulativeCount)
    }
  }
  line('_sum', '', metric.sum)
  line('_count', '', metric.count)
  return lines
}

/** How many lines renderMetric writes. */
export function sampleCount(metric: Metric): number {
  if ('value' in metric) return 1
  return 2 + ('quantiles' in metric ? metric.quantiles.length : metric.buckets.length)
}

/** A whole family: header and all samples. */
export function renderFamily(family: MetricFamily): string {
  return renderHeader(family.name, family.type, family.help) + renderFamilySamples(family)
}

/** The samples of a family. */
export function renderFamilySamples(family: MetricFamily): string {
  let text = ''
  for (const metric of family.metrics) {
    text += renderMetric(family.name, metric, renderLabels(metric.labels))
  }
  return text
}

/** The family as a scraper sees it that wants names escaped by `scheme`. */
export function escapeFamily(family: MetricFamily, scheme: EscapingScheme): MetricFamily {
  const metrics = family.metrics.map((metric) => ({
    ...metric,
    labels: metric.labels.map(({ name, value }) => ({
      name: escapeLabelName(name, scheme),
      value,
    })),
  }))
  return { ...family, name: escapeMetricName(family.name, scheme), metrics } as MetricFamily
}

/**
 * Adds the +Inf bucket, with the count as its value, to histograms that were pushed without.
 * Returns the family itself when none is missing.
 */
export function completeBuckets(family: MetricFamily): MetricFamily {
  const { type } = family
  if (type !== 'histogram' && type !== 'gaugehistogram') return family
  if (family.metrics.every(hasLastBucket)) return family
  const metrics = family.metrics.map((metric) =>
    hasLastBucket(metric)
      ? metric
      : {
          ...metric,
          buckets: [...metric.buckets, { upperBound: Infinity, cumulativeCount: metric.count }],
        },
  )
  return { ...family, type, metrics }
}

function hasLastBucket({ buckets }: HistogramMetric): boolean {
  return buckets.some(({ upperBound }) => upperBound === Infinity)
}

/** What a HELP line of renderHeader says. */
export function unescapeHelp(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
}

export function escapeHelp(text: string): string {
  return /[\\\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n') : text
}

export function escapeValue(text: string): string {
  return /[\\\n"]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text
}

export function quote(name: string): string {
  return `"${escapeValue(name)}"`
}

/** A number on the page. The original writes a negative zero without its sign there. */
function showNumber(value: number): string {
  return value === 0 ? '0' : formatFloat64(value)
}
