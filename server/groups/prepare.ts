/**
 * From parsed families to what a store keeps: grouping labels applied, canonical text, claims and
 * shapes; and all the checks that need nothing but the push itself.
 */
import { hash } from 'node:crypto'
import { encodeStored, type LabelledMetric } from '../exposition/stored-family.ts'
import { renderLabel, sampleCount, shownName } from '../exposition/text/render.ts'
import type { Label, Metric, MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { isReservedLabelName } from '../metrics/names.ts'
import { byNameBytes, compareUtf8, type GroupingKey } from './grouping-key.ts'
import { claimsOf, describeClash, PUSH_FAILURE_TIME, PUSH_TIME, type Claim } from './rules.ts'

export interface PreparedFamily {
  readonly name: string
  readonly claims: readonly Claim[]
  /**
   * Equal for families of equal name, type and label sets, grouping labels aside: digest, 22 characters. Shapes say
   * something within one group only, where the grouping labels are what they are.
   */
  readonly shape: string
  readonly sampleCount: number
  /** What is stored, and the page is made of (exposition/stored-family.ts). */
  readonly data: Buffer
  /** Its metrics with the labels they are exposed with, sorted; for the few pushes that must be compared by series. */
  series(): readonly LabelledMetric[]
}

/** Why a push that could be read is refused all the same. */
export interface Rejection {
  readonly rule: 'timestamp' | 'value' | 'label' | 'duplicate' | 'type' | 'own-name'
  readonly reason: string
}

export interface PreparedPush {
  readonly kind: 'prepared'
  readonly grouping: GroupingKey
  /** Sorted by name. */
  readonly families: readonly PreparedFamily[]
  /** Digest over all families. */
  readonly shape: string
  /** Duplicates within the push that an unchecked push lost; 0 for checked ones. */
  readonly droppedDuplicates: number
}

export interface PrepareOptions {
  /** Claims of the server's own metrics, which every push must agree with, checked or not. */
  readonly ownClaims: ReadonlyMap<string, string>
  /** False: inconsistencies within the push do not refuse it (--push.disable-consistency-check). */
  readonly checked: boolean
}

/**
 * Prepares a push. Checks, by the original's rules: no timestamps; values; label names; no `quantile` on
 * summaries (and here no `le` on histograms); no series twice; names that mean one thing only.
 */
export function preparePush(
  grouping: GroupingKey,
  families: readonly MetricFamily[],
  options: PrepareOptions,
): PreparedPush | ({ readonly kind: 'rejected' } & Rejection) {
  const exposed = new LabelPlan(grouping)
  const claimed = new Map<string, string>()
  const prepared: PreparedFamily[] = []
  let droppedDuplicates = 0
  for (const family of families) {
    const flawed = checkMetrics(family)
    if (flawed !== undefined) return { kind: 'rejected', ...flawed }
    if (family.name === PUSH_TIME || family.name === PUSH_FAILURE_TIME) continue
    const refused = checkLabels(family) ?? exposed.check(family)
    if (refused !== undefined) return { kind: 'rejected', ...refused }
    const claims = claimsOf(family.name, family.type)
    const clash =
      findOwnClash(claims, options.ownClaims) ??
      (options.checked ? findClash(claims, claimed) : undefined)
    if (clash !== undefined) return { kind: 'rejected', ...clash }
    let series = sortSeries(family.metrics.map((metric) => exposed.apply(metric)))
    const duplicate = findDuplicate(series)
    if (duplicate !== undefined) {
      if (options.checked) return { kind: 'rejected', ...describeDuplicate(family.name, duplicate) }
      const distinct = withoutDuplicates(series)
      droppedDuplicates += series.length - distinct.length
      series = distinct
    }
    prepared.push(prepareFamily(family, series, claims))
  }
  prepared.sort((a, b) => compareUtf8(a.name, b.name))
  const shapes = prepared.map((family) => `${family.shape} ${family.name}`).join('\n')
  return {
    kind: 'prepared',
    grouping,
    families: prepared,
    shape: digest(shapes),
    droppedDuplicates,
  }
}

/** The rejection of a series that this or another group already has. */
export function describeDuplicate(name: string, labelText: string): Rejection {
  return {
    rule: 'duplicate',
    reason: `metric ${name}{${labelText}} was collected before with the same name and label values`,
  }
}

/** The label that means something else in families of a type; here it may not be given by name. */
const OWN_LABELS: Readonly<Partial<Record<MetricType, string>>> = {
  summary: 'quantile',
  histogram: 'le',
  gaugehistogram: 'le',
}

interface ExposedSeries extends LabelledMetric {
  /** Its labels without those that all series of the group have, as text. */
  readonly ownText: string
}

/** What a group's exposed labels are made of: its grouping labels over those of each metric. */
class LabelPlan {
  private readonly grouping: GroupingKey
  private readonly names: ReadonlySet<string>
  private readonly bare: ExposedSeries

  constructor(grouping: GroupingKey) {
    this.grouping = grouping
    this.names = new Set(grouping.labels.map((label) => label.name))
    this.bare = this.assemble({ labels: [], value: 0 })
  }

  /** Refuses families whose own label the grouping key sets. */
  check(family: MetricFamily): Rejection | undefined {
    const forbidden = OWN_LABELS[family.type]
    if (forbidden === undefined || !this.names.has(forbidden)) return undefined
    return {
      rule: 'label',
      reason: `the grouping label ${JSON.stringify(forbidden)} has a meaning of its own in ${family.type} ${JSON.stringify(family.name)}`,
    }
  }

  apply(metric: Metric): ExposedSeries {
    return metric.labels.length > 0 ? this.assemble(metric) : { ...this.bare, metric }
  }

  private assemble(metric: Metric): ExposedSeries {
    const labels: Label[] = []
    let hasInstance = this.names.has('instance')
    for (const label of metric.labels) {
      if (this.names.has(label.name)) continue
      if (label.name === 'instance') hasInstance = true
      labels.push(label)
    }
    labels.push(...this.grouping.labels)
    if (!hasInstance) labels.push({ name: 'instance', value: '' })
    labels.sort(byNameBytes)
    let labelText = ''
    let ownText = ''
    for (const label of labels) {
      const text = renderLabel(label)
      labelText += labelText === '' ? text : `,${text}`
      if (!this.names.has(label.name)) ownText += ownText === '' ? text : `,${text}`
    }
    return { labels, labelText, ownText, metric }
  }
}

function checkMetrics(family: MetricFamily): Rejection | undefined {
  const shown = `metric family ${JSON.stringify(family.name)}`
  for (const metric of family.metrics) {
    if (metric.hasTimestamp === true) {
      return { rule: 'timestamp', reason: `pushed metrics must not have timestamps (${shown})` }
    }
    if (metric.hasNoValue === true) {
      return {
        rule: 'value',
        reason: `a metric of ${shown} has no value of its type, ${family.type}`,
      }
    }
  }
  return undefined
}

function checkLabels(family: MetricFamily): Rejection | undefined {
  for (const { labels } of family.metrics) {
    for (const { name } of labels) {
      if (name === '' || isReservedLabelName(name) || name === OWN_LABELS[family.type]) {
        return {
          rule: 'label',
          reason: `label name ${JSON.stringify(name)} of metric family ${JSON.stringify(family.name)} is reserved`,
        }
      }
    }
  }
  return undefined
}

function findOwnClash(
  claims: readonly Claim[],
  ownClaims: ReadonlyMap<string, string>,
): Rejection | undefined {
  for (const [name, meaning] of claims) {
    const own = ownClaims.get(name)
    if (own === undefined || own === meaning) continue
    const reason = `${describeClash(name, meaning, own)} (a metric of the gateway itself)`
    return { rule: 'own-name', reason }
  }
  return undefined
}

/** A clash of a family with those before it in the same push, which `claimed` collects. */
function findClash(claims: readonly Claim[], claimed: Map<string, string>): Rejection | undefined {
  for (const [name, meaning] of claims) {
    const other = claimed.get(name)
    if (other !== undefined && other !== meaning) {
      return { rule: 'type', reason: describeClash(name, meaning, other) }
    }
    claimed.set(name, meaning)
  }
  return undefined
}

/** The original's order: fewer labels first, then label values one by one. */
function compareSeries(a: LabelledMetric, b: LabelledMetric): number {
  const byCount = a.labels.length - b.labels.length
  if (byCount !== 0) return byCount
  for (let i = 0; i < a.labels.length; i++) {
    const byValue = compareUtf8(a.labels[i]!.value, b.labels[i]!.value)
    if (byValue !== 0) return byValue
  }
  // The same values under other names: any order will do, but always the same.
  return a.labelText < b.labelText ? -1 : a.labelText > b.labelText ? 1 : 0
}

function sortSeries(series: ExposedSeries[]): ExposedSeries[] {
  return series.length > 1 ? series.sort(compareSeries) : series
}

function findDuplicate(sorted: readonly LabelledMetric[]): string | undefined {
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.labelText === sorted[i - 1]!.labelText) return sorted[i]!.labelText
  }
  return undefined
}

/** Sorting kept the order of equal series, so what stays is the last one pushed. */
function withoutDuplicates(sorted: readonly ExposedSeries[]): ExposedSeries[] {
  return sorted.filter((series, i) => series.labelText !== sorted[i + 1]?.labelText)
}

function prepareFamily(
  family: MetricFamily,
  series: readonly ExposedSeries[],
  claims: readonly Claim[],
): PreparedFamily {
  let identity = `${family.type} ${shownName(family.name)}`
  let samples = 0
  for (const { metric, ownText } of series) {
    identity += `\n${ownText}`
    samples += sampleCount(metric)
  }
  return {
    name: family.name,
    claims,
    shape: digest(identity),
    sampleCount: samples,
    data: encodeStored(family, series),
    series: () => series,
  }
}

/** 128 bits of SHA-256: collisions would let a push past the checks, so a weak hash will not do. */
function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
