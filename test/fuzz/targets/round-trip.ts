/** What must hold of every body that was accepted: what is stored of it, and shown of it, is what was pushed. */
import { deepStrictEqual } from 'node:assert'
import { openMetricsShape } from '../../../server/exposition/openmetrics/naming.ts'
import { parseOpenMetrics } from '../../../server/exposition/openmetrics/parse.ts'
import {
  OPENMETRICS_END,
  renderOpenMetricsHeader,
  renderOpenMetricsMetric,
} from '../../../server/exposition/openmetrics/render.ts'
import { parseProtobuf } from '../../../server/exposition/protobuf/decode.ts'
import { encodeFamily, encodeLength } from '../../../server/exposition/protobuf/encode.ts'
import { readSpelled } from '../../../server/exposition/family-draft.ts'
import type { SpelledFamily } from '../../../server/exposition/spelled/series.ts'
import { readStored, splitStored } from '../../../server/exposition/stored-family.ts'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { renderLabels } from '../../../server/exposition/text/render.ts'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import { preparePush } from '../../../server/groups/prepare.ts'
import type { Metric, MetricFamily } from '../../../server/metrics/metric-family.ts'
import { Finding, refused, type Outcome } from '../target.ts'

const GROUPING = parseGroupingPath('job/fuzz/a/b', false)
const TEXT = { utf8Names: true, lenientNewlines: false }

/** Prepares a push of these families, and checks all that follows from it where it is accepted. */
export function checkAccepted(spelled: readonly SpelledFamily[], checked: boolean): Outcome {
  const families = spelled.map(readSpelled)
  const push = preparePush(GROUPING, spelled, { ownClaims: new Map(), checked })
  if (push.kind === 'rejected') return refused(`rejected: ${push.reason}`)
  const stored: MetricFamily[] = []
  let page = ''
  for (const prepared of push.families) {
    const parts = splitStored(prepared.data)
    const family = readStored(parts)
    const pushed = families.find(({ name }) => name === prepared.name)!
    const metrics = prepared.series().map(({ metric, labels }) => ({ ...metric, labels }))
    same('the stored family', shown(family), shown({ ...pushed, metrics } as MetricFamily))
    stored.push(family)
    page += parts.text.toString()
    same('a family parsed from its text', inText(parseText(parts.text, TEXT)), inText([family]))
  }
  // Unchecked, names may mean two things on a page.
  if (checked) {
    same(
      'the families parsed from the page',
      inText(parseText(Buffer.from(page), TEXT)),
      inText(stored),
    )
    checkOpenMetrics(stored)
  }
  checkProtobuf(stored)
  return { kind: 'accepted', said: page }
}

function checkProtobuf(families: readonly MetricFamily[]): void {
  const messages = families.map(encodeFamily)
  const page = messages.flatMap((message) => [encodeLength(message.length), message])
  // Of two families of one name the last counts, which is no loss where there are none.
  if (new Set(families.map(({ name }) => name)).size < families.length) return
  const parsed = parseProtobuf(Buffer.concat(page), { utf8Names: true })
  same('the families parsed from protobuf', parsed.map(shown), families.map(shown))
}

function checkOpenMetrics(families: readonly MetricFamily[]): void {
  const names = new Set(families.flatMap(namesOf))
  let page = ''
  const expected: MetricFamily[] = []
  for (const { name, type, help, unit, metrics } of families) {
    const shape = openMetricsShape(name, type, (other) => names.has(other))
    page += renderOpenMetricsHeader(shape, help, unit)
    for (const metric of metrics) {
      page += renderOpenMetricsMetric(name, metric, renderLabels(metric.labels), shape)
    }
    const declared = shape.type === 'unknown' ? 'untyped' : shape.type
    expected.push({ name, type: declared, help, metrics } as MetricFamily)
  }
  const body = Buffer.from(page + OPENMETRICS_END)
  const parsed = parseOpenMetrics(body, { utf8Names: true, strict: false })
  if (!parsed.hasEof) throw new Finding('an OpenMetrics page without its end')
  same('the families parsed from OpenMetrics', inText(parsed.families), inText(expected))
}

/** The names that a family and its samples have. */
function namesOf({ name, type }: MetricFamily): string[] {
  switch (type) {
    case 'summary':
      return [name, `${name}_sum`, `${name}_count`]
    case 'histogram':
    case 'gaugehistogram':
      return [name, `${name}_sum`, `${name}_count`, `${name}_bucket`]
    default:
      return [name]
  }
}

function same(what: string, actual: unknown, expected: unknown): void {
  try {
    deepStrictEqual(actual, expected)
  } catch (error) {
    throw new Finding(`${what} differs: ${error instanceof Error ? error.message : ''}`)
  }
}

/**
 * As it is shown: with help that begins with its first word, and without -0. Whether a histogram has float counts is
 * left out: protobuf has them for all counts as soon as one is no uint64.
 */
function shown(family: MetricFamily): unknown {
  const metrics = (family.metrics as Metric[]).map((metric) =>
    'buckets' in metric ? { ...metric, hasFloatCounts: false } : metric,
  )
  return plain({ name: family.name, type: family.type, help: helpOf(family), metrics })
}

/** What the text format carries, the families sorted by name. */
function inText(families: readonly MetricFamily[]): unknown {
  return plain(
    families
      .filter(({ metrics }) => metrics.length > 0)
      .map((family) => ({
        name: family.name,
        type: family.type,
        help: helpOf(family),
        metrics: (family.metrics as Metric[]).map(metricInText),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
}

function metricInText(metric: Metric): unknown {
  const { labels } = metric
  if ('value' in metric) return { labels, value: metric.value }
  const { sum, count } = metric
  if ('quantiles' in metric) {
    return {
      labels,
      sum,
      count: summaryCount(count),
      quantiles: metric.quantiles.filter(({ quantile }) => !Number.isNaN(quantile)),
    }
  }
  const buckets = metric.buckets
    .filter(({ upperBound }) => !Number.isNaN(upperBound))
    .map(({ upperBound, cumulativeCount }) => ({ upperBound, cumulativeCount }))
  return { labels, sum, count, buckets }
}

/** A count of 2 ** 64 - 1 is read as 2 ** 64, which no uint64 is: Go makes 2 ** 63 of it. */
function summaryCount(count: number): number {
  return count === 2 ** 64 ? 2 ** 63 : count
}

function helpOf({ help }: MetricFamily): string | undefined {
  const text = help?.replace(/^[ \t]+/, '')
  return text === '' ? undefined : text
}

/** Without what says nothing: undefined fields, false marks, and the sign of zero. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return value + 0
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined && field !== false)
      .map(([name, field]) => [name, plain(field)]),
  )
}
