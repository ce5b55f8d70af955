/** What pushes and idle scrapes cost the Redis behind a gateway. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis as Client } from 'ioredis'
import { closedLoop } from './closed-loop.ts'
import { shown, type Report } from './report.ts'
import { cpuMsOf, fill, pushTo, scrape, startSluice } from './server.ts'
import { freePort } from '../support/free-port.ts'

const GROUPS = 1000

export async function measureRedis(report: Report): Promise<void> {
  const redis = await startRedis()
  if (redis === undefined) return report.add('Redis', 'redis-server is not on the PATH')
  const server = await startSluice(`redis://127.0.0.1:${redis.port}/`)
  try {
    await fill(server, GROUPS, 200)
    let host = 0
    const request = (): string => pushTo(host++ % GROUPS)
    const load = { port: server.port, status: 200, request, connections: 64 }
    await closedLoop({ ...load, warmUpMs: 0, durationMs: 1000 })
    const before = { redis: cpuMsOf(redis), server: cpuMsOf(server), calls: await scriptsOf(redis) }
    const { requests, perSecond } = await closedLoop({ ...load, warmUpMs: 0, durationMs: 3000 })
    const calls = await scriptsOf(redis)
    const us = (ms: number): string => shown((ms * 1000) / requests, 'us')
    report.add(
      'Redis: CPU of its process a push, 64 connections',
      us(cpuMsOf(redis) - before.redis),
    )
    report.add(
      'Redis: time in scripts a push',
      shown((calls.us - before.calls.us) / requests, 'us'),
    )
    report.add('Redis: CPU of the gateway a push', us(cpuMsOf(server) - before.server))
    report.add('Redis: pushes a second', shown(perSecond))
    await scrape(server, {})
    const idle = await scriptsOf(redis)
    for (let i = 0; i < 100; i++) await scrape(server, {})
    const after = await scriptsOf(redis)
    report.add('Redis: commands an idle scrape', shown((after.calls - idle.calls) / 100))
  } finally {
    await server.stop()
    redis.stop()
  }
}

interface Redis {
  readonly port: number
  readonly pid: number
  stop(): void
}

/** A server that keeps nothing on disk; undefined where there is no such program. */
async function startRedis(): Promise<Redis | undefined> {
  const port = await freePort()
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', flags, { stdio: 'ignore' })
  let failed = false
  child.once('error', () => (failed = true))
  process.once('exit', () => child.kill('SIGKILL'))
  for (let attempt = 0; attempt < 200 && !failed; attempt++) {
    await sleep(20)
    const answer = await call(port, (client) => client.ping()).catch(() => undefined)
    if (answer === 'PONG') return { port, pid: child.pid!, stop: () => void child.kill() }
  }
  child.kill('SIGKILL')
  return undefined
}

/** Calls of scripts since the start, and the time they took. */
async function scriptsOf({ port }: Redis): Promise<{ calls: number; us: number }> {
  const info = await call(port, (client) => client.info('commandstats'))
  let calls = 0
  let us = 0
  for (const [, count, time] of info.matchAll(/cmdstat_evalsha?:calls=(\d+),usec=(\d+)/g)) {
    calls += Number(count)
    us += Number(time)
  }
  return { calls, us }
}

async function call<T>(port: number, make: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await make(client)
  } finally {
    client.disconnect()
  }
}
