/** What the gateway measures of its store, and of the page that follows it. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The page as this process has it now. */
export interface ViewReading {
  readonly revision: number
  readonly ageSeconds: number
  readonly groups: number
  readonly samples: number
  readonly bytes: number
}

/** What the store said when it was asked last. */
export interface StoreReading {
  readonly up: boolean
  /** Undefined while it has never answered. */
  readonly revision: number | undefined
  readonly roundTripSeconds: number | undefined
}

export interface StoreSources {
  readonly view: () => ViewReading
  /** Must resolve soon, however long the store takes, and at the latest after `waitMs`. */
  readonly store: (waitMs: number) => Promise<StoreReading>
}

export interface StoreMetrics {
  /** @param result `ok`, or the code of the error that the call ended in */
  observeStoreCall(operation: string, result: string, seconds: number): void
  /** A write has to be judged again, because others got in between. */
  countStoreConflict(): void
  countStoreRetry(): void
  countViewReset(reason: string): void
}

interface RegisteredStoreMetrics {
  readonly counters: StoreMetrics
  /** Brings the gauges up to date, before the registry is read. */
  readonly refresh: (store: StoreReading) => void
}

/** From a store in memory to one that is far away and busy. */
const CALL_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

/** Registers the metrics; all of them are there from the start. */
export function createStoreMetrics(
  registry: Registry,
  { view: readView }: Pick<StoreSources, 'view'>,
): RegisteredStoreMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const up = gauge(
    'pushgateway_store_up',
    'Whether the store could be reached and used when it was asked last.',
  )
  const roundTrip = gauge(
    'pushgateway_store_round_trip_seconds',
    'How long the store took for its last answer to a question about its state or its changes.',
  )
  const storeRevision = gauge(
    'pushgateway_store_revision',
    'Revision that the store had when it was asked last.',
  )
  const viewRevision = gauge(
    'pushgateway_view_revision',
    'Revision of the store that the page of this process shows.',
  )
  const viewAge = gauge(
    'pushgateway_view_age_seconds',
    'Time since the page of this process was last brought up to the store, or since the start.',
  )
  const groups = gauge('pushgateway_groups', 'Groups in the store, as of the shown revision.')
  const series = gauge(
    'pushgateway_series',
    'Pushed samples in the store, as of the shown revision.',
  )
  const bytes = gauge(
    'pushgateway_stored_bytes',
    'Bytes of pushed metric families in the store, as of the shown revision.',
  )
  const calls = new Histogram({
    name: 'pushgateway_store_call_duration_seconds',
    help: 'Duration of calls to the store by operation and result: ok, or how it failed.',
    labelNames: ['operation', 'result'],
    buckets: CALL_SECONDS,
    registers,
  })
  const conflicts = new Counter({
    name: 'pushgateway_store_conflicts_total',
    help: 'Writes that had to be judged again, because other pushes to the same job got in between or were not known.',
    registers,
  })
  const retries = new Counter({
    name: 'pushgateway_store_retries_total',
    help: 'Calls that were sent to the store once more.',
    registers,
  })
  const resets = new Counter({
    name: 'pushgateway_view_resets_total',
    help: 'How often the page had to be read anew because the store had another history, by reason.',
    labelNames: ['reason'],
    registers,
  })

  return {
    refresh(store) {
      up.set(store.up ? 1 : 0)
      roundTrip.set(store.roundTripSeconds ?? NaN)
      storeRevision.set(store.revision ?? NaN)
      const view = readView()
      viewRevision.set(view.revision)
      viewAge.set(view.ageSeconds)
      groups.set(view.groups)
      series.set(view.samples)
      bytes.set(view.bytes)
    },
    counters: {
      observeStoreCall(operation, result, seconds) {
        calls.observe({ operation, result }, seconds)
      },
      countStoreConflict() {
        conflicts.inc()
      },
      countStoreRetry() {
        retries.inc()
      },
      countViewReset(reason) {
        resets.inc({ reason })
      },
    },
  }
}
