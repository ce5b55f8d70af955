/**
 * `npm run bench`: how long the parts of a push and a scrape take, and what the clever parts are
 * worth. Ratios carry over to other machines, absolute figures do not. Results: README.md here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { startApp } from '../../server/app.ts'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { parseText } from '../../server/exposition/text/parse.ts'
import { parseGroupingPath } from '../../server/groups/grouping-key.ts'
import { preparePush } from '../../server/groups/prepare.ts'
import { readBuildInfo } from '../../server/telemetry/build-info.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { joinGzip, RopePart } from '../../server/view/rope.ts'
import { closedLoop } from './closed-loop.ts'
import { measureExpress } from './express-prototypes.ts'
import { typicalPush } from './typical-push.ts'

const rows: [figure: string, value: string][] = []

function report(figure: string, value: string): void {
  rows.push([figure, value])
  process.stdout.write(`${figure.padEnd(64)} ${value}\n`)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}

/** Microseconds a call, the median of five rounds after one that warms up. */
function microseconds(calls: number, call: (i: number) => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < 6; round++) {
    const startedAt = performance.now()
    for (let i = 0; i < calls; i++) call(i)
    if (round > 0) rounds.push(((performance.now() - startedAt) / calls) * 1000)
  }
  return median(rounds)
}

function measurePure(): void {
  const bodies = Array.from({ length: 64 }, () => Buffer.from(typicalPush()))
  const text = { utf8Names: false, lenientNewlines: false }
  const grouping = parseGroupingPath('job/nightly/instance/host-1', false)
  const families = bodies.map((body) => parseText(body, text))
  const options = { ownClaims: new Map<string, string>(), checked: true }
  const us = (value: number): string => `${value.toFixed(1)} us`
  report('parse a typical push', us(microseconds(20_000, (i) => parseText(bodies[i & 63]!, text))))
  report(
    'prepare it',
    us(microseconds(20_000, (i) => preparePush(grouping, families[i & 63]!, options))),
  )
  report(
    'read its path',
    us(microseconds(20_000, (i) => parseGroupingPath(`job/nightly/instance/${i}`, false))),
  )
}

function measureRope(): void {
  const segment = (): Buffer => Buffer.from(typicalPush().repeat(40))
  const parts = Array.from({ length: 200 }, () => new RopePart(segment()))
  const whole = Buffer.concat(parts.map(({ plain }) => plain))
  joinGzip(parts)
  const joined = microseconds(20, () => joinGzip(parts))
  const compressed = microseconds(1, () => zlib.gzipSync(whole, { level: 1 }))
  report(
    `gzip ${(whole.length / 1e6).toFixed(0)} MB: cached parts joined / compressed whole`,
    `${(compressed / joined).toFixed(0)}x`,
  )
}

async function measureGateway(store: string, groups: number): Promise<number> {
  const parsed = parseFlags(['--web.listen-address=127.0.0.1:0', `--storage.url=${store}`], {})
  const settings = settingsFrom(parsed)
  const logger = createLogger({ level: 'error', format: 'logfmt' })
  const app = await startApp({ settings, logger, build: readBuildInfo(), onQuit: () => undefined })
  try {
    const port = Number(new URL(app.urls[0]!).port)
    let n = 0
    const request = (): string => {
      const body = typicalPush()
      const target = `/metrics/job/nightly/instance/host-${n++ % groups}`
      return `PUT ${target} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    }
    const load = { port, warmUpMs: 500, durationMs: 2000, request, status: 200 }
    while (n < groups) await closedLoop({ ...load, connections: 16, warmUpMs: 0, durationMs: 200 })
    const one = await closedLoop({ ...load, connections: 1 })
    const many = await closedLoop({ ...load, connections: 64 })
    const name = `${store.split(':')[0]}, ${groups} groups`
    report(
      `push, ${name}, 1 connection`,
      `p50 ${one.p50Ms.toFixed(3)} ms, p99 ${one.p99Ms.toFixed(2)} ms`,
    )
    report(
      `push, ${name}, 64 connections (load in the same process)`,
      `${many.perSecond.toFixed(0)}/s`,
    )
    return one.p50Ms
  } finally {
    await app.stop()
  }
}

async function measureGrowth(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'))
  try {
    await measureGateway('memory:', 1000)
    const few = await measureGateway(`sqlite:${path.join(folder, 'few.db')}`, 1000)
    const many = await measureGateway(`sqlite:${path.join(folder, 'many.db')}`, 10_000)
    report('push p50, 10 000 groups against 1 000', `${(many / few).toFixed(2)}x`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

measurePure()
measureRope()
const { plain, given } = await measureExpress()
report(
  'Express with its prototypes given / as shipped, requests a second',
  `${(median(given) / median(plain)).toFixed(2)}x`,
)
await measureGrowth()
process.stdout.write(
  `\n| figure | value |\n|---|---|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`,
)
