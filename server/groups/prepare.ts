/**
 * From parsed families to what a store keeps: grouping labels applied, canonical text, claims and
 * shapes; and all the checks that need nothing but the push itself.
 */
import { hash } from 'node:crypto'
import { spellFamily, type SpelledFamily } from '../exposition/spelled/series.ts'
import type { Label, Metric, MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { isReservedLabelName } from '../metrics/names.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { ExposedFamily } from './exposed-family.ts'
import { LabelPlan } from './exposed-labels.ts'
import { compareUtf8, type GroupingKey } from './grouping-key.ts'
import { claimsOf, describeClash, PUSH_FAILURE_TIME, PUSH_TIME, type Claim } from './rules.ts'

/** A metric with its labels in the order and spelling of the text. */
export interface LabelledMetric {
  readonly metric: Metric
  readonly labels: readonly Label[]
  readonly labelText: string
}

/** What a family is besides its values. */
export interface FamilyOutline {
  readonly name: string
  readonly claims: readonly Claim[]
  /**
   * Equal for families of equal name, type and label sets, grouping labels aside: digest, 22 characters. Shapes say
   * something within one group only, where the grouping labels are what they are.
   */
  readonly shape: string
  readonly sampleCount: number
}

export interface PreparedFamily extends FamilyOutline {
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

/** Families of a push in one piece. */
export interface PackedPush {
  /** One object for all pushes by one template. */
  readonly families: readonly FamilyOutline[]
  /** The data of the families, one behind the other. */
  readonly data: Buffer
  /** Where in `data` each family ends. */
  readonly ends: readonly number[]
}

export interface PreparedPush {
  readonly kind: 'prepared'
  readonly grouping: GroupingKey
  /** Sorted by name. Where there is `packed`, they are made when they are first asked for. */
  readonly families: readonly PreparedFamily[]
  readonly packed?: PackedPush
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
  families: readonly (SpelledFamily | MetricFamily)[],
  options: PrepareOptions,
): PreparedPush | ({ readonly kind: 'rejected' } & Rejection) {
  const plan = new LabelPlan(grouping)
  const claimed = new Map<string, string>()
  const exposed: ExposedFamily[] = []
  let droppedDuplicates = 0
  for (const given of families) {
    const family = 'series' in given ? given : spellFamily(given)
    const flawed = checkSeries(family)
    if (flawed !== undefined) return { kind: 'rejected', ...flawed }
    if (family.name === PUSH_TIME || family.name === PUSH_FAILURE_TIME) continue
    const refused = checkLabels(family) ?? checkGroupingLabels(family, plan)
    if (refused !== undefined) return { kind: 'rejected', ...refused }
    const claims = claimsOf(family.name, family.type)
    const clash =
      findOwnClash(claims, options.ownClaims) ??
      (options.checked ? findClash(claims, claimed) : undefined)
    if (clash !== undefined) return { kind: 'rejected', ...clash }
    const one = new ExposedFamily(family, claims, plan)
    const duplicate = one.findDuplicate()
    if (duplicate !== undefined) {
      if (options.checked) return { kind: 'rejected', ...describeDuplicate(family.name, duplicate) }
      droppedDuplicates += one.dropDuplicates()
    }
    exposed.push(one)
  }
  exposed.sort((a, b) => compareUtf8(a.name, b.name))
  const prepared = storeTogether(exposed)
  const shapes = prepared.map((family) => `${family.shape} ${family.name}`).join('\n')
  return {
    kind: 'prepared',
    grouping,
    families: prepared,
    shape: digest(shapes),
    droppedDuplicates,
  }
}

/** Families that lie behind each other in one buffer. */
function storeTogether(families: readonly ExposedFamily[]): PreparedFamily[] {
  const writer = new ChunkWriter()
  const ends = families.map((family) => writer.write(family.render()))
  const bytes = writer.finish()
  return families.map(
    (family, i) => new StoredFamily(family, bytes.subarray(ends[i - 1] ?? 0, ends[i])),
  )
}

class StoredFamily implements PreparedFamily {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly shape: string
  readonly sampleCount: number
  readonly data: Buffer
  /** Hidden from those who keep a copy of the rest. */
  readonly #exposed: ExposedFamily

  constructor(exposed: ExposedFamily, data: Buffer) {
    this.name = exposed.name
    this.claims = exposed.claims
    this.shape = digest(exposed.identity())
    this.sampleCount = exposed.sampleCount()
    this.data = data
    this.#exposed = exposed
  }

  series(): readonly LabelledMetric[] {
    return this.#exposed.labelledMetrics()
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

/** Refuses families whose own label the grouping key sets. */
function checkGroupingLabels(
  { name, type }: SpelledFamily,
  plan: LabelPlan,
): Rejection | undefined {
  const forbidden = OWN_LABELS[type]
  if (forbidden === undefined || !plan.sets(forbidden)) return undefined
  return {
    rule: 'label',
    reason: `the grouping label ${JSON.stringify(forbidden)} has a meaning of its own in ${type} ${JSON.stringify(name)}`,
  }
}

function checkSeries(family: SpelledFamily): Rejection | undefined {
  for (const { marks } of family.series) {
    if (marks === undefined) continue
    const shown = `metric family ${JSON.stringify(family.name)}`
    if (marks.hasTimestamp === true) {
      return { rule: 'timestamp', reason: `pushed metrics must not have timestamps (${shown})` }
    }
    if (marks.hasNoValue === true) {
      return {
        rule: 'value',
        reason: `a metric of ${shown} has no value of its type, ${family.type}`,
      }
    }
  }
  return undefined
}

function checkLabels({ name: familyName, type, series }: SpelledFamily): Rejection | undefined {
  let checked: unknown
  for (const { names } of series) {
    if (names === checked) continue
    checked = names
    for (const name of names.names) {
      if (name === '' || isReservedLabelName(name) || name === OWN_LABELS[type]) {
        return {
          rule: 'label',
          reason: `label name ${JSON.stringify(name)} of metric family ${JSON.stringify(familyName)} is reserved`,
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

/** 128 bits of SHA-256: collisions would let a push past the checks, so a weak hash will not do. */
function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
