/**
 * `npm run bench`: how long the parts of a push and of a scrape take, and what the clever parts are worth. Ratios carry
 * over to other machines, absolute figures do not. Results: README.md here.
 *
 *     npm run bench                        all of it, at sizes of a minute or two
 *     npm run bench -- growth loop redis   some of it: parts, express, growth, loop, redis
 *     npm run bench -- growth --groups=50,500,5000,50000
 *
 * The real Pushgateway is measured beside it where it is on the PATH.
 */
import { parseArgs } from 'node:util'
import { measureEventLoop } from './event-loop.ts'
import { measureExpress } from './express-prototypes.ts'
import { measureGrowth } from './growth.ts'
import { measureParts, measureRope } from './parts.ts'
import { measureRedis } from './redis.ts'
import { median, Report } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { groups: { type: 'string', default: '50,500,5000' } },
})
const sizes = values.groups.split(',').map(Number)
const report = new Report()

const SECTIONS: Readonly<Record<string, () => Promise<void> | void>> = {
  parts: () => {
    measureParts(report)
    measureRope(report)
  },
  express: async () => {
    const { plain, given } = await measureExpress()
    const name = 'Express with its prototypes given / as shipped, requests a second'
    report.add(name, `${(median(given) / median(plain)).toFixed(2)}x`)
  },
  growth: () => measureGrowth(report, sizes),
  loop: () => measureEventLoop(report, Math.max(...sizes)),
  redis: () => measureRedis(report),
}

const chosen = positionals.length > 0 ? positionals : Object.keys(SECTIONS)
for (const name of chosen) {
  const measure = SECTIONS[name]
  if (measure === undefined) {
    throw new Error(
      `no part ${JSON.stringify(name)}; there are ${Object.keys(SECTIONS).join(', ')}`,
    )
  }
  await measure()
}
process.stdout.write(`\n${report.table()}`)
process.exit()
