import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ChangeLog } from '../../storage/change-log.ts'

test('a change log gives each thing once, at its last revision, in order, and nothing forgotten', () => {
  const changes = fc.array(fc.tuple(fc.nat(20), fc.boolean()), { minLength: 1, maxLength: 6000 })
  fc.assert(
    fc.property(changes, fc.nat(6000), (taken, since) => {
      const items = Array.from({ length: 21 }, (_, id) => ({ id, revision: 0 }))
      const log = new ChangeLog<(typeof items)[number]>()
      for (const [i, [id, forget]] of taken.entries()) {
        items[id]!.revision = i + 1
        log.record(items[id]!, i + 1, items.length)
        if (forget) items[(id * 7) % 21]!.revision = 0
      }
      const expected = items
        .filter(({ revision }) => revision > since)
        .sort((a, b) => a.revision - b.revision)
      expect([...log.after(since)]).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})
