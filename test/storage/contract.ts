/** What storage/group-store.ts promises, as tests that every driver has to pass. */
import { describe } from '@jest/globals'
import { atomicity } from './contract/atomicity.ts'
import { bytes } from './contract/bytes.ts'
import { changes } from './contract/changes.ts'
import { claims } from './contract/claims.ts'
import { closing } from './contract/closing.ts'
import type { Driver } from './contract/driver.ts'
import { families } from './contract/families.ts'
import { guards } from './contract/guards.ts'
import { marks } from './contract/marks.ts'
import { order } from './contract/order.ts'
import { restoring } from './contract/restoring.ts'
import { shapes } from './contract/shapes.ts'
import { times } from './contract/times.ts'
import { upkeep } from './contract/upkeep.ts'

const TOPICS = {
  'a write happens entirely or not at all': atomicity,
  'writes have one order': order,
  'what a write leaves': families,
  'pushes of the stored shape': shapes,
  'claims: a name means one thing': claims,
  'guards: what a judgement rests on': guards,
  'marks: rules that are not enforced': marks,
  'putting a group back': restoring,
  'store times': times,
  'reading changes': changes,
  'books, wiping and maintenance': upkeep,
  'any bytes, any text': bytes,
  closing,
} satisfies Record<string, (driver: Driver) => void>

export type Topic = keyof typeof TOPICS

/**
 * @param open opens an empty store of its own, closed after the test
 * @param options what else the suite needs to know of the driver
 */
export function describeGroupStore(
  name: string,
  open: Driver['open'],
  options: Omit<Driver, 'open'> & { readonly without?: readonly Topic[] },
): void {
  const { without = [], ...others } = options
  const topics = (Object.keys(TOPICS) as Topic[]).filter((topic) => !without.includes(topic))
  describe(name, () => {
    for (const topic of topics) describe(topic, () => TOPICS[topic]({ open, ...others }))
  })
}
