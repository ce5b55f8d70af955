import { describe, expect, test } from '@jest/globals'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { renderFamily } from '../../../server/exposition/text/render.ts'
import { claimsOf } from '../../../server/groups/rules.ts'
import type { Metric, MetricFamily } from '../../../server/metrics/metric-family.ts'
import { readBuildInfo } from '../../../server/telemetry/build-info.ts'
import {
  createOwnMetrics,
  type OwnMetrics,
  type OwnMetricsSources,
} from '../../../server/telemetry/own-metrics.ts'
import { closeAfterTest } from '../../support/cleanup.ts'
import { waitFor } from '../../support/http.ts'
import { EMPTY_SOURCES } from '../../support/metric-sources.ts'

function createTestMetrics(sources: Partial<OwnMetricsSources> = {}): OwnMetrics {
  const ownMetrics = createOwnMetrics(readBuildInfo(), { ...EMPTY_SOURCES, ...sources })
  closeAfterTest(() => ownMetrics.stop())
  return ownMetrics
}

/** Metrics that have counted one of everything. */
function createUsedMetrics(): OwnMetrics {
  const ownMetrics = createTestMetrics()
  ownMetrics.countRequest('push', 'PUT', 200)
  ownMetrics.countRequest('push', 'POST', 400)
  ownMetrics.observePush('PUT', 0.25, 1000)
  ownMetrics.countRejection('duplicate')
  ownMetrics.countFailureNotRecorded()
  ownMetrics.countDroppedDuplicates(2)
  ownMetrics.observeStoreCall('apply', 'ok', 0.001)
  ownMetrics.observeStoreCall('changes', 'unavailable', 7)
  ownMetrics.countStoreConflict()
  ownMetrics.countStoreRetry()
  ownMetrics.countViewReset('epoch')
  return ownMetrics
}

async function familiesOf(ownMetrics: OwnMetrics): Promise<MetricFamily[]> {
  const text = (await ownMetrics.collect()).map(renderFamily).join('')
  return parseText(Buffer.from(text), { utf8Names: false, lenientNewlines: false })
}

