/** The checker is worth what it catches: real gateways with one mistake each, under the load of the chaos test. */
import { describe, expect, test } from '@jest/globals'
import { openStore } from '../../storage/open.ts'
import { newPath } from '../storage/sqlite-files.ts'
import { startTestAppWith } from '../support/app.ts'
import { waitFor } from '../support/http.ts'
import { check } from './checker/check.ts'
import type { Verdict } from './checker/verdict.ts'
import { startLoad } from './load/clients.ts'
import { Recorder } from './load/recorder.ts'
import * as proxies from './planted/proxies.ts'
import * as stores from './planted/stores.ts'
import { letViewsJoinRunningSyncs } from './planted/view.ts'

const GATEWAYS = 3
const ACKNOWLEDGED = 500

interface Mistakes {
  /** In the store of each gateway. */
  readonly store?: stores.Mistake
  /** Before one of the gateways. */
  readonly proxy?: proxies.Handle
  readonly before?: () => void
}

/** Three gateways on one file, some hundreds of pushes, and what the checker says of them. */
async function verdictOn({ store, proxy, before }: Mistakes): Promise<Verdict> {
  before?.()
  const file = `sqlite:${newPath()}`
  const urls: string[] = []
  for (let i = 0; i < GATEWAYS; i++) {
    const { url } = await startTestAppWith(
      {
        openStore: async (...args) => {
          const real = await openStore(...args)
          return store === undefined ? real : store(real)
        },
      },
      `--storage.url=${file}`,
      '--web.own-metrics=separate',
      '--log.level=error',
    )
    urls.push(url)
  }
  if (proxy !== undefined) urls[1] = await proxies.spoil(urls[1]!, proxy)
  const recorder = new Recorder(1000)
  const targets = urls.map((url, i) => ({ name: `gateway ${i + 1}`, url }))
  const load = startLoad({
    targets,
    recorder,
    seed: Date.now() % 1e6,
    writers: 8,
    scrapers: 3,
    pauseMs: 4,
    patienceMs: 5000,
  })
  await waitFor(
    `${ACKNOWLEDGED} acknowledged writes`,
    () => recorder.acknowledged >= ACKNOWLEDGED || undefined,
    20_000,
  )
  await load.settle()
  await load.lookEverywhere()
  const minimums = { acknowledged: ACKNOWLEDGED, equalPages: 10, freshElsewhere: 50 }
  return check(recorder.history(), {
    guarantee: 'lossless',
    minimums,
    targets: targets.map(({ name }) => name),
  })
}

function rulesOf({ violations }: Verdict): string[] {
  return [...new Set(violations.map(({ rule }) => rule))]
}

describe('gateways without a mistake', () => {
  test('keep what they promise', async () => {
    expect((await verdictOn({})).violations).toEqual([])
  })

  test('keep what they promise when the store answers late', async () => {
    expect((await verdictOn({ store: stores.answersLate })).violations).toEqual([])
  })
})

const PLANTED: readonly (readonly [title: string, rule: string, mistakes: Mistakes])[] = [
  [
    'a scrape that joins a sync already begun',
    'no stale page',
    { store: stores.answersLate, before: letViewsJoinRunningSyncs },
  ],
  ['a page from a cache', 'no stale page', { proxy: proxies.cachesPages(300) }],
  [
    'a page from a cache that claims to be new',
    'groups are what was written',
    { proxy: proxies.cachesPagesUnderNewRevisions(300) },
  ],
  ['a page cut short', 'equal revisions, equal pages', { proxy: proxies.cutsPages }],
  [
    'an answer before the push is passed on',
    'not after its deadline',
    { proxy: proxies.answersBeforeItForwards },
  ],
  [
    'a push that is passed on twice',
    'a revision for each write',
    { proxy: proxies.repeatsPushes(3) },
  ],
  [
    'a store that drops one acknowledged write of 100',
    'groups are what was written',
    { store: stores.dropsOneOf(100) },
  ],
  ['a store that makes writes twice', 'a revision for each write', { store: stores.makesTwice }],
  [
    'a store that makes one write of 50 once more, later',
    'groups are what was written',
    { store: stores.repeatsOneOf(50) },
  ],
  [
    'a store that replaces groups in two steps',
    'groups are what was written',
    { store: stores.replacesInSteps },
  ],
]

describe('the checker catches', () => {
  test.each(PLANTED)('%s', async (title, rule, mistakes) => {
    const verdict = await verdictOn(mistakes)
    const { violations, counts } = verdict
    process.stderr.write(
      `planted: ${title}: ${violations.length} violations in ${counts.operations} operations\n`,
    )
    expect(rulesOf(verdict)).toContain(rule)
  })
})
