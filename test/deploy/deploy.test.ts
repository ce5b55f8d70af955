import { describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { parseRedisUrl } from '../../storage/redis/redis-url.ts'
import { startTestApp } from '../support/app.ts'
import { temporaryFolder } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { describeWith, needProgram } from '../support/programs.ts'

const DEPLOY = path.join(import.meta.dirname, '../../deploy')

function read(file: string): string {
  return readFileSync(path.join(DEPLOY, file), 'utf8')
}

interface Target {
  readonly expr: string
}

/** The expressions of all panels. */
const DASHBOARD = (
  JSON.parse(read('grafana/dashboards/sluice.json')) as { panels: { targets: Target[] }[] }
).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** The expressions of all alerts. */
const ALERTS = ['alerts.yml', 'cluster-alerts.yml'].flatMap((name) =>
  (parse(read(`prometheus/${name}`)) as { groups: { rules: Target[] }[] }).groups.flatMap(
    ({ rules }) => rules.map(({ expr }) => expr),
  ),
)

describeWith('promtool', 'deploy/prometheus', () => {
  test.each([
    ['prometheus.yml', 1],
    ['cluster.yml', 2],
  ])('promtool takes %s and its alerts', (name, ruleFiles) => {
    const config = path.join(DEPLOY, 'prometheus', name)
    const output = execFileSync(needProgram('promtool'), ['check', 'config', config], {
      encoding: 'utf8',
    })
    expect(output).toContain(`SUCCESS: ${ruleFiles} rule files found`)
    expect(output).toMatch(/SUCCESS: \d+ rules found/)
  })

  test('promtool takes what the dashboard asks', () => {
    const file = path.join(temporaryFolder(), 'rules.yml')
    const rules = DASHBOARD.map((expr, i) => ({
      record: `panel:${i}`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    }))
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    const output = execFileSync(needProgram('promtool'), ['check', 'rules', file]).toString()
    expect(output).toContain(`SUCCESS: ${DASHBOARD.length} rules found`)
  })
})

test('dashboard and alerts ask only for metrics that a gateway has', async () => {
  const { url } = await startTestApp('--web.own-metrics=separate')
  await send('PUT', url, '/metrics/job/x', { body: 'm 1\n' })
  await send('PUT', url, '/metrics/job/y', { body: '# TYPE m counter\nm 1\n' })
  const pages = await Promise.all(
    ['/metrics', '/-/metrics'].map(async (page) => (await send('GET', url, page)).text),
  )
  const known = new Set(
    [...pages.join('').matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
  const asked = [...DASHBOARD, ...ALERTS].flatMap(
    (expr) => expr.match(/\b(pushgateway|process|nodejs|push)_\w+(?=[\s{)[]|$)/g) ?? [],
  )
  expect(asked.length).toBeGreaterThan(20)
  // The label value is no metric.
  expect(asked.filter((name) => !known.has(name) && name !== 'push_gateway')).toEqual([])
})

describe('deploy/redis', () => {
  const setting = (file: string, name: string): string | undefined =>
    new RegExp(`^${name} (.*)$`, 'm').exec(read(`redis/${file}`))?.[1]

  test('nothing that was answered is evicted or left in memory only', () => {
    expect(setting('redis.conf', 'appendonly')).toBe('yes')
    expect(setting('redis.conf', 'appendfsync')).toBe('always')
    expect(setting('redis.conf', 'maxmemory-policy')).toBe('noeviction')
  })

  test('a primary that is cut off refuses writes before another one is named', () => {
    const downAfter = Number(setting('sentinel.conf', 'sentinel down-after-milliseconds mymaster'))
    expect(downAfter).toBeGreaterThanOrEqual(4000)
    expect(setting('redis.conf', 'min-replicas-to-write')).toBe('1')
    expect(Number(setting('redis.conf', 'min-replicas-max-lag')) * 1000).toBeLessThan(downAfter)
  })
})

describeWith('systemd-analyze', 'deploy/systemd', () => {
  /** The units with a program that is there, whatever this host has. */
  function units(): string[] {
    const folder = temporaryFolder()
    const service = read('systemd/sluice.service')
    expect(service).toContain('User=sluice')
    const files = ['sluice.service', 'sluice.socket'].map((name) => path.join(folder, name))
    writeFileSync(files[0]!, service.replace('/usr/bin/node', process.execPath))
    writeFileSync(files[1]!, read('systemd/sluice.socket'))
    return files
  }

  test('systemd takes the service and the socket that belongs to it', () => {
    const args = ['verify', '--man=no', ...units()]
    expect(execFileSync(needProgram('systemd-analyze'), args).toString()).toBe('')
  })

  test('systemd finds little that the service could do beside its work', () => {
    const args = ['security', '--offline=true', '--threshold=15', '--no-pager', units()[0]!]
    const output = execFileSync(needProgram('systemd-analyze'), args).toString()
    expect(output).toMatch(/Overall exposure level for sluice\.service: 1\.\d OK/)
  })
})

describe('the environment file of the service', () => {
  const text = read('systemd/sluice.default')

  /** As systemd reads it. */
  function settings(lines: string): ReturnType<typeof settingsFrom> {
    const variables = Object.fromEntries(
      [...lines.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, name, value]) => [name!, value!]),
    )
    const { ARGS = '', ...environment } = variables
    const { warnings, ...others } = settingsFrom(parseFlags(ARGS.split(' '), environment))
    expect(warnings).toEqual([])
    return { warnings, ...others }
  }

  test('is understood', () => {
    expect(settings(text).storageUrl).toBe('sqlite:/var/lib/sluice/sluice.db')
  })

  test('what it says of Redis is understood too', () => {
    const other = settings(text.replace(/^ARGS=.*$/m, '').replace(/^#(?=[A-Z_]+=)/gm, ''))
    expect(parseRedisUrl(other.storageUrl)).toMatchObject({ place: { kind: 'sentinel' }, wait: 1 })
    expect(other.flags['web.shutdown-delay']).toBe(5000)
    expect(text).toMatch(/^#SLUICE_STORAGE_PASSWORD=$/m)
  })

  test('is installed for root alone', () => {
    expect(read('systemd/README.md')).toContain('install -m 600 deploy/systemd/sluice.default')
  })
})
