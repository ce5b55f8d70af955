/** One run: a cluster, clients that use it, faults that hit it, and the checker's verdict on what the clients saw. */
import { until } from '../../../deploy/cluster/member.ts'
import { openStore } from '../../../storage/open.ts'
import { generator } from '../../storage/random.ts'
import { check } from '../checker/check.ts'
import type { Minimums } from '../checker/coverage.ts'
import type { Guarantee, Verdict } from '../checker/verdict.ts'
import { startLoad } from '../load/clients.ts'
import { Recorder } from '../load/recorder.ts'
import type { Target } from '../load/requests.ts'
import { keepEvidence } from './evidence.ts'
import { injectFaults, type Injected } from './schedule.ts'
import type { SettingName } from './setting-names.ts'
import { SETTINGS, type Surroundings } from './settings.ts'

export interface ChaosOptions {
  readonly setting: SettingName
  readonly seconds: number
  readonly seed: number
  /** Between two faults, on average. */
  readonly pauseMs?: number
  readonly onFault?: (injected: Injected) => void
  /** A folder for all that is known of the run, if something is violated. */
  readonly keep?: string | undefined
}

export interface ChaosResult {
  readonly setting: SettingName
  readonly guarantee: Guarantee
  readonly seconds: number
  readonly seed: number
  readonly faults: readonly Injected[]
  readonly verdict: Verdict
  /** What the store says of its books; none when they are right. */
  readonly books: readonly string[]
}

const STORE_TIMEOUT_MS = 2000
/** A gateway that was just started, or is busy, reads a request late. */
const GRACE_MS = STORE_TIMEOUT_MS + 2000
const PATIENCE_MS = 5000
const RECOVERY_MS = 60_000

const FLAGS = [
  '--web.own-metrics=separate',
  `--storage.timeout=${STORE_TIMEOUT_MS}ms`,
  '--web.shutdown-delay=2s',
]

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { setting: name, seconds, seed, keep, pauseMs = 1500, onFault = () => undefined } = options
  const setting = SETTINGS[name]
  const surroundings = await setting.start(FLAGS)
  const recorder = new Recorder(GRACE_MS)
  const targets = targetsOf(surroundings)
  const load = startLoad({
    targets,
    recorder,
    seed,
    writers: 10,
    scrapers: 4,
    pauseMs: 50,
    patienceMs: PATIENCE_MS,
  })
  let verdict: Verdict | undefined
  try {
    const faults = await injectFaults({
      faults: setting.faults,
      seconds,
      pauseMs,
      context: { ...surroundings, random: generator(seed), recorder },
      onFault,
    })
    await load.settle()
    await startAfresh(surroundings)
    await load.lookEverywhere()
    const books = await booksOf(surroundings)
    verdict = check(recorder.history(), {
      guarantee: setting.guarantee,
      minimums: minimumsOf(seconds),
      targets: targets.map((target) => target.name),
    })
    return { setting: name, guarantee: setting.guarantee, seconds, seed, faults, verdict, books }
  } finally {
    const isFine = verdict !== undefined && verdict.violations.length === 0
    if (keep !== undefined && !isFine) {
      keepEvidence(keep, surroundings, recorder.history(), verdict)
    }
  }
}

function targetsOf({ cluster }: Surroundings): Target[] {
  return [cluster.haproxy, ...cluster.gateways].map(({ name, url }) => ({ name, url }))
}

/** One gateway reads everything anew, to show what the others came to step by step. */
async function startAfresh({ cluster }: Surroundings): Promise<void> {
  await cluster.gateways[0]!.kill()
  await cluster.gateways[0]!.start()
  for (const gateway of [...cluster.gateways]) {
    const isReady = await until(() => gateway.isReady().catch(() => false), RECOVERY_MS)
    if (!isReady) throw new Error(`${gateway.name} is not ready after ${RECOVERY_MS} ms`)
  }
}

async function booksOf({ cluster, storageUrl }: Surroundings): Promise<string[]> {
  const { password } = cluster
  const secrets = { password, sentinelPassword: password }
  const store = await openStore(storageUrl, { secrets })
  try {
    return await store.verify()
  } finally {
    await store.close()
  }
}

/** What every run gets to on a slow machine, outages included. */
function minimumsOf(seconds: number): Minimums {
  return {
    acknowledged: 5 * seconds,
    scrapes: 5 * seconds,
    revisions: 2 * seconds,
    inOrder: 10 * seconds,
    freshElsewhere: 2 * seconds,
    equalPages: seconds,
    groups: 20 * seconds,
    changedGroups: 2 * seconds,
    refused: 1,
  }
}
