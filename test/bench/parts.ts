/** The parts of a push and of a scrape by themselves, in this process. */
import zlib from 'node:zlib'
import { parseText } from '../../server/exposition/text/parse.ts'
import { parseGroupingPath } from '../../server/groups/grouping-key.ts'
import { preparePush } from '../../server/groups/prepare.ts'
import { PushReader } from '../../server/read-push.ts'
import { joinGzip, RopePart } from '../../server/view/rope.ts'
import { median, type Report } from './report.ts'
import { typicalPush } from './typical-push.ts'

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

export function measureParts(report: Report): void {
  const bodies = Array.from({ length: 64 }, () => Buffer.from(typicalPush()))
  const text = { utf8Names: false, lenientNewlines: false }
  const grouping = parseGroupingPath('job/nightly/instance/host-1', false)
  const families = bodies.map((body) => parseText(body, text))
  const options = { ownClaims: new Map<string, string>(), checked: true }
  const us = (value: number): string => `${value.toFixed(1)} us`
  report.add(
    'parse a typical push',
    us(microseconds(20_000, (i) => parseText(bodies[i & 63]!, text))),
  )
  report.add(
    'prepare it',
    us(microseconds(20_000, (i) => preparePush(grouping, families[i & 63]!, options))),
  )
  const reader = new PushReader({ ...text, strictOpenMetrics: false, samplesMax: 1e6 }, options)
  const fill = (i: number): unknown => reader.read(bodies[i & 63]!, 'text', grouping)
  report.add('both, by a template', us(microseconds(20_000, fill)))
  report.add(
    'read its path',
    us(microseconds(20_000, (i) => parseGroupingPath(`job/nightly/instance/${i}`, false))),
  )
}

export function measureRope(report: Report): void {
  const segment = (): Buffer => Buffer.from(typicalPush().repeat(40))
  const parts = Array.from({ length: 200 }, () => new RopePart(segment()))
  const whole = Buffer.concat(parts.map(({ plain }) => plain))
  joinGzip(parts)
  const joined = microseconds(20, () => joinGzip(parts))
  const compressed = microseconds(1, () => zlib.gzipSync(whole, { level: 1 }))
  report.add(
    `gzip ${(whole.length / 1e6).toFixed(0)} MB: cached parts joined / compressed whole`,
    `${(compressed / joined).toFixed(0)}x`,
  )
}
