/** The page made from scratch, without caches or cleverness: what a view must come to as well. */
import { parseText } from '../../../server/exposition/text/parse.ts'
import {
  completeBuckets,
  escapeFamily,
  renderFamily,
  renderHeader,
  renderLabels,
} from '../../../server/exposition/text/render.ts'
import { decodeGroupKey } from '../../../server/groups/grouping-key.ts'
import { claimsOf } from '../../../server/groups/rules.ts'
import type { Label, Metric, MetricFamily } from '../../../server/metrics/metric-family.ts'
import type { EscapingScheme } from '../../../server/metrics/names.ts'
import { ORIGIN, type GroupStore, type StoredGroup } from '../../../storage/group-store.ts'

export interface NaivePage {
  readonly text: string
  /** Metrics that stored groups hold, but which contradict a lower group key. */
  readonly leftOut: number
}

/** All groups of a store, in order of their keys. */
async function allGroups(store: GroupStore): Promise<StoredGroup[]> {
  const page = await store.changes({
    position: ORIGIN,
    after: 0,
    full: true,
    bytesMax: Number.MAX_SAFE_INTEGER,
  })
  if (page.kind !== 'page' || !page.complete) throw new Error('the store does not give all groups')
  const groups = page.items.flatMap(({ group }) => (group === null ? [] : [group]))
  return groups.sort((a, b) => Buffer.compare(a.key, b.key))
}

export async function renderNaively(store: GroupStore, scheme: EscapingScheme): Promise<NaivePage> {
  const held = (await allGroups(store)).map(familiesOf)
  const { shown, leftOut } = withoutContradictions(held)
  const names = new Set(held.flatMap((families) => families.map(({ name }) => name)))
  let text = ''
  for (const name of [...names].sort(byBytes)) {
    const parts = shown.flatMap((families) => families.filter((family) => family.name === name))
    const [first] = parts
    if (first === undefined) continue
    const helps = held.flatMap((families) =>
      families.filter((family) => family.name === name).map(({ help }) => help),
    )
    const escaped = parts.map((family) => escapeFamily(completeBuckets(family), scheme))
    const help = helps.find((given) => given !== undefined)
    const shownName = escaped[0]!.name
    const type = first.type === 'gaugehistogram' ? 'histogram' : first.type
    text += renderHeader(shownName, type, help)
    for (const family of escaped) {
      const header = renderHeader(shownName, family.type, undefined)
      text += renderFamily({ ...family, help: undefined }).slice(header.length)
    }
  }
  return { text, leftOut }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The families of a group and the gateway's own two, by name. */
function familiesOf(group: StoredGroup): MetricFamily[] {
  const stored = group.families.flatMap(({ data }) =>
    parseText(data, { utf8Names: true, lenientNewlines: false }),
  )
  const time = (name: string, outcome: string, us: number): MetricFamily => ({
    name,
    type: 'gauge',
    help: `Last Unix time when changing this group in the Pushgateway ${outcome}.`,
    metrics: [{ labels: exposedLabels(group), value: us / 1e6 }],
  })
  return [
    ...stored,
    time('push_time_seconds', 'succeeded', group.pushTimeUs),
    time('push_failure_time_seconds', 'failed', group.failureTimeUs),
  ].sort((a, b) => byBytes(a.name, b.name))
}

function exposedLabels({ key }: StoredGroup): Label[] {
  const labels = [...decodeGroupKey(key).labels]
  if (!labels.some(({ name }) => name === 'instance')) labels.push({ name: 'instance', value: '' })
  return labels.sort((a, b) => byBytes(a.name, b.name))
}

/** Each name means what the first family shown makes of it; each series stays with its first group. */
function withoutContradictions(held: readonly MetricFamily[][]): {
  shown: MetricFamily[][]
  leftOut: number
} {
  const meanings = new Map<string, string>()
  const seen = new Set<string>()
  let leftOut = 0
  const shown = held.map((families) =>
    families.flatMap((family) => {
      const claims = claimsOf(family.name, family.type)
      const agrees = !claims.some(
        ([claim, meaning]) => meanings.has(claim) && meanings.get(claim) !== meaning,
      )
      if (agrees) for (const [claim, meaning] of claims) meanings.set(claim, meaning)
      const metrics = (family.metrics as Metric[]).filter((metric) => {
        const series = JSON.stringify([family.name, renderLabels(metric.labels)])
        if (!agrees || seen.has(series)) return false
        seen.add(series)
        return true
      })
      leftOut += family.metrics.length - metrics.length
      return metrics.length === 0 ? [] : [{ ...family, metrics } as MetricFamily]
    }),
  )
  return { shown, leftOut }
}
