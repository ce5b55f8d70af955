import { describe, expect, test } from '@jest/globals'
import { atOnce, inSlices, type Steps } from '../../../server/view/in-slices.ts'
import { Pace } from '../../../server/view/pace.ts'

/** Work of so many steps of about a millisecond each. */
function* work(steps: number, log: string[] = []): Steps<string> {
  for (let i = 0; i < steps; i++) {
    const end = performance.now() + 1
    while (performance.now() < end);
    log.push(`step ${i}`)
    yield
  }
  return 'done'
}

describe('long work', () => {
  test('in slices gives others a turn', async () => {
    let turns = 0
    let isOver = false
    const others = (): void => {
      turns++
      if (!isOver) setImmediate(others)
    }
    setImmediate(others)
    expect(await inSlices(work(30), new Pace())).toBe('done')
    isOver = true
    expect(turns).toBeGreaterThan(3)
  })

  test('in slices begins at once', () => {
    const log: string[] = []
    void inSlices(work(1, log), new Pace())
    expect(log).toEqual(['step 0'])
  })

  test('in slices fails as it fails', async () => {
    function* failing(): Steps<void> {
      yield
      throw new Error('no more')
    }
    await expect(inSlices(failing(), new Pace())).rejects.toThrow('no more')
  })

  test('at once is one turn', () => {
    const log: string[] = []
    expect(atOnce(work(3, log))).toBe('done')
    expect(log).toHaveLength(3)
  })
})
