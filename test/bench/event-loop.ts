/** How long the event loop stands still while a large gateway takes pushes and is scraped. */
import path from 'node:path'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { closedLoop } from './closed-loop.ts'
import { shown, type Report } from './report.ts'
import { fill, pushTo, scrape, startSluice, withFolder, type Server } from './server.ts'

const PUSHES_A_SECOND = 200
const SECONDS = 20
/** So often the delay is sampled; it is part of what is measured. */
const RESOLUTION_MS = 10

export async function measureEventLoop(report: Report, groups: number): Promise<void> {
  await withFolder(async (folder) => {
    const server = await startSluice(`sqlite:${path.join(folder, 'groups.db')}`)
    try {
      await fill(server, groups, 200)
      // The first page of all is another matter.
      await scrape(server, { 'accept-encoding': 'gzip' })
      await longestStall(server)
      const stalls: number[] = []
      const pushing = pushSteadily(server, groups)
      const scrapes: number[] = []
      for (let second = 0; second < SECONDS; second++) {
        const startedAt = performance.now()
        scrapes.push((await scrape(server, { 'accept-encoding': 'gzip' })).ms)
        await sleep(Math.max(0, 1000 - (performance.now() - startedAt)))
        stalls.push(await longestStall(server))
      }
      const { p50Ms, p99Ms } = await pushing
      const name = `${groups} groups, ${PUSHES_A_SECOND} pushes/s and a gzip scrape a second`
      report.add(`${name}: longest stall`, shown(Math.max(...stalls), 'ms'))
      report.add(`${name}: push p50, p99`, shown(p50Ms, 'ms'), shown(p99Ms, 'ms'))
      report.add(`${name}: slowest scrape`, shown(Math.max(...scrapes), 'ms'))
    } finally {
      await server.stop(true)
    }
  })
}

/** Each push at its time, whatever became of the one before; latencies count from then. */
async function pushSteadily({ port }: Server, groups: number) {
  const startedAt = performance.now()
  const latencies: number[] = []
  const pushes: Promise<void>[] = []
  for (let i = 0; i < PUSHES_A_SECOND * SECONDS; i++) {
    const due = startedAt + (i * 1000) / PUSHES_A_SECOND
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    let sent = false
    const request = (): string | undefined => {
      if (sent) return undefined
      sent = true
      return pushTo((i * 7919) % groups)
    }
    const push = closedLoop({ port, connections: 1, warmUpMs: 0, request, status: 200 })
    pushes.push(push.then(() => void latencies.push(performance.now() - due)))
  }
  await Promise.all(pushes)
  latencies.sort((a, b) => a - b)
  const at = (q: number): number => latencies[Math.floor(latencies.length * q)] ?? NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Since it was asked the last time, in milliseconds. */
async function longestStall({ port }: Server): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path: '/-/metrics' }, (answer) => {
        let body = ''
        answer.setEncoding('utf8').on('data', (data: string) => (body += data))
        answer.on('end', () => resolve(body))
      })
      .on('error', reject)
  })
  const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])
  return Math.max(0, seconds * 1000 - RESOLUTION_MS)
}
