/**
 * A second way from parsed families to what is stored, slow and obvious: plain objects, regular expressions, no
 * shortcut. It shares nothing with the code under test but the data model.
 */
import type { Label, Metric, MetricFamily } from '../../../server/metrics/metric-family.ts'

export interface PlainFamily {
  readonly name: string
  readonly claims: [string, string][]
  /** Equal for families of one type and equal label sets, grouping labels aside. */
  readonly identity: string
  readonly sampleCount: number
  readonly text: string
  /** Whether there is a count that text reads as another one: the largest, which a double makes 2 ** 64. */
  readonly isBeyondText: boolean
}

export type PlainPush =
  | {
      readonly kind: 'prepared'
      readonly families: PlainFamily[]
      readonly droppedDuplicates: number
    }
  | { readonly kind: 'rejected'; readonly rule: string }

interface Series {
  readonly metric: Metric
  readonly labels: Label[]
  readonly text: string
}

/** @param grouping with a job among them */
export function plainPrepare(
  grouping: readonly Label[],
  families: readonly MetricFamily[],
  checked: boolean,
): PlainPush {
  const meanings = new Map<string, string>()
  const prepared: PlainFamily[] = []
  let droppedDuplicates = 0
  for (const family of families) {
    const metrics: Metric[] = family.metrics
    if (metrics.some(({ hasTimestamp }) => hasTimestamp)) return rejected('timestamp')
    if (/^push_(failure_)?time_seconds$/.test(family.name)) continue
    const special = { summary: 'quantile', histogram: 'le', gaugehistogram: 'le' }
    const forbidden = Object.entries(special).find(([type]) => type === family.type)?.[1]
    const names = metrics.flatMap(({ labels }) => labels.map(({ name }) => name))
    if (names.some((name) => /^(__|$)/.test(name) || name === forbidden)) return rejected('label')
    if (grouping.some(({ name }) => name === forbidden)) return rejected('label')
    const claims = claimsOf(family)
    for (const [name, meaning] of claims) {
      const other = meanings.get(name)
      if (checked && other !== undefined && other !== meaning) return rejected('type')
      meanings.set(name, meaning)
    }
    const series = metrics.map((metric) => expose(grouping, metric)).sort(compareSeries)
    const distinct = series.filter(({ text }, i) => text !== series[i + 1]?.text)
    if (checked && distinct.length < series.length) return rejected('duplicate')
    droppedDuplicates += series.length - distinct.length
    const lines = distinct.flatMap((one) => linesOf(family.name, one))
    prepared.push({
      name: family.name,
      claims,
      identity: JSON.stringify([family.type, distinct.map((one) => ownLabels(grouping, one))]),
      sampleCount: lines.length,
      isBeyondText: distinct.some(
        ({ metric }) => 'quantiles' in metric && metric.count === 2 ** 64,
      ),
      text: [...headerOf(family), ...lines].map((line) => `${line}\n`).join(''),
    })
  }
  prepared.sort((a, b) => compareBytes(a.name, b.name))
  return { kind: 'prepared', families: prepared, droppedDuplicates }
}

function rejected(rule: string): PlainPush {
  return { kind: 'rejected', rule }
}

function claimsOf({ name, type }: MetricFamily): [string, string][] {
  const suffixes = type === 'summary' ? ['_sum', '_count'] : ['_sum', '_count', '_bucket']
  const reserved = /^(summary|(gauge)?histogram)$/.test(type) ? suffixes : []
  return [[name, type], ...reserved.map((suffix): [string, string] => [name + suffix, 'reserved'])]
}

function expose(grouping: readonly Label[], metric: Metric): Series {
  const all = new Map([{ name: 'instance', value: '' }, ...metric.labels, ...grouping].map(pair))
  const labels = [...all].map(([name, value]) => ({ name, value }))
  labels.sort((a, b) => compareBytes(a.name, b.name))
  return { metric, labels, text: labels.map(show).join(',') }
}

function ownLabels(grouping: readonly Label[], { labels }: Series): Label[] {
  const names = grouping.map(({ name }) => name)
  return labels.filter(
    ({ name, value }) => !names.includes(name) && !(name === 'instance' && value === ''),
  )
}

function pair({ name, value }: Label): [string, string] {
  return [name, value]
}

function show({ name, value }: Label): string {
  return `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name)}=${quote(value)}`
}

function compareSeries(a: Series, b: Series): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length
  const values = (series: Series): string[] => series.labels.map(({ value }) => value)
  const differing = values(a).findIndex((value, i) => value !== values(b)[i])
  return differing < 0
    ? compareBytes(a.text, b.text)
    : compareBytes(values(a)[differing]!, values(b)[differing]!)
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function headerOf({ name, type, help }: MetricFamily): string[] {
  const shown = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quote(name)
  const text = help?.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'))
  return [...(text === undefined ? [] : [`# HELP ${shown} ${text}`]), `# TYPE ${shown} ${type}`]
}

function linesOf(name: string, { metric, text }: Series): string[] {
  const line = (suffix: string, value: number, extra = ''): string => {
    const isBare = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
    const inside = `${isBare ? '' : `${quote(name + suffix)},`}${text}${extra}`
    return `${isBare ? name + suffix : ''}{${inside}} ${showNumber(value)}`
  }
  if ('value' in metric) return [line('', metric.value)]
  const parts =
    'quantiles' in metric
      ? metric.quantiles.map(({ quantile, value }) =>
          line('', value, `,quantile="${showNumber(quantile)}"`),
        )
      : metric.buckets.map(({ upperBound, cumulativeCount }) =>
          line('_bucket', cumulativeCount, `,le="${showNumber(upperBound)}"`),
        )
  return [...parts, line('_sum', metric.sum), line('_count', metric.count)]
}

/** As Go's FormatFloat with 'g' and the fewest digits, but without the sign of a negative zero. */
function showNumber(value: number): string {
  if (value === 0) return '0'
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const [, digits = '', exponent = ''] = /^(.*)e(.*)$/.exec(value.toExponential())!
  if (Number(exponent) >= -4 && Number(exponent) < 6) return String(value)
  return `${digits}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`
}

function quote(text: string): string {
  return `"${text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`
}