/** The metric of a family that has these labels. */
async function metricOf(
  ownMetrics: OwnMetrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<Metric | undefined> {
  const family = (await familiesOf(ownMetrics)).find((candidate) => candidate.name === name)
  const wanted = JSON.stringify(Object.entries(labels).sort())
  const metrics: Metric[] = family?.metrics ?? []
  return metrics.find(
    (metric) =>
      JSON.stringify(metric.labels.map(({ name, value }) => [name, value]).sort()) === wanted,
  )
}

/** Makes garbage until its collection was measured. */
async function collectGarbage(ownMetrics: OwnMetrics): Promise<void> {
  await waitFor('a garbage collection to be measured', async () => {
    const kept: unknown[] = []
    for (let i = 0; i < 5; i++) kept.push(Array.from({ length: 50_000 }, (_, n) => ({ n })))
    const families = await ownMetrics.collect()
    return kept.length > 0 && families.some(({ name }) => name === 'nodejs_gc_duration_seconds')
      ? true
      : undefined
  })
}

describe.each([
  ['before anything happened', async () => createTestMetrics()],
  ['after one of everything', async () => createUsedMetrics()],
  [
    'after collecting garbage',
    async () => {
      const ownMetrics = createUsedMetrics()
      await collectGarbage(ownMetrics)
      return ownMetrics
    },
  ],
])('%s', (_, create) => {
  test('each family is a valid exposition of its own, with HELP, and with samples', async () => {
    const families = await (await create()).collect()
    expect(families.length).toBeGreaterThan(10)
    for (const family of families) {
      const { name, type } = family
      const text = renderFamily(family)
      const parsed = parseText(Buffer.from(text), { utf8Names: false, lenientNewlines: false })
      expect(parsed.map((family) => [family.name, family.type])).toEqual([[name, type]])
      expect(parsed[0]?.help).toMatch(/\S/)
      expect(text).not.toContain('{}')
    }
  })

  test('each family is shown once, in the order of names', async () => {
    const names = (await (await create()).collect()).map(({ name }) => Buffer.from(name))
    expect(names).toEqual([...names].sort((a, b) => Buffer.compare(a, b)))
    expect(new Set(names.map(String)).size).toBe(names.length)
  })

  test('every name on the page is claimed, so that no push can take it', async () => {
    const ownMetrics = await create()
    for (const { name, type } of await ownMetrics.collect()) {
      for (const [claim, meaning] of claimsOf(name, type)) {
        expect({ claim, meaning: ownMetrics.claims.get(claim) }).toEqual({ claim, meaning })
      }
    }
  })

  test('no series twice, no job or instance that would make it the series of a group', async () => {
    const seen = new Set<string>()
    for (const { name, metrics } of await familiesOf(await create())) {
      for (const { labels } of metrics as Metric[]) {
        const series = JSON.stringify([name, labels])
        expect(seen.has(series)).toBe(false)
        seen.add(series)
        const names = labels.map((label) => label.name)
        expect(names.filter((label) => label === 'job' || label === 'instance')).toEqual([])
        expect(names).toEqual([...names].sort())
      }
    }
  })

  test('histograms end in +Inf, and their counts do not fall', async () => {
    for (const family of await familiesOf(await create())) {
      if (family.type !== 'histogram') continue
      for (const { buckets, count } of family.metrics) {
        expect(buckets.at(-1)).toEqual({ upperBound: Infinity, cumulativeCount: count })
        const counts = buckets.map(({ cumulativeCount }) => cumulativeCount)
        expect(counts).toEqual([...counts].sort((a, b) => a - b))
      }
    }
  })
})

test('the times that each group has are claimed as gauges', () => {
  const { claims } = createTestMetrics()
  expect(claims.get('push_time_seconds')).toBe('gauge')
  expect(claims.get('push_failure_time_seconds')).toBe('gauge')
})

test('claims are the same before and after use, since what is refused must not depend on it', () => {
  expect([...createTestMetrics().claims]).toEqual([...createUsedMetrics().claims])
})

test('claims agree with each other', () => {
  const { claims } = createTestMetrics()
  for (const [name, type] of claims) {
    if (type !== 'histogram' && type !== 'summary') continue
    for (const [claim, meaning] of claimsOf(name, type)) expect(claims.get(claim)).toBe(meaning)
  }
})

test('requests are counted by handler, method and status', async () => {
  const ownMetrics = createTestMetrics()
  for (let i = 0; i < 3; i++) ownMetrics.countRequest('push', 'PUT', 200)
  ownMetrics.countRequest('delete', 'DELETE', 202)
  const name = 'pushgateway_http_requests_total'
  expect(
    await metricOf(ownMetrics, name, { handler: 'push', method: 'put', code: '200' }),
  ).toMatchObject({ value: 3 })
  expect(
    await metricOf(ownMetrics, name, { handler: 'delete', method: 'delete', code: '202' }),
  ).toMatchObject({ value: 1 })
  expect(
    await metricOf(ownMetrics, name, { handler: 'push', method: 'put', code: '400' }),
  ).toBeUndefined()
})

test('pushes are summed up by method: how long, how large', async () => {
  const ownMetrics = createTestMetrics()
  for (const seconds of [1, 2, 3]) ownMetrics.observePush('PUT', seconds, 100 * seconds)
  ownMetrics.observePush('POST', 0.5, 7)
  const name = 'pushgateway_http_push_duration_seconds'
  const quantiles = [0.1, 0.5, 0.9].map(
    (quantile) => expect.objectContaining({ quantile }) as object,
  )
  expect(await metricOf(ownMetrics, name, { method: 'put' })).toMatchObject({
    sum: 6,
    count: 3,
    quantiles,
  })
  expect(await metricOf(ownMetrics, name, { method: 'post' })).toMatchObject({ sum: 0.5, count: 1 })
  const size = await metricOf(ownMetrics, 'pushgateway_http_push_size_bytes', { method: 'put' })
  expect(size).toMatchObject({ sum: 600, count: 3 })
})

test('rejections are counted by rule, lost failure times and dropped duplicates in all', async () => {
  const ownMetrics = createTestMetrics()
  ownMetrics.countRejection('type')
  ownMetrics.countRejection('type')
  ownMetrics.countRejection('duplicate')
  ownMetrics.countFailureNotRecorded()
  ownMetrics.countDroppedDuplicates(5)
  ownMetrics.countDroppedDuplicates(0)
  const valueOf = async (name: string, labels?: Record<string, string>): Promise<unknown> => {
    const metric = await metricOf(ownMetrics, name, labels)
    return metric !== undefined && 'value' in metric ? metric.value : undefined
  }
  expect(await valueOf('pushgateway_pushes_rejected_total', { rule: 'type' })).toBe(2)
  expect(await valueOf('pushgateway_pushes_rejected_total', { rule: 'duplicate' })).toBe(1)
  expect(await valueOf('pushgateway_failures_not_recorded_total')).toBe(1)
  expect(await valueOf('pushgateway_duplicate_metrics_dropped_total')).toBe(5)
})

test('what is read from the page is read when the metrics are', async () => {
  const page = { leftOut: 0, helpDifferences: 0 }
  const ownMetrics = createTestMetrics({
    leftOut: () => page.leftOut,
    helpDifferences: () => page.helpDifferences,
  })
  expect(await metricOf(ownMetrics, 'pushgateway_metrics_left_out')).toMatchObject({ value: 0 })
  page.leftOut = 3
  page.helpDifferences = 4
  expect(await metricOf(ownMetrics, 'pushgateway_metrics_left_out')).toMatchObject({ value: 3 })
  expect(await metricOf(ownMetrics, 'pushgateway_help_inconsistent_families')).toMatchObject({
    value: 4,
  })
})

test('the build is one constant metric', async () => {
  const { version, revision, branch, goVersion } = readBuildInfo()
  expect(
    await metricOf(createTestMetrics(), 'pushgateway_build_info', {
      version,
      revision,
      branch,
      goversion: goVersion,
    }),
  ).toMatchObject({ value: 1 })
})

test('gateways in one process count for themselves', async () => {
  const [a, b] = [createTestMetrics(), createTestMetrics()]
  a.countFailureNotRecorded()
  expect(await metricOf(a, 'pushgateway_failures_not_recorded_total')).toMatchObject({ value: 1 })
  expect(await metricOf(b, 'pushgateway_failures_not_recorded_total')).toMatchObject({ value: 0 })
})

test('after the end there are no own metrics', async () => {
  const ownMetrics = createTestMetrics()
  ownMetrics.stop()
  expect(await ownMetrics.collect()).toEqual([])
})

describe('of the store', () => {
  const reading = { up: false, revision: 7, roundTripSeconds: 0.25 }

  test.each([
    ['pushgateway_store_up', 0],
    ['pushgateway_store_revision', 7],
    ['pushgateway_store_round_trip_seconds', 0.25],
    ['pushgateway_view_revision', 5],
    ['pushgateway_view_age_seconds', 1.5],
    ['pushgateway_groups', 2],
    ['pushgateway_series', 30],
    ['pushgateway_stored_bytes', 400],
  ])('%s is read when the metrics are', async (name, value) => {
    const ownMetrics = createTestMetrics({
      store: async () => reading,
      view: () => ({ revision: 5, ageSeconds: 1.5, groups: 2, samples: 30, bytes: 400 }),
    })
    expect(await metricOf(ownMetrics, name)).toMatchObject({ value })
  })

  test('that has never answered, neither revision nor round trip are known', async () => {
    const ownMetrics = createTestMetrics({
      store: async () => ({ up: false, revision: undefined, roundTripSeconds: undefined }),
    })
    for (const name of ['pushgateway_store_revision', 'pushgateway_store_round_trip_seconds']) {
      expect(await metricOf(ownMetrics, name)).toMatchObject({ value: NaN })
    }
  })

  test('calls are timed by operation and result', async () => {
    const ownMetrics = createTestMetrics()
    for (const seconds of [0.25, 0.5]) ownMetrics.observeStoreCall('apply', 'ok', seconds)
    ownMetrics.observeStoreCall('apply', 'unavailable', 5)
    const name = 'pushgateway_store_call_duration_seconds'
    const metric = (result: string) => metricOf(ownMetrics, name, { operation: 'apply', result })
    expect(await metric('ok')).toMatchObject({ count: 2, sum: 0.75 })
    expect(await metric('unavailable')).toMatchObject({ count: 1, sum: 5 })
    expect(await metric('full')).toBeUndefined()
  })

  test('conflicts, retries and resets are counted', async () => {
    const ownMetrics = createTestMetrics()
    ownMetrics.countStoreConflict()
    ownMetrics.countStoreRetry()
    ownMetrics.countStoreRetry()
    ownMetrics.countViewReset('epoch')
    expect(await metricOf(ownMetrics, 'pushgateway_store_conflicts_total')).toMatchObject({
      value: 1,
    })
    expect(await metricOf(ownMetrics, 'pushgateway_store_retries_total')).toMatchObject({
      value: 2,
    })
    expect(
      await metricOf(ownMetrics, 'pushgateway_view_resets_total', { reason: 'epoch' }),
    ).toMatchObject({ value: 1 })
  })
})
