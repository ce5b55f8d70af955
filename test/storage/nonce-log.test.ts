import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { NonceLog } from '../../storage/nonce-log.ts'
import { newNonce } from './contract/writes.ts'

test('a log of nonces gives what a list would, however often it is cut', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 3000 }) }),
      fc.record({ keep: fc.integer({ min: 0, max: 2500 }) }),
    ),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(steps, (taken) => {
      const log = new NonceLog()
      const all: string[] = []
      let dropped = 0
      for (const step of taken) {
        if ('add' in step) {
          for (let i = 0; i < step.add; i++) {
            all.push(newNonce())
            log.add(all.at(-1)!)
          }
        } else {
          log.keep(step.keep)
          dropped = Math.max(dropped, all.length - step.keep)
        }
        for (let revision = 0; revision <= all.length + 1; revision++) {
          const expected = revision > dropped ? all[revision - 1] : undefined
          if (log.at(revision) !== expected) expect(log.at(revision)).toBe(expected)
        }
      }
    }),
    { numRuns: 30 },
  )
})
