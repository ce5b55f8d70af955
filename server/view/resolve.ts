/**
 * What a page shows when the store holds groups that contradict each other, which only unchecked
 * pushes bring about: everywhere the lowest group key wins, and what loses is left out and counted.
 * The result depends on the stored groups alone, so all replicas leave out the same.
 */
import { completeBuckets, renderFamilySamples, renderLabels } from '../exposition/text/render.ts'
import { claimsOf, nameSetOf } from '../groups/rules.ts'
import type { Metric, MetricFamily } from '../metrics/metric-family.ts'
import { familyOf, typeOf, type GroupSlot, type ResolvedFamily } from './group-slot.ts'

export interface Resolution {
  /** By slot, the families that are shown otherwise than stored. */
  readonly shown: ReadonlyMap<GroupSlot, ReadonlyMap<string, ResolvedFamily>>
  /** Metrics that the page leaves out. */
  readonly leftOut: number
}

/** @param slots all groups in order of their keys, none of them resolved */
export function resolve(slots: readonly GroupSlot[]): Resolution {
  const shown = new Map<GroupSlot, Map<string, ResolvedFamily>>()
  let leftOut = 0
  /** Shows of a family only these of its metrics. */
  const show = (slot: GroupSlot, family: MetricFamily, metrics: readonly Metric[]): void => {
    let families = shown.get(slot)
    if (families === undefined) shown.set(slot, (families = new Map<string, ResolvedFamily>()))
    const rest = { ...family, metrics } as MetricFamily
    const samples = Buffer.from(renderFamilySamples(completeBuckets(rest)))
    families.set(family.name, { samples, family: rest })
    leftOut += family.metrics.length - metrics.length
  }

  // In order of group keys, then names: what is shown claims its names, what is left out does not.
  const claimed = new Map<string, string>()
  for (const slot of slots) {
    for (const name of slot.list.names) {
      const claims = claimsOf(name, typeOf(slot, name))
      if (claims.every(([claim, meaning]) => (claimed.get(claim) ?? meaning) === meaning)) {
        for (const [claim, meaning] of claims) claimed.set(claim, meaning)
      } else {
        show(slot, familyOf(slot, name), [])
      }
    }
  }

  for (const job of jobsThatMayRepeat(slots)) {
    const seen = new Set<string>()
    for (const slot of job) {
      for (const name of slot.list.names) {
        if (shown.get(slot)?.has(name) === true) continue
        const family = familyOf(slot, name)
        const kept = (family.metrics as readonly Metric[]).filter((metric) => {
          const id = `${name}{${renderLabels(metric.labels)}`
          return !seen.has(id) && seen.add(id)
        })
        if (kept.length < family.metrics.length) show(slot, family, kept)
      }
    }
  }
  return { shown, leftOut }
}

/** Groups by job, for jobs that have an inconsistent group and groups of several name-sets. */
function jobsThatMayRepeat(slots: readonly GroupSlot[]): GroupSlot[][] {
  const jobs = new Map<string, GroupSlot[]>()
  for (const slot of slots) {
    const job = jobs.get(slot.grouping.job)
    if (job === undefined) jobs.set(slot.grouping.job, [slot])
    else job.push(slot)
  }
  return [...jobs.values()].filter(
    (job) =>
      job.some((slot) => slot.inconsistent) &&
      new Set(job.map((slot) => nameSetOf(slot.grouping.labels))).size > 1,
  )
}
