/** What a real Prometheus makes of the page in each of its formats, with the options that make it ask for them. */
import { expect, test } from '@jest/globals'
import path from 'node:path'
import { temporaryFolder } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { startGateway } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { ask, query, startPrometheus, waitForValue } from '../support/prometheus.ts'
import { everyType, NOW } from './every-type.ts'

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
    expect((await send('PUT', gateway.url, '/metrics/job/j', everyType())).status).toBe(200)
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
