/** What pushes and scrapes cost at growing numbers of stored series, here and, where it can be had, at the original. */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { closedLoop } from './closed-loop.ts'
import { growthOf, median, shown, type Report } from './report.ts'
import {
  cpuMsOf,
  fill,
  findPeer,
  pushTo,
  residentMbOf,
  scrape,
  startPeer,
  startSluice,
  withFolder,
  type Server,
} from './server.ts'

/** A group of usual pushes has twenty samples and two times. */
const SERIES_A_GROUP = 21
const CHANGED = 100
const GZIP = { 'accept-encoding': 'gzip' }

type Measured = Readonly<Record<string, number>>

interface Kind {
  readonly name: string
  readonly start: (folder: string) => Promise<Server>
  readonly status: number
}

/** @param sizes in groups */
export async function measureGrowth(report: Report, sizes: readonly number[]): Promise<void> {
  const peer = findPeer()
  const kinds: Kind[] = [
    {
      name: 'Sluice',
      start: (folder) => startSluice(`sqlite:${path.join(folder, 'groups.db')}`),
      status: 200,
    },
  ]
  if (peer !== undefined) {
    // Without its check: with it, filling takes hours.
    const flags = ['--push.disable-consistency-check']
    const start = (): Promise<Server> => startPeer(peer, flags)
    kinds.push({ name: 'Pushgateway, unchecked', start, status: 202 })
  }
  for (const kind of kinds) await withFolder((folder) => measureKind(report, kind, sizes, folder))
}

async function measureKind(
  report: Report,
  { name, start, status }: Kind,
  sizes: readonly number[],
  folder: string,
): Promise<void> {
  const bySize = new Map<number, Measured>()
  for (const groups of sizes) {
    const place = path.join(folder, String(groups))
    mkdirSync(place)
    const server = await start(place)
    try {
      await fill(server, groups, status)
      bySize.set(groups, await measureAt(server, groups, status))
    } finally {
      await server.stop(true)
    }
    rmSync(place, { recursive: true })
  }
  const figures = Object.keys(bySize.values().next().value ?? {})
  report.add(`${name}, series`, ...sizes.map((groups) => String(groups * SERIES_A_GROUP)), 'growth')
  for (const figure of figures) {
    const points = sizes.map((groups) => [groups, bySize.get(groups)![figure]!] as const)
    const growth = `n^${growthOf(points).toFixed(2)}`
    report.add(`${name}, ${figure}`, ...points.map(([, value]) => shown(value)), growth)
  }
}

async function measureAt(server: Server, groups: number, status: number): Promise<Measured> {
  const { port } = server
  let host = 0
  const request = (): string => pushTo(host++ % groups)
  const load = { port, status, request, warmUpMs: 700, durationMs: 2000 }
  const one = await closedLoop({ ...load, connections: 1 })
  const cpuBefore = cpuMsOf(server)
  const many = await closedLoop({ ...load, warmUpMs: 0, connections: 64 })
  const cpuMs = (cpuMsOf(server) - cpuBefore) / many.requests
  const text = await repeated(() => scrape(server, {}))
  const gzip = await repeated(() => scrape(server, GZIP))
  const changed = await repeated(async () => {
    const step = Math.max(1, Math.floor(groups / CHANGED))
    let next = 0
    const scattered = (): string | undefined =>
      next < Math.min(CHANGED, groups) ? pushTo((next++ * step) % groups) : undefined
    await closedLoop({ port, status, request: scattered, warmUpMs: 0, connections: 4 })
    return scrape(server, GZIP)
  })
  return {
    'push p50, 1 connection, ms': one.p50Ms,
    'push CPU, 64 connections, ms': cpuMs,
    'scrape, text, ms': text,
    'scrape, gzip, nothing changed, ms': gzip,
    'scrape, gzip, 100 groups changed, ms': changed,
    'resident, MB': residentMbOf(server),
  }
}

/** The median of three scrapes after one that does not count. */
async function repeated(once: () => Promise<{ readonly ms: number }>): Promise<number> {
  await once()
  const times: number[] = []
  for (let i = 0; i < 3; i++) times.push((await once()).ms)
  return median(times)
}
