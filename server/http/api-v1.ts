/** /api/v1/: status and metrics as JSON, and the admin call that wipes the store. */
import { setImmediate } from 'node:timers/promises'
import type { Request, Response } from 'express'
import { FLAG_NAMES, type FlagValues } from '../config/flags.ts'
import { showFlagValue } from '../config/parse-flags.ts'
import type { Gateway } from '../gateway.ts'
import type { Label, Metric, MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { boundedBuckets, type BoundedBucket } from '../metrics/native-buckets.ts'
import { formatCount, formatFloat64 } from '../metrics/numbers.ts'
import type { BuildInfo } from '../telemetry/build-info.ts'
import type { ShownGroup } from '../view/shown-group.ts'
import { nextDrain, sendStatus } from './answers.ts'
import { isGone } from './http-versions.ts'

/** So many groups are described before others get a turn. */
const GROUPS_AT_A_TIME = 64

export interface ApiOptions {
  readonly gateway: Gateway
  readonly flags: FlagValues
  readonly build: BuildInfo
  readonly startedAt: Date
}

/** As the original sets them on everything under /api/v1. */
export function setApiHeaders(response: Response): void {
  response.setHeader('Access-Control-Allow-Headers', 'Accept, Authorization, Content-Type, Origin')
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE, OPTIONS')
  response.setHeader('Access-Control-Allow-Origin', '*')
  response.setHeader('Access-Control-Expose-Headers', 'Date')
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate')
}

export function handleStatus(
  { flags, build, startedAt }: ApiOptions,
  _request: Request,
  response: Response,
): void {
  sendData(response, {
    build_information: {
      branch: build.branch,
      buildDate: build.buildDate,
      buildUser: build.buildUser,
      goVersion: build.goVersion,
      revision: build.revision,
      version: build.version,
    },
    flags: Object.fromEntries(FLAG_NAMES.map((name) => [name, showFlagValue(name, flags)])),
    start_time: startedAt.toISOString(),
  })
}

/** All groups with all samples; it is written group by group, as it may be large. */
export async function handleMetrics(
  { gateway }: ApiOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const groups = await gateway.groups()
  response.setHeader('Content-Type', 'application/json')
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  response.write('{"status":"success","data":[')
  for (const [i, group] of groups.entries()) {
    if (isGone(response)) return
    const more = response.write(`${i === 0 ? '' : ','}${JSON.stringify(describeGroup(group))}`)
    if (!more) await nextDrain(response)
    else if (i % GROUPS_AT_A_TIME === 0) await setImmediate()
  }
  response.end(']}')
}

export async function handleWipe(
  { gateway }: ApiOptions,
  _request: Request,
  response: Response,
): Promise<void> {
  await gateway.wipe()
  sendStatus(response, 202)
}

function sendData(response: Response, data: unknown): void {
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ status: 'success', data }))
}

const TYPE_NAMES: Readonly<Record<MetricType, string>> = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  untyped: 'UNTYPED',
  summary: 'SUMMARY',
  histogram: 'HISTOGRAM',
  gaugehistogram: 'GAUGE_HISTOGRAM',
}

/** A group in the original's form: families beside `labels` and `last_push_successful`. */
function describeGroup(shown: ShownGroup): Record<string, unknown> {
  // Without a prototype, so that a family may have any name.
  const group = Object.create(null) as Record<string, unknown>
  for (const name of shown.names) {
    const family = shown.family(name)
    group[name] = {
      time_stamp: formatTimestamp(shown.pushedAt(name)),
      type: TYPE_NAMES[family.type],
      ...(family.help === undefined ? {} : { help: family.help }),
      metrics: describeMetrics(family),
    }
  }
  // A family of one of these names gives way, as in the original.
  group.labels = labelObject(shown.grouping.labels)
  group.last_push_successful = shown.slot.failureTimeUs <= shown.slot.pushTimeUs
  return group
}

function describeMetrics(family: MetricFamily): unknown[] {
  return (family.metrics as readonly Metric[]).map((metric) => {
    const labels = labelObject(metric.labels)
    if ('value' in metric) return { labels, value: formatFloat64(metric.value) }
    const showCount =
      'buckets' in metric && metric.hasFloatCounts === true ? formatFloat64 : formatCount
    const totals = { count: showCount(metric.count), sum: formatFloat64(metric.sum) }
    if ('quantiles' in metric) {
      const quantiles = metric.quantiles.map(({ quantile, value }) => [
        formatFloat64(quantile),
        formatFloat64(value),
      ])
      return { labels, quantiles: Object.fromEntries(quantiles) as unknown, ...totals }
    }
    const { native } = metric
    if (native !== undefined && native.positive.spans.length + native.negative.spans.length > 0) {
      const buckets = boundedBuckets(native).map((bucket) => describeBucket(bucket, showCount))
      return { labels, buckets, ...totals }
    }
    const buckets = metric.buckets.map(({ upperBound, cumulativeCount }) => [
      formatFloat64(upperBound),
      showCount(cumulativeCount),
    ])
    return { labels, buckets: Object.fromEntries(buckets) as unknown, ...totals }
  })
}

/** As the original codes it: 0 = (lower, upper], 1 = [lower, upper), 2 = open, 3 = closed. */
function describeBucket(bucket: BoundedBucket, showCount: (count: number) => string): unknown[] {
  const { lower, upper, lowerInclusive, upperInclusive, count } = bucket
  const boundaries = lowerInclusive ? (upperInclusive ? 3 : 1) : upperInclusive ? 0 : 2
  return [boundaries, formatFloat64(lower), formatFloat64(upper), showCount(count)]
}

function labelObject(labels: readonly Label[]): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

/** RFC 3339 with microseconds. */
function formatTimestamp(timeUs: number): string {
  const milliseconds = new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, -1)
  return `${milliseconds}${String(timeUs % 1000).padStart(3, '0')}Z`
}
