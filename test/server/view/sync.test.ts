import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '../../../storage/memory.ts'
import { waitFor } from '../../support/http.ts'
import { createHeldStore, type HeldStore } from './held-store.ts'
import {
  createMemoryGateway,
  textFormat,
  textOf,
  withoutTimes,
  type MemoryGateway,
} from './memory-gateway.ts'
import { renderNaively } from './naive-page.ts'

function createHeldGateway(checked = true): { held: HeldStore; gateway: MemoryGateway } {
  const held = createHeldStore(createMemoryStore())
  return { held, gateway: createMemoryGateway({ store: held.store, checked }) }
}

/** The pushed lines that the view shows now, without asking the store. */
function shownBy({ view }: MemoryGateway): string[] {
  const lines = withoutTimes(textOf(view.page(textFormat('allow-utf-8'), []))).split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

/** A body so large that two of them do not go into one answer of the store. */
function largeBody(name: string): string {
  return `${name}{pad="${'x'.repeat(700_000)}"} 1\n`
}

/** The families shown now, without the bodies' padding. */
function namesShownBy(gateway: MemoryGateway): string[] {
  return shownBy(gateway).map((line) => line.slice(0, line.indexOf('{')))
}

describe('a sync that begins after a push was acknowledged shows it', () => {
  test('when nothing else goes on', async () => {
    const { gateway } = createHeldGateway()
    await gateway.put('job/j', 'm 1\n')
    await gateway.view.sync()
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 1'])
  })

  test('although a sync is under way whose answer is older than the push', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/j', 'm 1\n')
    held.hold()
    const early = gateway.view.sync()
    await held.held()
    await gateway.put('job/j', 'm 2\n')
    const late = gateway.view.sync()
    held.release()
    await early
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 1'])
    await late
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 2'])
  })

  test('although another sync waits already for the one that is under way', async () => {
    const { held, gateway } = createHeldGateway()
    held.hold()
    const first = gateway.view.sync()
    await held.held()
    await gateway.put('job/j', 'm 1\n')
    const second = gateway.view.sync()
    held.releaseOne()
    await first
    await held.held()
    // The second sync has its answer now; what comes next is not in it.
    await gateway.put('job/j', 'm 2\n')
    const third = gateway.view.sync()
    held.release()
    await second
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 1'])
    await third
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 2'])
  })

  test('although the sync that was under way fails', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/j', 'm 1\n')
    held.failNext(new Error('the store is away'))
    const failing = gateway.view.sync()
    const next = gateway.view.sync()
    await expect(failing).rejects.toThrow('the store is away')
    await next
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 1'])
  })

  test('in a long row of pushes and overlapping syncs', async () => {
    const { held, gateway } = createHeldGateway()
    held.hold()
    const checks: Promise<void>[] = []
    for (let i = 1; i <= 30; i++) {
      await gateway.put('job/j', `m ${i}\n`)
      checks.push(
        gateway.view.sync().then(() => {
          const value = Number(shownBy(gateway)[0]?.split(' ')[1])
          expect(value).toBeGreaterThanOrEqual(i)
        }),
      )
      if (i % 3 === 0) {
        await held.held()
        held.releaseOne()
      }
    }
    held.release()
    await Promise.all(checks)
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 30'])
  })
})

describe('syncs share work', () => {
  test('calls that come while one is under way wait for one more, together', async () => {
    const { held, gateway } = createHeldGateway()
    held.hold()
    const first = gateway.view.sync()
    await held.held()
    const others = Array.from({ length: 20 }, () => gateway.view.sync())
    held.release()
    await Promise.all([first, ...others])
    expect(held.requests).toHaveLength(2)
  })

  test('a call when nothing is under way asks the store, once', async () => {
    const { held, gateway } = createHeldGateway()
    for (let i = 1; i <= 3; i++) {
      await gateway.view.sync()
      expect(held.requests).toHaveLength(i)
    }
  })

  test('all that wait for a failing sync fail with it, and the next call tries again', async () => {
    const { held, gateway } = createHeldGateway()
    held.hold()
    const first = gateway.view.sync()
    await held.held()
    held.failNext(new Error('the store is away'))
    const waiting = [gateway.view.sync(), gateway.view.sync()]
    held.release()
    await first
    for (const one of waiting) await expect(one).rejects.toThrow('the store is away')
    await gateway.put('job/j', 'm 1\n')
    await gateway.view.sync()
    expect(shownBy(gateway)).toHaveLength(1)
  })

  test('a failing sync leaves the view as it was', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/j', 'm 1\n')
    await gateway.view.sync()
    const { position } = gateway.view
    await gateway.put('job/j', 'm 2\n')
    held.failNext(new Error('the store is away'))
    await expect(gateway.view.sync()).rejects.toThrow('the store is away')
    expect(shownBy(gateway)).toEqual(['m{instance="",job="j"} 1'])
    expect(gateway.view.position).toEqual(position)
  })
})

