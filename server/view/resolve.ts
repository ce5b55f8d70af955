/**
 * What a page shows when the store holds groups that contradict each other, which only unchecked
 * pushes bring about: everywhere the lowest group key wins, and what loses is left out and counted.
 * The result depends on the stored groups alone, so all replicas leave out the same.
 */
import { completeBuckets, renderFamilySamples, renderLabels } from '../exposition/text/render.ts'
import { claimsOf, nameSetOf } from '../groups/rules.ts'
import type { Metric, MetricFamily } from '../metrics/metric-family.ts'
import type { GroupSlot } from './group-slot.ts'
import type { ShownGroup } from './shown-group.ts'

/** What is left of a family that is shown in part; no samples = nothing. */
export interface ResolvedFamily {
  /** As text shows them. */
  readonly samples: Buffer
  readonly family: MetricFamily
}

export interface Resolution {
  /** By name and slot, the families that are shown otherwise than stored. */
  readonly shown: ReadonlyMap<string, ReadonlyMap<GroupSlot, ResolvedFamily>>
  /** Metrics that the page leaves out. */
  readonly leftOut: number
}

/** @param groups all groups as stored, in order of their keys */
export function resolve(groups: readonly ShownGroup[]): Resolution {
  const shown = new Map<string, Map<GroupSlot, ResolvedFamily>>()
  let leftOut = 0
  /** Shows of a family only these of its metrics. */
  const show = (group: ShownGroup, family: MetricFamily, metrics: readonly Metric[]): void => {
    let slots = shown.get(family.name)
    if (slots === undefined) shown.set(family.name, (slots = new Map<GroupSlot, ResolvedFamily>()))
    const rest = { ...family, metrics } as MetricFamily
    const samples = Buffer.from(renderFamilySamples(completeBuckets(rest)))
    slots.set(group.slot, { samples, family: rest })
    leftOut += family.metrics.length - metrics.length
  }

  // In order of group keys, then names: what is shown claims its names, what is left out does not.
  const claimed = new Map<string, string>()
  for (const group of groups) {
    for (const name of group.names) {
      const claims = claimsOf(name, group.type(name))
      if (claims.every(([claim, meaning]) => (claimed.get(claim) ?? meaning) === meaning)) {
        for (const [claim, meaning] of claims) claimed.set(claim, meaning)
      } else {
        show(group, group.family(name), [])
      }
    }
  }

  for (const job of jobsThatMayRepeat(groups)) {
    const seen = new Set<string>()
    for (const group of job) {
      for (const name of group.names) {
        if (shown.get(name)?.has(group.slot) === true) continue
        const family = group.family(name)
        const kept = (family.metrics as readonly Metric[]).filter((metric) => {
          const id = `${name}{${renderLabels(metric.labels)}`
          return !seen.has(id) && seen.add(id)
        })
        if (kept.length < family.metrics.length) show(group, family, kept)
      }
    }
  }
  return { shown, leftOut }
}

/** Groups by job, for jobs that have an inconsistent group and groups of several name-sets. */
function jobsThatMayRepeat(groups: readonly ShownGroup[]): ShownGroup[][] {
  const jobs = new Map<string, ShownGroup[]>()
  for (const group of groups) {
    const job = jobs.get(group.grouping.job)
    if (job === undefined) jobs.set(group.grouping.job, [group])
    else job.push(group)
  }
  return [...jobs.values()].filter(
    (job) =>
      job.some(({ slot }) => slot.inconsistent) &&
      new Set(job.map(({ grouping }) => nameSetOf(grouping.labels))).size > 1,
  )
}
