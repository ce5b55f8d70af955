/**
 * `npm run test:chaos`: hits a cluster with faults while clients use it, and holds what they saw against what is promised.
 *
 *     npm run test:chaos -- [--setting redis-aof]... [--seconds 600] [--seed 1] [--keep FOLDER]
 *
 * The seconds are for each setting. Each ends with a table; exit status 1 says that something was violated, and then the
 * folder gets the whole history and all logs. It is the test of chaos.test.ts for longer, so that what is started is
 * closed in the same way.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { SETTING_NAMES } from './chaos/setting-names.ts'

const { values } = parseArgs({
  options: {
    setting: { type: 'string', multiple: true, default: [...SETTING_NAMES] },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    keep: { type: 'string' },
  },
})

const ROOT = path.join(import.meta.dirname, '../..')
const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  path.join(ROOT, 'node_modules/jest/bin/jest.js'),
  'test/cluster/chaos.test.ts',
]

const isKnown = (name: string): boolean => (SETTING_NAMES as readonly string[]).includes(name)
const unknown = values.setting.find((name) => !isKnown(name))
if (unknown !== undefined) {
  process.stderr.write(`there is no setting ${unknown}, only ${SETTING_NAMES.join(', ')}\n`)
  process.exitCode = 2
} else {
  const { status } = spawnSync(process.execPath, JEST, {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      CHAOS_SETTINGS: values.setting.join(','),
      CHAOS_SECONDS: values.seconds,
      CHAOS_SEED: values.seed,
      ...(values.keep === undefined ? {} : { CHAOS_KEEP: path.resolve(values.keep) }),
      // What cannot run here must not look like what held.
      SLUICE_REQUIRE_ALL: '1',
    },
  })
  process.exitCode = status ?? 1
}