describe('an answer in several pages', () => {
  test('is taken only when it is complete', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/old', 'old 1\n')
    await gateway.view.sync()
    const { position } = gateway.view
    for (const name of ['a', 'b', 'c', 'd']) await gateway.put(`job/${name}`, largeBody(name))
    await gateway.remove('job/old')

    held.hold()
    const sync = gateway.view.sync()
    await held.held()
    held.releaseOne()
    await held.held()
    expect(namesShownBy(gateway)).toEqual(['old'])
    expect(gateway.view.position).toEqual(position)
    expect(gateway.view.groupCount).toBe(1)
    held.release()
    await sync
    expect(held.requests.length).toBeGreaterThan(2)
    expect(namesShownBy(gateway)).toEqual(['a', 'b', 'c', 'd'])
    expect(gateway.view.position).toEqual((await gateway.store.status()).head)
  })

  test('equals the store at its head, whatever moved between the pages', async () => {
    const { held, gateway } = createHeldGateway()
    for (const name of ['a', 'b', 'c', 'd']) await gateway.put(`job/${name}`, largeBody(name))
    held.hold()
    const sync = gateway.view.sync()
    await held.held()
    // Of the first page one group goes and one moves; of the rest, one goes and one is new.
    await gateway.remove('job/a')
    await gateway.put('job/b', 'b_moved{pad=""} 1\n')
    await gateway.remove('job/d')
    await gateway.put('job/e', 'e{pad=""} 1\n')
    held.release()
    await sync
    expect(namesShownBy(gateway)).toEqual(['b_moved', 'c', 'e'])
    const { text } = await renderNaively(gateway.store, 'allow-utf-8')
    expect(textOf(gateway.view.page(textFormat('allow-utf-8'), [])) === text).toBe(true)
    expect(gateway.view.position).toEqual((await gateway.store.status()).head)
  })

  test('never lets a series be seen in two groups that it moved between', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/j', `${largeBody('pad')}m{x="1"} 1\n`)
    await gateway.put('job/k', largeBody('pad'))
    await gateway.put('job/l', largeBody('pad'))
    held.hold()
    const sync = gateway.view.sync()
    await held.held()
    await gateway.put('job/j', 'n 1\n')
    await gateway.put('job/j/x/1', 'm 2\n')
    held.release()
    await sync
    expect(shownBy(gateway).filter((line) => line.startsWith('m{'))).toEqual([
      'm{instance="",job="j",x="1"} 2',
    ])
  })
})

describe('a store with another history', () => {
  test('is read anew: nothing of the old one stays, and it is told why', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/old', 'old 1\n')
    await gateway.view.sync()
    const other = createMemoryGateway()
    await other.put('job/new', 'new 1\n')
    await other.put('job/old', 'old 2\n')
    held.replaceBy(other.store)
    await gateway.view.sync()
    expect(gateway.resets).toEqual(['epoch'])
    expect(shownBy(gateway)).toEqual([
      'new{instance="",job="new"} 1',
      'old{instance="",job="old"} 2',
    ])
    expect(textOf(gateway.view.page(textFormat('allow-utf-8'), []))).toBe(await other.page())
    expect(gateway.view.position).toEqual(other.view.position)
  })

  test('is read anew also when it is empty', async () => {
    const { held, gateway } = createHeldGateway()
    await gateway.put('job/old', 'old 1\n')
    await gateway.view.sync()
    held.replaceBy(createMemoryStore())
    await gateway.view.sync()
    expect(gateway.view.groups()).toEqual([])
    expect(textOf(gateway.view.page(textFormat('allow-utf-8'), []))).toBe('')
  })

  test('is noticed between two pages of an answer', async () => {
    const { held, gateway } = createHeldGateway()
    for (const name of ['a', 'b', 'c']) await gateway.put(`job/${name}`, largeBody(name))
    const other = createMemoryGateway()
    for (const name of ['b', 'x', 'y']) await other.put(`job/${name}`, largeBody(name))
    held.hold()
    const sync = gateway.view.sync()
    await held.held()
    held.replaceBy(other.store)
    held.release()
    await sync
    expect(gateway.resets).toEqual(['epoch'])
    expect(namesShownBy(gateway)).toEqual(['b', 'x', 'y'])
  })

  test('that left nothing out leaves nothing out here', async () => {
    const { held, gateway } = createHeldGateway(false)
    await gateway.put('job/a', '# TYPE m gauge\nm 1\n')
    await gateway.put('job/b', '# TYPE m counter\nm 1\n')
    await gateway.view.sync()
    expect(gateway.view.leftOut).toBe(1)
    const other = createMemoryGateway()
    await other.put('job/a', 'm 1\n')
    held.replaceBy(other.store)
    await gateway.view.sync()
    expect(gateway.view.leftOut).toBe(0)
  })

  test('whose trimmed past the view missed is read anew', async () => {
    const limits = { historyMax: 1 << 20, tombstonesMax: 0 }
    const held = createHeldStore(createMemoryStore(limits))
    const gateway = createMemoryGateway({ store: held.store })
    await gateway.put('job/a', 'a 1\n')
    await gateway.put('job/b', 'b 1\n')
    await gateway.view.sync()
    await gateway.remove('job/a')
    await gateway.store.maintain()
    await gateway.view.sync()
    expect(gateway.resets).toEqual(['floor'])
    expect(shownBy(gateway)).toEqual(['b{instance="",job="b"} 1'])
  })
})

