/** A small world of groups and pushes in which nearly everything can collide with something. */
import fc from 'fast-check'
import { parseText } from '../../server/exposition/text/parse.ts'
import { groupingKeyOf, type GroupingKey } from '../../server/groups/grouping-key.ts'
import type { MetricFamily } from '../../server/metrics/metric-family.ts'

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

export function parseBody(body: string): MetricFamily[] {
  return parseText(Buffer.from(body), { utf8Names: false, lenientNewlines: false })
}

/** A family may be named like the samples of the one before it: then the parser takes it for those. */
function isReadable(body: string): boolean {
  try {
    parseBody(body)
    return true
  } catch {
    return false
  }
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

const metricLabels = fc
  .record({
    x: sometimes(0.6, '', '1', '2'),
    z: sometimes(0.4, '1', '2', '3'),
    instance: sometimes(0.3, '', 'i'),
    job: sometimes(0.1, 'j', 'k'),
    y: sometimes(0.2, '1'),
    __reserved: sometimes(0.01, '1'),
  })
  .map(present)

export const FAMILY_NAMES = [
  'a',
  'a',
  'a_sum',
  'a_count',
  'a_bucket',
  'a_sum_count',
  'b',
  'b',
  ...(['a', 'a_sum', 'a_count', 'b', 'c'] as const),
  ...[
    'process_cpu_seconds_total',
    'pushgateway_http_push_size_bytes',
    'nodejs_gc_duration_seconds',
  ],
  ...['pushgateway_http_push_size_bytes_sum', 'nodejs_gc_duration_seconds_bucket'],
  ...['push_time_seconds', 'push_failure_time_seconds'],
]

const TYPES = ['counter', 'gauge', 'untyped', 'summary', 'histogram'] as const

const metric = fc.record({
  labels: metricLabels,
  value: fc.nat(99),
  timestamp: sometimes(0.01, ' 1234'),
})

const families = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...FAMILY_NAMES),
    type: fc.constantFrom(...TYPES),
    metrics: fc.array(metric, { minLength: 1, maxLength: 2 }),
  }),
  { maxLength: 3, selector: ({ name }) => name },
)

type GeneratedFamily = typeof families extends fc.Arbitrary<(infer Family)[]> ? Family : never

function familyText({ name, type, metrics }: GeneratedFamily): string {
  const gatewayOwned = name.startsWith('push_')
  const lines = withoutRepeats(type, metrics).flatMap(({ labels, value, timestamp = '' }) =>
    // What of a dropped family is looked at before it is dropped is nobody's rule.
    sampleLines(name, type, gatewayOwned ? { x: labels.x ?? '' } : labels, value).map(
      (line) => `${line}${gatewayOwned ? '' : timestamp}\n`,
    ),
  )
  return `# TYPE ${name} ${type}\n${lines.join('')}`
}

/** One metric of a histogram or summary may not be told twice: its samples would be, on any page. */
function withoutRepeats(
  type: GeneratedFamily['type'],
  metrics: GeneratedFamily['metrics'],
): GeneratedFamily['metrics'] {
  if (type !== 'summary' && type !== 'histogram') return metrics
  return [...new Map(metrics.map((one) => [JSON.stringify(one.labels), one])).values()]
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

const push: fc.Arbitrary<Push> = fc
  .record({
    kind: fc.constantFrom('replace', 'merge'),
    labels: groupLabels,
    body: families.map((generated) => generated.map(familyText).join('')),
  })
  .filter(({ body }) => isReadable(body))

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 120, arbitrary: push },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('remove'), labels: groupLabels }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'wipe' }) },
)

export const HISTORY_OPERATIONS = 40

export const history: fc.Arbitrary<Operation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: HISTORY_OPERATIONS,
  size: 'max',
})
