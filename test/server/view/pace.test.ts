import { describe, expect, test } from '@jest/globals'
import { setImmediate } from 'node:timers/promises'
import { Pace } from '../../../server/view/pace.ts'

async function turnsOfTheLoop(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

describe('long work', () => {
  test('goes on in another turn of the loop when no push is under way', async () => {
    const pace = new Pace()
    const log: string[] = []
    const gone = pace.turn().then(() => log.push('on'))
    await Promise.resolve()
    expect(log).toEqual([])
    await gone
  })

  test('waits for the pushes that are under way, and for their answers to be sent', async () => {
    const pace = new Pace()
    const log: string[] = []
    pace.begin()
    pace.begin()
    const gone = pace.turn().then(() => log.push('on'))
    await turnsOfTheLoop(1)
    pace.end()
    await Promise.resolve()
    pace.end()
    // What follows a push without a turn of the loop comes first.
    await Promise.resolve().then(() => log.push('answered'))
    await gone
    expect(log).toEqual(['answered', 'on'])
  })

  test('does not wait for ever where pushes never stop coming', async () => {
    const pace = new Pace()
    pace.begin()
    await pace.turn()
    await Promise.all([pace.turn(), pace.turn()])
    pace.end()
  })
})