describe('while reading everything from the start', () => {
  const PAGE_MS = 20
  /** Two of them go into one answer of the store. */
  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

  afterEach(() => {
    jest.restoreAllMocks()
  })

  /** A gateway on a store with four pages that takes its time for each; and the pauses between them, in ms. */
  async function createSlowGateway(): Promise<{ gateway: MemoryGateway; pauses: number[] }> {
    const pauses: number[] = []
    const memory = createMemoryStore()
    let answeredAt: number | undefined
    const store: typeof memory = {
      ...memory,
      async changes(request) {
        if (answeredAt !== undefined) pauses.push(performance.now() - answeredAt)
        await sleep(PAGE_MS)
        const answer = await memory.changes(request)
        answeredAt = answer.kind === 'page' && answer.complete ? undefined : performance.now()
        return answer
      },
    }
    const gateway = createMemoryGateway({ store })
    for (const name of NAMES) await gateway.put(`job/${name}`, largeBody(name))
    return { gateway, pauses }
  }

  test('the view leaves the store alone for a random part of the time that a page took', async () => {
    const { gateway, pauses } = await createSlowGateway()
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.75)
    await gateway.view.sync()
    expect(pauses).toHaveLength(3)
    // Timers may be a millisecond early.
    for (const pause of pauses) expect(pause).toBeGreaterThan(0.75 * PAGE_MS - 2)
    expect(random).toHaveBeenCalledTimes(3)
    expect(gateway.view.groupCount).toBe(NAMES.length)
  })

  test('but not for a single page, and not when it only follows', async () => {
    const { gateway } = await createSlowGateway()
    await gateway.view.sync()
    const random = jest.spyOn(Math, 'random')
    for (const name of NAMES) await gateway.put(`job/${name}`, largeBody('other'))
    await gateway.view.sync()
    expect(namesShownBy(gateway)).toEqual(NAMES.map(() => 'other'))
    const small = createMemoryGateway()
    await small.put('job/j', 'm 1\n')
    await small.view.sync()
    expect(random).not.toHaveBeenCalled()
  })
})

describe('what the view amounts to', () => {
  test('is counted as the store counts it, through every kind of change', async () => {
    const { held, gateway } = createHeldGateway()
    const expectAsInStore = async (): Promise<void> => {
      await gateway.view.sync()
      const { groups, samples } = await gateway.store.status()
      expect(gateway.view.totals).toMatchObject({ groups, samples })
    }
    await expectAsInStore()
    await gateway.put('job/j', 'm{x="1"} 1\nm{x="2"} 1\nn 1\n')
    await gateway.put('job/k', '')
    await expectAsInStore()
    expect(gateway.view.totals.samples).toBe(3)
    await gateway.post('job/j', 'm{x="1"} 1\nk 1\n')
    await expectAsInStore()
    await gateway.put('job/j', 'm 1\n')
    await expectAsInStore()
    await gateway.remove('job/k')
    await expectAsInStore()
    const other = createMemoryGateway()
    await other.put('job/new', 'new 1\n')
    held.replaceBy(other.store)
    await gateway.view.sync()
    expect(gateway.view.totals).toMatchObject({ groups: 1, samples: 1 })
    await other.view.sync()
    expect(gateway.view.totals).toEqual(other.view.totals)
  })

  test('grows older until the next completed sync', async () => {
    const { held, gateway } = createHeldGateway()
    expect(gateway.view.wasSynced).toBe(false)
    held.failNext(new Error('the store is away'))
    await expect(gateway.view.sync()).rejects.toThrow('the store is away')
    expect(gateway.view.wasSynced).toBe(false)
    await gateway.view.sync()
    expect(gateway.view.wasSynced).toBe(true)
    const age = await waitFor('the view to be old', () => {
      return gateway.view.ageMs > 15 ? gateway.view.ageMs : undefined
    })
    held.failNext(new Error('the store is away'))
    await expect(gateway.view.sync()).rejects.toThrow('the store is away')
    expect(gateway.view.ageMs).toBeGreaterThanOrEqual(age)
    await gateway.view.sync()
    expect(gateway.view.ageMs).toBeLessThan(age)
  })
})
