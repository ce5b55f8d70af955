/** What a real Prometheus makes of the page in each of its formats, with the options that make it ask for them. */
import { expect, test } from '@jest/globals'
import path from 'node:path'
import { encodeFamily, encodeLength } from '../../server/exposition/protobuf/encode.ts'
import type { MetricFamily } from '../../server/metrics/metric-family.ts'
import { temporaryFolder } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { startGateway } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { ask, query, startPrometheus, waitForValue } from '../support/prometheus.ts'

const NOW = { seconds: Math.floor(Date.now() / 1000), nanos: 0 }
const EXEMPLAR = { labels: [{ name: 'trace_id', value: 'abc' }], value: 1, timestamp: NOW }

const FAMILIES: readonly MetricFamily[] = [
  {
    name: 'runs_total',
    type: 'counter',
    help: 'Runs.',
    metrics: [{ labels: [], value: 3, exemplar: EXEMPLAR, created: NOW }],
  },
  {
    name: 'plain_counter',
    type: 'counter',
    help: 'A counter without _total.',
    metrics: [{ labels: [], value: 4 }],
  },
  // Its bound is not whole: of what it reads as protobuf, Prometheus 2 itself makes `le="1.0"` of 1.
  {
    name: 'classic',
    type: 'histogram',
    help: 'Classic.',
    metrics: [{ labels: [], buckets: [{ upperBound: 1.5, cumulativeCount: 1 }], sum: 3, count: 2 }],
  },
  {
    name: 'native',
    type: 'histogram',
    help: 'Native.',
    metrics: [
      {
        labels: [],
        buckets: [],
        sum: 6,
        count: 4,
        native: {
          schema: 0,
          zeroThreshold: 0.001,
          zeroCount: 1,
          negative: { spans: [], counts: [] },
          positive: { spans: [{ offset: 0, length: 2 }], counts: [1, 2] },
          exemplars: [],
        },
      },
    ],
  },
  {
    name: 'sizes',
    type: 'summary',
    help: 'Sizes.',
    metrics: [{ labels: [], quantiles: [{ quantile: 0.5, value: 7 }], sum: 8, count: 9 }],
  },
]

const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

async function pushTo(url: string): Promise<void> {
  const messages = FAMILIES.map(encodeFamily)
  const body = Buffer.concat(messages.flatMap((message) => [encodeLength(message.length), message]))
  const headers = { 'Content-Type': PROTOBUF }
  expect((await send('PUT', url, '/metrics/job/j', { headers, body })).status).toBe(200)
}

/** Name, labels and value of every series of the group, sorted. */
async function seriesOf(prometheus: string): Promise<string[]> {
  const results = await query(prometheus, '{job="j"}')
  return results
    .map(
      ({ metric, value }) => `${JSON.stringify(metric, Object.keys(metric).sort())} ${value?.[1]}`,
    )
    .filter((line) => !/"(up|scrape_\w+|push_\w+)"/.test(line))
    .sort()
}

async function typesOf(prometheus: string): Promise<Record<string, string>> {
  const metadata = (await ask(prometheus, '/api/v1/metadata')) as Record<string, { type: string }[]>
  return Object.fromEntries(Object.entries(metadata).map(([name, [first]]) => [name, first!.type]))
}

describeWith('prometheus', 'a real Prometheus', () => {
  test('finds the same series in text, OpenMetrics and protobuf, and in each what that has besides', async () => {
    const storage = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const gateway = await startGateway([storage])
    const preferring = await startGateway([storage, '--web.prefer-openmetrics'])
    await pushTo(gateway.url)
    const [text, openMetrics, protobuf] = await Promise.all([
      startPrometheus(new URL(gateway.url).host),
      startPrometheus(new URL(preferring.url).host, { features: ['exemplar-storage'] }),
      startPrometheus(new URL(gateway.url).host, { features: ['native-histograms'] }),
    ])
    for (const prometheus of [text, openMetrics, protobuf]) {
      await waitForValue(prometheus, 'up', '1')
      await waitForValue(prometheus, 'runs_total{job="j"}', '3')
    }

    const series = await seriesOf(text)
    expect(series).toContain('{"__name__":"native_count","job":"j"} 4')
    expect(series).toContain('{"__name__":"plain_counter","job":"j"} 4')
    const created = `{"__name__":"runs_created","job":"j"} ${NOW.seconds}`
    expect(await seriesOf(openMetrics)).toEqual([...series, created].sort())
    const sparse = /"native(_count|_sum|_bucket)?"/
    expect((await seriesOf(protobuf)).filter((line) => !sparse.test(line))).toEqual(
      series.filter((line) => !sparse.test(line)),
    )

    // Which format it was: OpenMetrics calls the counter `runs`, protobuf alone has native histograms.
    expect(await typesOf(text)).toMatchObject({ runs_total: 'counter', plain_counter: 'counter' })
    expect(await typesOf(openMetrics)).toMatchObject({ runs: 'counter', plain_counter: 'unknown' })
    await waitForValue(protobuf, 'histogram_count(native)', '4')
    await waitForValue(protobuf, 'histogram_sum(native)', '6')
    await waitForValue(protobuf, 'histogram_quantile(1, native)', '2')

    const exemplars = await ask(
      openMetrics,
      `/api/v1/query_exemplars?query=runs_total&start=${NOW.seconds - 60}&end=${NOW.seconds + 60}`,
    )
    expect(exemplars).toMatchObject([{ exemplars: [{ labels: { trace_id: 'abc' }, value: '1' }] }])
  })
})
