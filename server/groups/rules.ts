/**
 * The rules that keep an exposition consistent, in the terms a store can check without knowing
 * Prometheus: claims (a name may mean one thing only) and candidates (the only groups that can
 * hold the same series). ARCHITECTURE.md, decision 1, says why this is all that is needed.
 */
import type { Label, MetricType } from '../metrics/metric-family.ts'
import { groupingKeyOf, type GroupingKey } from './grouping-key.ts'

/** `[name, meaning]`: a family's type, or `reserved` for the sample names of another family. */
export type Claim = readonly [name: string, meaning: string]

export const RESERVED = 'reserved'

/** The gauges that the gateway keeps for each group. Pushes of these names are dropped. */
export const PUSH_TIME = 'push_time_seconds'
export const PUSH_FAILURE_TIME = 'push_failure_time_seconds'

const RESERVED_SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: [],
  gauge: [],
  untyped: [],
  summary: ['_sum', '_count'],
  histogram: ['_sum', '_count', '_bucket'],
  gaugehistogram: ['_sum', '_count', '_bucket'],
}

/** What a family of this name and type claims: its type, and the sample names it reserves. */
export function claimsOf(name: string, type: MetricType): Claim[] {
  const claims: Claim[] = [[name, type]]
  for (const suffix of RESERVED_SUFFIXES[type]) claims.push([name + suffix, RESERVED])
  return claims
}

/** A sentence for a claim that met another one. */
export function describeClash(name: string, wanted: string, held: string): string {
  if (wanted !== RESERVED && held !== RESERVED) {
    return `metric family ${JSON.stringify(name)} is pushed as ${wanted}, but is already a ${held}`
  }
  return (
    `metric name ${JSON.stringify(name)} collides: it is a family of its own (${wanted === RESERVED ? held : wanted})` +
    ' and also a sample name of a histogram or summary'
  )
}

/** The names of the grouping labels, as one text that is equal for equal sets. */
export function nameSetOf(labels: readonly Label[]): string {
  return JSON.stringify(labels.map((label) => label.name))
}

/** A series of a push with all its labels, sorted. */
export interface LabelledSeries {
  readonly labels: readonly Label[]
}

/**
 * The groups other than `grouping` that could hold one of these series: a series can only be in
 * the group of its own job whose grouping labels are the series' labels of those names.
 *
 * @param otherNameSets the name-sets of the job's groups, as nameSetOf writes them
 */
export function candidateGroups(
  grouping: GroupingKey,
  series: Iterable<LabelledSeries>,
  otherNameSets: readonly string[],
): GroupingKey[] {
  const candidates = new Map<string, GroupingKey>()
  const all = [...series]
  const known = new Set(all.flatMap(({ labels }) => labels.map((label) => label.name)))
  const own = nameSetOf(grouping.labels)
  const nameSets = otherNameSets
    .filter((nameSet) => nameSet !== own)
    .map((nameSet) => JSON.parse(nameSet) as string[])
    .filter((names) => names.every((name) => known.has(name)))
  if (nameSets.length === 0) return []
  for (const { labels } of all) {
    const values = new Map(labels.map((label) => [label.name, label.value]))
    for (const names of nameSets) {
      const projected: Label[] = []
      for (const name of names) {
        const value = values.get(name)
        if (value !== undefined) projected.push({ name, value })
      }
      if (projected.length < names.length) continue
      const candidate = groupingKeyOf(projected)
      candidates.set(candidate.key.toString('latin1'), candidate)
    }
  }
  return [...candidates.values()]
}

/**
 * The group whose push times are the same series as this group's: the same labels but for an
 * empty `instance`, which the exposition adds where it is missing.
 */
export function aliasOf(grouping: GroupingKey): GroupingKey | undefined {
  const instance = grouping.labels.find((label) => label.name === 'instance')
  if (instance === undefined) {
    return groupingKeyOf([...grouping.labels, { name: 'instance', value: '' }])
  }
  if (instance.value !== '') return undefined
  return groupingKeyOf(grouping.labels.filter((label) => label !== instance))
}
