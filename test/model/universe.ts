/** A small world of groups and pushes in which nearly everything can collide with something. */
import fc from 'fast-check'
import { parseText } from '../../server/exposition/text/parse.ts'
import { groupingKeyOf, type GroupingKey } from '../../server/groups/grouping-key.ts'
import type { Metric, MetricFamily } from '../../server/metrics/metric-family.ts'

export interface Push {
  readonly kind: 'replace' | 'merge'
  readonly labels: Readonly<Record<string, string>>
  readonly body: string
}

export type Operation =
  | Push
  | { readonly kind: 'remove'; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'wipe' }

export function groupingOf(labels: Readonly<Record<string, string>>): GroupingKey {
  return groupingKeyOf(Object.entries(labels).map(([name, value]) => ({ name, value })))
}

export const PARSING = {
  utf8Names: false,
  lenientNewlines: false,
  strictOpenMetrics: false,
  samplesMax: Infinity,
}

export function parseBody(body: string): MetricFamily[] {
  return parseText(Buffer.from(body), PARSING)
}

/**
 * A family may be named like the samples of the one before it, and is taken for those: no exposition
 * then, or one that tells a bucket twice, which any page would show twice.
 */
function isReadable(body: string): boolean {
  try {
    return parseBody(body).every((family) => (family.metrics as readonly Metric[]).every(isPlain))
  } catch {
    return false
  }
}

function isPlain(metric: Metric): boolean {
  if ('value' in metric) return true
  const bounds =
    'quantiles' in metric
      ? metric.quantiles.map(({ quantile }) => quantile)
      : metric.buckets.map(({ upperBound }) => upperBound)
  return new Set(bounds).size === bounds.length
}

/** A value in `share` of the cases, else undefined. */
function sometimes(share: number, ...values: string[]): fc.Arbitrary<string | undefined> {
  const some = fc.constantFrom(...values)
  const weight = Math.round(share * 100)
  return fc.oneof(
    { weight, arbitrary: some },
    { weight: 100 - weight, arbitrary: fc.constant(undefined) },
  )
}

/** Without the entries that are undefined. */
function present(labels: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

const groupLabels = fc
  .record({
    job: fc.constantFrom('j', 'j', 'j', 'k'),
    instance: sometimes(0.5, '', '', 'i'),
    x: sometimes(0.4, '', '1'),
    y: sometimes(0.15, '1'),
    quantile: sometimes(0.03, '0.5'),
    le: sometimes(0.03, '1'),
  })
  .map(present)

const metricLabels = fc.oneof(
  // Often none: then the same family comes again and again, with one type or another.
  fc.constant({}),
  fc
    .record({
      x: sometimes(0.6, '', '1', '2'),
      z: sometimes(0.4, '1', '2', '3'),
      instance: sometimes(0.3, '', 'i'),
      job: sometimes(0.1, 'j', 'k'),
      y: sometimes(0.2, '1'),
      __reserved: sometimes(0.01, '1'),
    })
    .map(present),
)

const OWN_NAMES = [
  'process_cpu_seconds_total',
  'pushgateway_http_push_size_bytes',
  'pushgateway_http_push_size_bytes_sum',
  'nodejs_gc_duration_seconds',
  'nodejs_gc_duration_seconds_bucket',
]
const RELATED_NAMES = ['a', 'a_sum', 'a_count', 'a_bucket', 'a_sum_count', 'b']

export const FAMILY_NAMES = [
  ...OWN_NAMES,
  ...RELATED_NAMES,
  'push_time_seconds',
  'push_failure_time_seconds',
]

const familyName = fc.oneof(
  { weight: 3, arbitrary: fc.constant('a') },
  { weight: 6, arbitrary: fc.constantFrom(...RELATED_NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(...FAMILY_NAMES) },
)

const TYPES = ['counter', 'gauge', 'untyped', 'summary', 'histogram'] as const

const metric = fc.record({
  labels: metricLabels,
  value: fc.nat(99),
  timestamp: sometimes(0.01, ' 1234'),
})

const families = fc.uniqueArray(
  fc.record({
    name: familyName,
    type: fc.constantFrom(...TYPES),
    metrics: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(metric) },
      { weight: 1, arbitrary: fc.tuple(metric, metric) },
    ),
  }),
  { maxLength: 3, selector: ({ name }) => name },
)

