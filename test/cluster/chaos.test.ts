/**
 * Clusters are hit by faults while clients use them, and what the clients saw is held against what is promised.
 * `npm run test:chaos` does the same for longer; see run.ts.
 */
import { expect, test } from '@jest/globals'
import { describeWith } from '../support/programs.ts'
import { runChaos } from './chaos/chaos.ts'
import { isFine, renderReport } from './chaos/report.ts'
import { SETTING_NAMES } from './chaos/setting-names.ts'
import { SETTINGS } from './chaos/settings.ts'

const { CHAOS_SETTINGS, CHAOS_SECONDS, CHAOS_SEED, CHAOS_KEEP } = process.env
const SECONDS = Number(CHAOS_SECONDS ?? 10)
/** The last one promises too little for a short look at it to say anything. */
const CHOSEN = CHAOS_SETTINGS?.split(',') ?? SETTING_NAMES.slice(0, -1)

for (const setting of SETTING_NAMES.filter((name) => CHOSEN.includes(name))) {
  describeWith(SETTINGS[setting].needs, setting, () => {
    test(
      `what clients see under faults is what the setting ${setting} promises (${SECONDS} s)`,
      async () => {
        const seed = Number(CHAOS_SEED ?? Date.now() % 1e6)
        const result = await runChaos({
          setting,
          seconds: SECONDS,
          seed,
          keep: CHAOS_KEEP,
          onFault: ({ name, at, took }) => {
            process.stderr.write(
              `${setting}: ${name} after ${at.toFixed(1)} s, for ${took.toFixed(1)} s\n`,
            )
          },
        })
        process.stderr.write(renderReport(result))
        expect(isFine(result)).toBe(true)
      },
      (SECONDS + 300) * 1000,
    )
  })
}
