/** The real gateway over a real store, with its state in the form of the model's. */
import { Gateway, type PushOutcome } from '../../server/gateway.ts'
import { parseText } from '../../server/exposition/text/parse.ts'
import { decodeGroupKey } from '../../server/groups/grouping-key.ts'
import type { Metric, MetricFamily } from '../../server/metrics/metric-family.ts'
import { PushReader } from '../../server/read-push.ts'
import { readBuildInfo } from '../../server/telemetry/build-info.ts'
import { createOwnMetrics, type OwnMetrics } from '../../server/telemetry/own-metrics.ts'
import { View } from '../../server/view/view.ts'
import { ORIGIN, type GroupStore } from '../../storage/group-store.ts'
import type { Groups, OwnFamily, PushKind } from './model.ts'
import { FAMILY_NAMES, groupingOf, PARSING } from './universe.ts'
import { EMPTY_SOURCES } from '../support/metric-sources.ts'

export const ownMetrics: OwnMetrics = createOwnMetrics(readBuildInfo(), EMPTY_SOURCES)

/** Families of the gateway itself: what it reserves, without the sample names that follow from it. */
export const OWN_FAMILIES: readonly OwnFamily[] = [...ownMetrics.claims].flatMap(([name, type]) =>
  type === 'reserved' ? [] : [{ name, type: type as OwnFamily['type'] }],
)

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export interface World {
  readonly store: GroupStore
  readonly view: View
  push(
    kind: PushKind,
    labels: Readonly<Record<string, string>>,
    body: string,
    checked?: boolean,
  ): Promise<PushOutcome>
  remove(labels: Readonly<Record<string, string>>): Promise<void>
  wipe(): Promise<unknown>
  /** The page of this world's view, or of another one on the same store. */
  page(view?: View): Promise<string>
}

export function createWorld(store: GroupStore): World {
  const view = newView(store)
  const gatewayWith = (shown: View, checked: boolean): Gateway =>
    new Gateway({
      store,
      view: shown,
      ownMetrics,
      logger: silent,
      checked,
      storeTimeoutMs: 60_000,
      showsOwnMetrics: true,
      staleMsMax: 0,
    })
  const readerWith = (checked: boolean): PushReader =>
    new PushReader(PARSING, { ownClaims: ownMetrics.claims, checked })
  const reader = { checked: readerWith(true), unchecked: readerWith(false) }
  const gateways = { checked: gatewayWith(view, true), unchecked: gatewayWith(view, false) }
  return {
    store,
    view,
    push: (kind, labels, body, checked = true) => {
      const grouping = groupingOf(labels)
      const { push } = reader[checked ? 'checked' : 'unchecked'].read(
        Buffer.from(body),
        'text',
        grouping,
      )
      return gateways[checked ? 'checked' : 'unchecked'].push(kind, grouping, push)
    },
    remove: async (labels) => {
      await gateways.checked.remove(groupingOf(labels))
    },
    wipe: () => gateways.checked.wipe(),
    page: async (shown = view) => {
      await shown.sync()
      const own = await (ownShown ??= collectOwn())
      const parts = shown
        .page({ syntax: 'text', escaping: 'allow-utf-8' }, own)
        .map(({ plain }) => plain)
      return Buffer.concat(parts).toString('utf8')
    },
  }
}

/** Once, and only those that a push can meet: the others would take most of the time. */
let ownShown: Promise<MetricFamily[]> | undefined

async function collectOwn(): Promise<MetricFamily[]> {
  const families = await ownMetrics.collect()
  return families.filter(({ name }) => FAMILY_NAMES.some((pushed) => pushed.startsWith(name)))
}

export function newView(store: GroupStore): View {
  return new View(store, { helpDiffers: () => undefined, reset: () => undefined })
}

/** Series as the store holds it: labels in their stored order. */
export interface StoredSeries {
  readonly labels: string
  readonly metric: Metric
}

export interface StoredState {
  readonly labels: Record<string, string>
  readonly families: Record<string, { readonly type: string; readonly series: StoredSeries[] }>
  readonly pushed: boolean
  readonly failed: boolean
}

/** All groups of a store by key, read back from the text that it keeps. */
export async function storedState(store: GroupStore): Promise<Record<string, StoredState>> {
  const answer = await store.changes({ position: ORIGIN, after: 0, full: true, bytesMax: Infinity })
  if (answer.kind === 'reset') throw new Error(`reset: ${answer.reason}`)
  const groups: Record<string, StoredState> = {}
  for (const { key, group } of answer.items) {
    if (group === null) continue
    const { labels } = decodeGroupKey(key)
    groups[key.toString('latin1')] = {
      labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
      families: Object.fromEntries(group.families.map(({ name, data }) => [name, readBack(data)])),
      pushed: group.pushTimeUs > 0,
      failed: group.failureTimeUs > 0,
    }
  }
  return groups
}

/** What a store must hold that holds what the model does. */
export function expectedState(groups: Groups): Record<string, StoredState> {
  return Object.fromEntries(
    [...groups].map(([key, { labels, families, pushed, failed }]) => [
      key,
      {
        labels,
        pushed,
        failed,
        families: Object.fromEntries(
          [...families.values()].map(({ name, type, series }) => [
            name,
            {
              type,
              series: series
                .map((one) => ({ labels: one.labels, metric: { ...one.metric, labels: [] } }))
                .sort((a, b) => (a.labels < b.labels ? -1 : 1)),
            },
          ]),
        ),
      },
    ]),
  )
}

function readBack(data: Buffer): StoredState['families'][string] {
  const families = parseText(data, { utf8Names: false, lenientNewlines: false })
  if (families.length !== 1) throw new Error(`a stored family holds ${families.length}`)
  const { type, metrics } = families[0]!
  const series = (metrics as readonly Metric[]).map((metric) => ({
    labels: metric.labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(','),
    metric: { ...metric, labels: [] },
  }))
  return { type, series: series.sort((a, b) => (a.labels < b.labels ? -1 : 1)) }
}