type GeneratedFamily = typeof families extends fc.Arbitrary<(infer Family)[]> ? Family : never

function familyText({ name, type, metrics }: GeneratedFamily): string {
  const gatewayOwned = name.startsWith('push_')
  const lines = metrics.flatMap(({ labels, value, timestamp = '' }) =>
    // What of a dropped family is looked at before it is dropped is nobody's rule.
    sampleLines(name, type, gatewayOwned ? {} : labels, value).map(
      (line) => `${line}${gatewayOwned ? '' : timestamp}\n`,
    ),
  )
  return `# TYPE ${name} ${type}\n${lines.join('')}`
}

function sampleLines(
  name: string,
  type: (typeof TYPES)[number],
  labels: Readonly<Record<string, string>>,
  value: number,
): string[] {
  const line = (suffix: string, sample: number, more: Record<string, string> = {}): string => {
    const all = Object.entries({ ...labels, ...more }).map(([label, text]) => `${label}="${text}"`)
    return `${name}${suffix}${all.length === 0 ? '' : `{${all.join(',')}}`} ${sample}`
  }
  switch (type) {
    case 'summary': {
      const quantiles = value % 3 === 0 ? [line('', value, { quantile: '0.5' })] : []
      return [...quantiles, line('_sum', value), line('_count', value)]
    }
    case 'histogram': {
      const infinite = value % 2 === 0 ? [line('_bucket', value, { le: '+Inf' })] : []
      return [
        line('_bucket', value, { le: '1' }),
        ...infinite,
        line('_sum', value),
        line('_count', value),
      ]
    }
    default:
      return [line('', value)]
  }
}

const kind = fc.constantFrom('replace', 'merge')
const type = fc.constantFrom(...TYPES)

function pushOf(
  how: Push['kind'],
  labels: Push['labels'],
  generated: readonly GeneratedFamily[],
): Operation[] {
  const body = generated.map(familyText).join('')
  return isReadable(body) ? [{ kind: how, labels, body }] : []
}

const push = fc
  .tuple(kind, groupLabels, families)
  .map(([how, labels, generated]) => [...pushOf(how, labels, generated)])

/** A push, and the same once more, in which the families have another type. */
const retypedPush = fc
  .tuple(kind, kind, groupLabels, families, type)
  .map(([how, again, labels, generated, other]) => [
    ...pushOf(how, labels, generated),
    ...pushOf(
      again,
      labels,
      generated.map((family) => ({ ...family, type: other })),
    ),
  ])

/** The same push to two groups. */
const repeatedPush = fc
  .tuple(kind, groupLabels, groupLabels, families)
  .map(([how, labels, others, generated]) => [
    ...pushOf(how, labels, generated),
    ...pushOf(how, others, generated),
  ])

const removal = groupLabels.map((labels): Operation[] => [{ kind: 'remove', labels }])

/** One operation, or two that have to do with each other. */
export const operations: fc.Arbitrary<Operation[]> = fc.oneof(
  { weight: 80, arbitrary: push },
  { weight: 20, arbitrary: retypedPush },
  { weight: 20, arbitrary: repeatedPush },
  { weight: 20, arbitrary: removal },
  { weight: 1, arbitrary: fc.constant<Operation[]>([{ kind: 'wipe' }]) },
)

export const HISTORY_OPERATIONS = 40

export const history: fc.Arbitrary<Operation[]> = fc
  .array(operations, { minLength: 1, maxLength: HISTORY_OPERATIONS, size: 'max' })
  .map((steps) => steps.flat())
