/**
 * What a page shows when the store holds groups that contradict each other, which only unchecked
 * pushes bring about: everywhere the lowest group key wins, and what loses is left out and counted.
 * The result depends on the stored groups alone, so all replicas leave out the same.
 */
import { renderHeader, renderLabels, renderMetric } from '../exposition/text/render.ts'
import { claimsOf, nameSetOf } from '../groups/rules.ts'
import type { Metric } from '../metrics/metric-family.ts'
import { parseStored, samplesOf, typeOf, type GroupSlot } from './group-slot.ts'

export interface Resolution {
  /** By slot, the families that are shown otherwise than stored; an empty buffer = not at all. */
  readonly shown: ReadonlyMap<GroupSlot, ReadonlyMap<string, Buffer>>
  /** Metrics that the page leaves out. */
  readonly leftOut: number
}

const NOTHING = Buffer.alloc(0)

/** @param slots all groups in order of their keys, none of them resolved */
export function resolve(slots: readonly GroupSlot[]): Resolution {
  const shown = new Map<GroupSlot, Map<string, Buffer>>()
  let leftOut = 0
  const show = (slot: GroupSlot, name: string, samples: Buffer): void => {
    let families = shown.get(slot)
    if (families === undefined) shown.set(slot, (families = new Map<string, Buffer>()))
    families.set(name, samples)
  }

  // In order of group keys, then names: what is shown claims its names, what is left out does not.
  const claimed = new Map<string, string>()
  for (const slot of slots) {
    for (const name of slot.list.names) {
      const claims = claimsOf(name, typeOf(slot, name))
      if (claims.every(([claim, meaning]) => (claimed.get(claim) ?? meaning) === meaning)) {
        for (const [claim, meaning] of claims) claimed.set(claim, meaning)
      } else {
        leftOut += metricsOf(slot, name).length
        show(slot, name, NOTHING)
      }
    }
  }

  for (const job of jobsThatMayRepeat(slots)) {
    const seen = new Set<string>()
    for (const slot of job) {
      for (const name of slot.list.names) {
        if (shown.get(slot)?.get(name) === NOTHING) continue
        const metrics = metricsOf(slot, name)
        const kept = metrics.filter((metric) => {
          const id = `${name}{${renderLabels(metric.labels)}`
          return !seen.has(id) && seen.add(id)
        })
        if (kept.length === metrics.length) continue
        leftOut += metrics.length - kept.length
        show(slot, name, Buffer.from(kept.map((metric) => lines(name, metric)).join('')))
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

function metricsOf(slot: GroupSlot, name: string): readonly Metric[] {
  const header = renderHeader(name, typeOf(slot, name), undefined)
  return parseStored(Buffer.concat([Buffer.from(header), samplesOf(slot, name)])).metrics
}

function lines(name: string, metric: Metric): string {
  return renderMetric(name, metric, renderLabels(metric.labels))
}
