/**
 * Pushes and deletes at random through gateways on the store whose URL is its argument, several at
 * a time, and tells which writes were made at which revision.
 */
import fc from 'fast-check'
import { openStore } from '../../../storage/open.ts'
import { makeAtOnce, type Outcome } from '../../model/replay.ts'
import { operations } from '../../model/universe.ts'

export type Pushed = 'ready' | Outcome

const [, , url = '', seed = '', count = ''] = process.argv
const IN_FLIGHT = 8

async function run(): Promise<Outcome> {
  const store = await openStore(url)
  const sample = fc.sample(operations, { seed: Number(seed), numRuns: Number(count) }).flat()
  const outcome = await makeAtOnce([store], sample, IN_FLIGHT)
  await store.close()
  return outcome
}

process.on('message', () => {
  void run().then((outcome) => {
    process.send?.(outcome)
    process.disconnect()
  })
})
process.send?.('ready')
