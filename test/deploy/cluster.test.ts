import { expect, test } from '@jest/globals'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { callRedis } from '../../deploy/cluster/ask.ts'
import { startCluster, type Cluster, type ClusterOptions } from '../../deploy/cluster/cluster.ts'
import { findPorts } from '../../deploy/cluster/ports.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { freePort } from '../support/free-port.ts'
import { send, waitFor } from '../support/http.ts'
import { runToEnd, startProcess, type RunningProcess } from '../support/processes.ts'
import { describeWith } from '../support/programs.ts'

const ROOT = path.join(import.meta.dirname, '../..')
/** What `npm run cluster` runs. */
const COMMAND = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { cluster: string }
  }
).scripts.cluster
const NAMES = ['redis', 'sentinel', 'sluice'].flatMap((kind) =>
  [1, 2, 3].map((n) => `${kind}-${n}`),
)

/** Starts a cluster that does not outlive the test, not even when it starts too slowly for it. */
function start(options?: ClusterOptions): Promise<Cluster> {
  const starting = startCluster(options)
  closeAfterTest(async () => (await starting.catch(() => undefined))?.stop())
  return starting
}

function runCluster(args: readonly string[], env: Record<string, string> = {}): RunningProcess {
  const [command, ...rest] = COMMAND.split(' ')
  expect(command).toBe('node')
  const running = startProcess(process.execPath, [...rest, ...args], { cwd: ROOT, env })
  // Its members are its own to stop, whatever becomes of the test.
  closeAfterTest(async () => {
    running.kill('SIGTERM')
    await running.ended
  })
  return running
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const SMALL = {
  replicas: 1,
  redis: { servers: 1, sentinels: 0 },
  storageUrlOptions: '?prefix=other',
} as const

describeWith(['redis-server', 'haproxy', 'prometheus'], 'the cluster', () => {
  test('a push through HAProxy is on the page of every gateway, and stays when the primary dies', async () => {
    const cluster = await start()
    const push = (value: number) =>
      send('PUT', cluster.url, '/metrics/job/batch/instance/a', { body: `m ${value}\n` })
    const line = (value: number): string => `m{instance="a",job="batch"} ${value}\n`

    expect((await push(1)).status).toBe(200)
    for (const { url } of cluster.gateways) {
      expect((await send('GET', url, '/metrics')).text).toContain(line(1))
    }

    const first = await cluster.primary()
    await cluster.redis[first]!.kill()
    const second = await waitFor('another primary', async () => {
      const now = await cluster.primary()
      return now === first ? undefined : now
    })
    await waitFor('pushes to be taken again', async () =>
      (await push(2)).status === 200 ? true : undefined,
    )
    for (const { url } of cluster.gateways) {
      expect((await send('GET', url, '/metrics')).text).toContain(line(2))
    }

    // Who follows whom is not forgotten when a server starts again.
    const third = cluster.redis.find((_, index) => index !== first && index !== second)!
    const follows = async (): Promise<true | undefined> => {
      const role = await callRedis(third.port, cluster.password, 'ROLE')
      return (Array.isArray(role) && role[2] === cluster.redis[second]!.port) || undefined
    }
    await waitFor('the third server to follow the new primary', follows)
    await third.kill()
    await third.start()
    expect(await follows()).toBe(true)
  }, 60_000)

  test('Prometheus scrapes HAProxy and the gateways of the cluster', async () => {
    const { prometheus, ...cluster } = await start({ ...SMALL, prometheus: true })
    const scraped = await waitFor('Prometheus to know its targets', async () => {
      const { text } = await send('GET', prometheus!.url, '/api/v1/targets')
      const urls = [...text.matchAll(/"scrapeUrl":"([^"]*)"/g)].map(([, url]) => url!)
      return urls.length === 0 ? undefined : urls
    })
    expect(scraped.sort()).toEqual(
      [`${cluster.url}/metrics`, `${cluster.gateways[0]!.url}/-/metrics`].sort(),
    )
  })

  test('one server without Sentinels is a store too, with other settings', async () => {
    const cluster = await start({
      ...SMALL,
      redis: { ...SMALL.redis, settings: { appendfsync: 'everysec' } },
    })
    const { port } = cluster.redis[0]!
    expect(await cluster.primary()).toBe(0)
    expect((await send('PUT', cluster.url, '/metrics/job/x', { body: 'm 1\n' })).status).toBe(200)
    const setting = await callRedis(port, cluster.password, 'CONFIG', 'GET', 'appendfsync')
    expect(setting).toEqual(['appendfsync', 'everysec'])
    const { pid } = cluster.gateways[0]!
    await cluster.gateways[0]!.kill()
    await cluster.gateways[0]!.start()
    expect(cluster.gateways[0]!.pid).not.toBe(pid)
    expect((await send('GET', cluster.gateways[0]!.url, '/metrics')).text).toContain('m{')
  })
})

describeWith('redis-server', 'deploy/redis/start.sh', () => {
  const script = path.join(ROOT, 'deploy/redis/start.sh')

  test('takes any password, and keeps it in a file that is its own', async () => {
    const port = await freePort()
    const data = temporaryFolder()
    const password = 'a"b\\c d#$e\\n\'f'
    const env = {
      REDIS_PASSWORD: password,
      REDIS_DATA: data,
      REDIS_PORT: String(port),
      REDIS_BIND: '127.0.0.1',
    }
    startProcess('/bin/sh', [script, 'redis'], { env })
    await waitFor('Redis to take the password', async () => {
      const reply = await callRedis(port, password, 'PING').catch(() => undefined)
      return reply === 'PONG' || undefined
    })
    expect(statSync(path.join(data, 'redis.conf')).mode & 0o777).toBe(0o600)
  })

  test('starts nothing without a password', async () => {
    const env = {
      REDIS_DATA: temporaryFolder(),
      REDIS_PORT: String(await freePort()),
      REDIS_BIND: '127.0.0.1',
    }
    const { status, stderr } = await runToEnd('/bin/sh', [script, 'redis'], { env })
    expect(status).not.toBe(0)
    expect(stderr).toContain('REDIS_PASSWORD')
  })
})

describeWith(['redis-server', 'haproxy', 'prometheus'], 'npm run cluster', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says where everything is, and %s leaves nothing behind',
    async (signal) => {
      const running = runCluster([])
      await waitFor(
        'the cluster to be there',
        () => {
          if (running.stderr() !== '') throw new Error(running.stderr())
          return running.stdout().includes('Ctrl-C stops it all.') || undefined
        },
        30_000,
      )
      const members = [...running.stdout().matchAll(/^(\S+) +127\.0\.0\.1:\d+ +pid (\d+)$/gm)]
      expect(members.map(([, name]) => name)).toEqual([...NAMES, 'haproxy', 'prometheus'])
      const folder = /^data and logs +(\S+)$/m.exec(running.stdout())![1]!
      const url = /^push and scrape +(\S+)$/m.exec(running.stdout())![1]!
      expect((await send('PUT', url, '/metrics/job/x', { body: 'm 1\n' })).status).toBe(200)

      running.kill(signal)
      expect(await running.ended).toBe(0)
      expect(members.filter(([, , pid]) => isAlive(Number(pid)))).toEqual([])
      expect(existsSync(folder)).toBe(false)
      expect(running.stderr()).toBe('')
    },
    90_000,
  )

  test('a part that dies at its start ends it, with what that part said', async () => {
    const folder = temporaryFolder()
    const program = path.join(folder, 'redis-server')
    writeFileSync(program, '#!/bin/sh\necho "no room on the disk"\nexit 3\n')
    chmodSync(program, 0o755)
    const running = runCluster(['--no-prometheus'], {
      PATH: `${folder}:${process.env.PATH ?? ''}`,
      TMPDIR: folder,
    })
    expect(await running.ended).toBe(1)
    expect(running.stderr()).toMatch(/^redis-\d ended: exit status 3\nno room on the disk\n$/)
    expect(readdirSync(folder).filter((name) => name.startsWith('sluice'))).toEqual([])
  })

  test('ports that somebody else has are not taken', async () => {
    const [port] = await findPorts(1)
    const server = net.createServer().listen(port, '127.0.0.1')
    closeAfterTest(() => void server.close())
    const running = runCluster([`--port=${port! - 3}`])
    expect(await running.ended).toBe(1)
    expect(running.stderr()).toContain(`a port from ${port! - 3} to ${port! + 8} is in use`)
  })
})
