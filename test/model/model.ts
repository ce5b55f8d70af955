/**
 * The rules of a consistent exposition in their plainest form: apply the push to a copy, gather
 * everything, compare everything with everything. Slow, obvious, and written from the rules, not
 * from the code: nothing here knows claims, guards, shapes or name-sets.
 */
import type { GroupingKey } from '../../server/groups/grouping-key.ts'
import type { Metric, MetricFamily, MetricType } from '../../server/metrics/metric-family.ts'

/** A metric as it is exposed: all its labels, sorted, as one text; and what it measured. */
export interface Series {
  readonly labels: string
  readonly metric: Metric
}

export interface Family {
  readonly name: string
  readonly type: MetricType
  readonly series: readonly Series[]
}

export interface Group {
  readonly key: string
  readonly labels: Readonly<Record<string, string>>
  families: ReadonlyMap<string, Family>
  /** Which of its times are set. */
  pushed: boolean
  failed: boolean
}

export type Groups = Map<string, Group>

/** A rule that a push would break, and where. */
export interface Broken {
  readonly rule: 'timestamp' | 'label' | 'duplicate' | 'type' | 'suffix' | 'own-name'
  readonly where: string
}

/** A family of the gateway's own metrics, which are always there. */
export type OwnFamily = Pick<Family, 'name' | 'type'>

export type PushKind = 'replace' | 'merge'

const GATEWAY_OWNED = ['push_time_seconds', 'push_failure_time_seconds']

export class Model {
  groups: Groups = new Map()
  private readonly own: readonly OwnFamily[]

  constructor(own: readonly OwnFamily[]) {
    this.own = own.filter(({ name }) => !GATEWAY_OWNED.includes(name))
  }

  /** Returns why the push is rejected, or undefined; in both cases the state follows. */
  push(kind: PushKind, grouping: GroupingKey, pushed: readonly MetricFamily[]): Broken | undefined {
    const broken = this.judge(kind, grouping, pushed)
    if (broken === undefined) this.groups = withPush(this.groups, kind, grouping, pushed)
    else this.recordFailure(grouping)
    return broken
  }

  /** Why a push is rejected, or undefined. */
  judge(
    kind: PushKind,
    grouping: GroupingKey,
    pushed: readonly MetricFamily[],
  ): Broken | undefined {
    const metrics = owned(pushed).flatMap(({ metrics }) => metrics as readonly Metric[])
    if (metrics.some(({ hasTimestamp }) => hasTimestamp === true)) {
      return { rule: 'timestamp', where: 'a sample' }
    }
    return findBroken(withPush(this.groups, kind, grouping, pushed), this.own)
  }

  /** Sets the failure time, unless a group that this would create repeats series of another. */
  recordFailure(grouping: GroupingKey): void {
    const id = idOf(grouping)
    const group = this.groups.get(id)
    if (group !== undefined) {
      group.failed = true
      return
    }
    const labels = groupLabels(grouping)
    const created = { key: id, labels, families: new Map(), pushed: false, failed: true }
    const after = new Map(this.groups).set(id, created)
    if (findBroken(after, this.own) === undefined) this.groups = after
  }

  remove(grouping: GroupingKey): void {
    this.groups.delete(idOf(grouping))
  }

  wipe(): void {
    this.groups.clear()
  }
}

export function idOf({ key }: GroupingKey): string {
  return key.toString('latin1')
}

function groupLabels({ labels }: GroupingKey): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

function owned(families: readonly MetricFamily[]): MetricFamily[] {
  return families.filter(({ name }) => !GATEWAY_OWNED.includes(name))
}

/** The groups after an accepted push, whatever the rules say about it. */
export function withPush(
  groups: Groups,
  kind: PushKind,
  grouping: GroupingKey,
  pushed: readonly MetricFamily[],
): Groups {
  const id = idOf(grouping)
  const before = groups.get(id)
  const families = new Map(kind === 'merge' ? before?.families : [])
  for (const family of owned(pushed)) families.set(family.name, expose(family, grouping))
  const failed = before?.failed ?? false
  const labels = groupLabels(grouping)
  return new Map(groups).set(id, { key: id, labels, families, pushed: true, failed })
}

