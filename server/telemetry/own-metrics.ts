/** The gateway's metrics about itself, kept by prom-client and shown by our own encoder. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { compareUtf8 } from '../groups/grouping-key.ts'
import { claimsOf, PUSH_FAILURE_TIME, PUSH_TIME } from '../groups/rules.ts'
import type { MetricFamily, MetricType } from '../metrics/metric-family.ts'
import type { BuildInfo } from './build-info.ts'
import { readFamilies } from './prom-client-families.ts'
import { RecentSummary } from './recent-summary.ts'
import {
  createStoreMetrics,
  type StoreMetrics,
  type StoreReading,
  type StoreSources,
} from './store-metrics.ts'

/** What the metrics are read from when they are collected. */
export interface OwnMetricsSources extends StoreSources {
  readonly leftOut: () => number
  readonly helpDifferences: () => number
}

export interface OwnMetrics extends StoreMetrics {
  countRequest(handler: string, method: string, code: number): void
  observePush(method: string, seconds: number, bytes: number): void
  countRejection(rule: string): void
  countFailureNotRecorded(): void
  countDroppedDuplicates(metrics: number): void
  countMissingEof(): void
  /** Asks the store how it is, and waits for that only briefly, at most for so long. */
  look(waitMs: number): Promise<StoreReading>
  /**
   * All own families, sorted by name.
   *
   * @param store how the store is; without, it is asked
   */
  collect(store?: StoreReading): Promise<MetricFamily[]>
  /** What pushes must agree with: the names and types of the own families, from the start. */
  readonly claims: ReadonlyMap<string, string>
  stop(): void
}

const BY_METHOD = { labelName: 'method', quantiles: [0.1, 0.5, 0.9] }

/** Gauges that are called like counters, which promtool finds fault with; each is the sum of the family without `_total`. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

export function createOwnMetrics(build: BuildInfo, sources: OwnMetricsSources): OwnMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  new Gauge({
    name: 'pushgateway_build_info',
    help: "A metric with a constant '1' value labeled by version, revision, branch and goversion of the running gateway.",
    labelNames: ['version', 'revision', 'branch', 'goversion'],
    registers,
  }).set(
    {
      version: build.version,
      revision: build.revision,
      branch: build.branch,
      goversion: build.goVersion,
    },
    1,
  )
  const requests = new Counter({
    name: 'pushgateway_http_requests_total',
    help: 'Total HTTP requests processed by the Pushgateway, excluding scrapes.',
    labelNames: ['code', 'handler', 'method'],
    registers,
  })
  const pushDuration = new RecentSummary({
    name: 'pushgateway_http_push_duration_seconds',
    help: 'HTTP request duration for pushes to the Pushgateway.',
    ...BY_METHOD,
  }).registerIn(registry)
  const pushSize = new RecentSummary({
    name: 'pushgateway_http_push_size_bytes',
    help: 'HTTP request size for pushes to the Pushgateway.',
    ...BY_METHOD,
  }).registerIn(registry)
  const rejections = new Counter({
    name: 'pushgateway_pushes_rejected_total',
    help: 'Pushes that could be read but broke a rule, by rule.',
    labelNames: ['rule'],
    registers,
  })
  const notRecorded = new Counter({
    name: 'pushgateway_failures_not_recorded_total',
    help: 'Rejected pushes whose failure time was not recorded, mostly because a new group would have the push times of another.',
    registers,
  })
  const duplicates = new Counter({
    name: 'pushgateway_duplicate_metrics_dropped_total',
    help: 'Metrics that unchecked pushes carried twice; the last one was stored.',
    registers,
  })
  const missingEof = new Counter({
    name: 'pushgateway_openmetrics_without_eof_total',
    help: 'OpenMetrics bodies that did not end in # EOF; they may have been cut off.',
    registers,
  })
  new Gauge({
    name: 'pushgateway_metrics_left_out',
    help: 'Stored metrics that the page leaves out, because unchecked pushes made them inconsistent.',
    registers,
    collect() {
      this.set(sources.leftOut())
    },
  })
  new Gauge({
    name: 'pushgateway_help_inconsistent_families',
    help: 'Metric families that were pushed with differing HELP; the page shows one of them.',
    registers,
    collect() {
      this.set(sources.helpDifferences())
    },
  })
  const storeMetrics = createStoreMetrics(registry, sources)

  return {
    ...storeMetrics.counters,
    claims: ownClaims(registry),
    countRequest(handler, method, code) {
      requests.inc({ code: String(code), handler, method: method.toLowerCase() })
    },
    observePush(method, seconds, bytes) {
      const label = method.toLowerCase()
      pushDuration.observe(label, seconds)
      pushSize.observe(label, bytes)
    },
    countRejection(rule) {
      rejections.inc({ rule })
    },
    countFailureNotRecorded() {
      notRecorded.inc()
    },
    countDroppedDuplicates(metrics) {
      if (metrics > 0) duplicates.inc(metrics)
    },
    countMissingEof() {
      missingEof.inc()
    },
    look: (waitMs) => sources.store(waitMs),
    async collect(store) {
      storeMetrics.refresh(store ?? (await sources.store(Infinity)))
      const families = await readFamilies(registry)
      return families.sort((a, b) => compareUtf8(a.name, b.name))
    },
    stop() {
      registry.clear()
    },
  }
}

/** The names of own families, and of the two that each group carries, as permanent claims. */
function ownClaims(registry: Registry): Map<string, string> {
  const claims = new Map<string, string>()
  const families = registry.getMetricsAsArray() as unknown as { name: string; type: MetricType }[]
  for (const { name, type } of families) {
    for (const [claim, meaning] of claimsOf(name, type)) claims.set(claim, meaning)
  }
  for (const name of [PUSH_TIME, PUSH_FAILURE_TIME]) claims.set(name, 'gauge')
  return claims
}
