/** All replicas are replaced one after the other, as by an upgrade, and nobody notices. */
import { expect, test } from '@jest/globals'
import { generator } from '../storage/random.ts'
import { describeWith } from '../support/programs.ts'
import { FAULTS } from './chaos/faults.ts'
import { openCluster } from './chaos/settings.ts'
import { check } from './checker/check.ts'
import { Recorder } from './load/recorder.ts'
import { startSteadyLoad } from './load/steady.ts'

const PUSHES_PER_SECOND = 200

describeWith(['haproxy', 'redis-server'], 'a rolling restart', () => {
  test('of all replicas under 200 pushes a second costs no push and no scrape', async () => {
    const cluster = await openCluster({
      redis: { servers: 1, sentinels: 0 },
      storageUrlOptions: '',
      gatewayFlags: ['--web.own-metrics=separate'],
    })
    const pids = cluster.gateways.map(({ pid }) => pid)
    const recorder = new Recorder(5000)
    const load = startSteadyLoad({
      target: cluster.haproxy,
      recorder,
      pushesPerSecond: PUSHES_PER_SECOND,
      scrapesPerSecond: 5,
    })
    const startedAt = recorder.now()
    await FAULTS['rolling restart']({
      cluster,
      proxies: [],
      storageUrl: cluster.storageUrl,
      random: generator(1),
      recorder,
    })
    const seconds = (recorder.now() - startedAt) / 1000
    const failures = await load.stop()
    const { violations, counts } = check(recorder.history(), {
      guarantee: 'lossless',
      // A slow machine may take longer for it, but not do less.
      minimums: { acknowledged: 5 * PUSHES_PER_SECOND, scrapes: 20, changedGroups: 100 },
      targets: [],
    })
    const rate = (counts.acknowledged / seconds).toFixed(0)
    process.stderr.write(
      `rolling restart: ${counts.acknowledged} pushes in ${seconds.toFixed(1)} s (${rate}/s), ` +
        `${counts.scrapes} scrapes, ${failures.length} failed\n`,
    )
    expect({ failures, violations }).toEqual({ failures: [], violations: [] })
    for (const [i, { pid }] of cluster.gateways.entries()) expect(pid).not.toBe(pids[i])
  }, 120_000)
})