/** A family with the grouping labels over its own, and `instance=""` where there is none. */
export function expose(family: MetricFamily, grouping: GroupingKey): Family {
  const series = (family.metrics as readonly Metric[]).map((metric) => {
    const own = Object.fromEntries(metric.labels.map(({ name, value }) => [name, value]))
    return { labels: labelText({ ...own, ...groupLabels(grouping) }), metric }
  })
  return { name: family.name, type: family.type, series }
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const all = { instance: '', ...labels }
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')
}

/** The sample lines by which a page shows a series. */
export function linesOf(name: string, { labels, metric }: Series): string[] {
  const line = (suffix: string, value: number, more = ''): string =>
    `${name}${suffix}{${labels}${more}} ${value}`
  if ('value' in metric) return [line('', metric.value)]
  const totals = [line('_sum', metric.sum), line('_count', metric.count)]
  if ('quantiles' in metric) {
    const quantiles = metric.quantiles.map((q) => line('', q.value, `,quantile="${q.quantile}"`))
    return [...quantiles, ...totals]
  }
  const counts = new Map(metric.buckets.map((one) => [one.upperBound, one.cumulativeCount]))
  if (!counts.has(Infinity)) counts.set(Infinity, metric.count)
  const buckets = [...counts].map(([bound, count]) =>
    line('_bucket', count, `,le="${bound === Infinity ? '+Inf' : bound}"`),
  )
  return [...buckets, ...totals]
}

/** Everything that a page of these groups would show of them. */
export function gather(groups: Groups): Family[] {
  return [...groups.values()].flatMap(({ families, labels }) => [
    ...families.values(),
    ...GATEWAY_OWNED.map((name): Family => ({
      name,
      type: 'gauge',
      series: [{ labels: labelText(labels), metric: { labels: [], value: 0 } }],
    })),
  ])
}

/** The first rule that an exposition of these groups breaks, or undefined. */
export function findBroken(groups: Groups, own: readonly OwnFamily[]): Broken | undefined {
  const gathered = gather(groups)
  for (const family of gathered) {
    const broken = findBrokenAlone(family)
    if (broken !== undefined) return broken
  }
  const seen = new Set<string>()
  for (const { name, series } of gathered) {
    for (const { labels } of series) {
      const id = `${name}{${labels}}`
      if (seen.has(id)) return { rule: 'duplicate', where: id }
      seen.add(id)
    }
  }
  for (const [i, a] of gathered.entries()) {
    for (const b of gathered.slice(i + 1)) {
      const broken = findBrokenPair(a, b)
      if (broken !== undefined) return broken
    }
    for (const b of own) {
      const broken = findBrokenPair(a, b)
      if (broken !== undefined) return { ...broken, rule: 'own-name' }
    }
  }
  return undefined
}

/** What can be wrong with a family whatever else there is. */
function findBrokenAlone({ name, type, series }: Family): Broken | undefined {
  const forbidden = type === 'summary' ? 'quantile' : type === 'histogram' ? 'le' : undefined
  for (const { labels } of series) {
    const names = [...labels.matchAll(/(?:^|,)(\w+)="/g)].map(([, label]) => label!)
    const bad = names.find((label) => label.startsWith('__') || label === forbidden)
    if (bad !== undefined) return { rule: 'label', where: `${bad} in ${type} ${name}` }
  }
  return undefined
}

const SAMPLE_SUFFIXES: Readonly<Partial<Record<MetricType, readonly string[]>>> = {
  summary: ['_sum', '_count'],
  histogram: ['_sum', '_count', '_bucket'],
}

/** Two families of one exposition: one type for one name, and no sample named like a family. */
export function findBrokenPair(a: OwnFamily, b: OwnFamily): Broken | undefined {
  if (a.name === b.name && a.type !== b.type) {
    return { rule: 'type', where: `${a.name} is ${a.type} and ${b.type}` }
  }
  for (const [base, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const suffix of SAMPLE_SUFFIXES[base.type] ?? []) {
      if (other.name === base.name + suffix) {
        return { rule: 'suffix', where: `${other.name} beside ${base.type} ${base.name}` }
      }
    }
  }
  return undefined
}
