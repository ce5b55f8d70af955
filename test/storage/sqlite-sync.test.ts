import { describe, expect, test } from '@jest/globals'
import { fdatasync } from 'node:fs'
import { FileSync } from '../../storage/sqlite/file-sync.ts'
import { applied, contents, exists, outcome, readOne } from './contract/reading.ts'
import { family, merge, remove, replace } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

type Done = (error: Error | null) => void

/** A disk that keeps what was written when it is told to. */
class SlowDisk {
  readonly waiting: Done[] = []
  readonly sync = {
    inThread: (_descriptor: number, done: Done): void => void this.waiting.push(done),
    onTheSpot: undefined,
  }

  async finish(error: Error | null = null): Promise<void> {
    this.waiting.shift()!(error)
    await turn()
  }
}

/** Longer than anything takes that does not wait for the disk. */
async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

function track(promise: Promise<unknown>): { state: string } {
  const tracked = { state: 'waiting' }
  promise.then(
    () => (tracked.state = 'done'),
    () => (tracked.state = 'failed'),
  )
  return tracked
}

function syncOf(disk: SlowDisk, onTheSpot?: () => void): FileSync {
  return new FileSync({ inThread: (done) => disk.sync.inThread(0, done), onTheSpot })
}

/** Keeps the event loop for so long. */
function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end) continue
}

describe('syncing a file', () => {
  test('who asks while a sync runs waits for the next one, which is one for all of them', async () => {
    const disk = new SlowDisk()
    const file = syncOf(disk)
    const [first, second, third] = [1, 2, 3].map(() => track(file.written(false)))
    expect(disk.waiting).toHaveLength(1)
    await disk.finish()
    expect([first!.state, second!.state, third!.state]).toEqual(['done', 'waiting', 'waiting'])
    expect(disk.waiting).toHaveLength(1)
    await disk.finish()
    expect([second!.state, third!.state]).toEqual(['done', 'done'])
    expect(disk.waiting).toHaveLength(0)
    const later = track(file.written(false))
    await disk.finish()
    expect(later.state).toBe('done')
  })

  test('a failure is told to those whom the sync was for', async () => {
    const disk = new SlowDisk()
    const file = syncOf(disk)
    const [first, second] = [1, 2].map(() => track(file.written(false)))
    await disk.finish(new Error('EIO'))
    await disk.finish()
    expect([first!.state, second!.state]).toEqual(['failed', 'done'])
  })
})

describe('syncing a file on the spot', () => {
  /** A disk whose last sync took so long, told by `took`. */
  async function diskThatTook(ms: number) {
    const disk = new SlowDisk()
    const times = { onTheSpot: 0, takesMs: 0 }
    const file = syncOf(disk, () => {
      times.onTheSpot++
      stall(times.takesMs)
    })
    const first = file.written(true)
    stall(ms)
    disk.waiting.shift()!(null)
    await first
    return { disk, file, times }
  }

  test('is done for one write while the disk is quick', async () => {
    const { disk, file, times } = await diskThatTook(0)
    await file.written(true)
    await file.written(true)
    expect([times.onTheSpot, disk.waiting.length]).toEqual([2, 0])
  })

  test('is not done for many, and not while a sync runs in the thread', async () => {
    const { disk, file, times } = await diskThatTook(0)
    const many = track(file.written(false))
    const one = track(file.written(true))
    await disk.finish()
    expect([many.state, one.state, times.onTheSpot]).toEqual(['done', 'waiting', 0])
    await disk.finish()
    expect(one.state).toBe('done')
  })

  test('is not done any more once it was slow, until the disk is quick again', async () => {
    const { disk, file, times } = await diskThatTook(0)
    times.takesMs = 5
    await file.written(true)
    const slow = track(file.written(true))
    expect([times.onTheSpot, disk.waiting.length]).toEqual([1, 1])
    stall(5)
    await disk.finish()
    expect(slow.state).toBe('done')
    const still = file.written(true)
    disk.waiting.shift()!(null)
    await still
    await file.written(true)
    expect([times.onTheSpot, disk.waiting.length]).toEqual([2, 0])
  })

  test('fails as it does in the thread', async () => {
    const disk = new SlowDisk()
    const file = syncOf(disk, () => {
      throw new Error('EIO')
    })
    const first = file.written(true)
    disk.waiting.shift()!(null)
    await first
    await expect(file.written(true)).rejects.toThrow('EIO')
  })
})

describe('a store on a slow disk', () => {
  test('answers a write when it is on the disk, and reads on meanwhile', async () => {
    const disk = new SlowDisk()
    const store = openStore(newPath(), { sync: disk.sync })
    const write = track(store.apply(replace('g', [family('m')])))
    await turn()
    expect(disk.waiting).toHaveLength(1)
    expect(await store.status()).toMatchObject({ groups: 1 })
    await turn()
    expect(write.state).toBe('waiting')
    await disk.finish()
    expect(write.state).toBe('done')
  })

  test('takes what comes meanwhile into one transaction', async () => {
    const disk = new SlowDisk()
    const file = newPath()
    const store = openStore(file, { sync: disk.sync })
    const first = track(store.apply(replace('g', [])))
    await turn()
    const others = Array.from({ length: 10 }, async (_, i) => {
      for (let k = 0; k < i; k++) await turn()
      return store.apply(replace(`g${i}`, []))
    })
    for (let i = 0; i < 10; i++) await turn()
    await disk.finish()
    expect(first.state).toBe('done')
    await turn()
    await disk.finish()
    expect(await Promise.all(others)).toHaveLength(10)
    expect(openDatabase(file).prepare('SELECT revision FROM commits').pluck().all()).toEqual([
      1, 11,
    ])
  })

  test('does not make very many wait: they are committed, and answered after a sync of their own', async () => {
    const disk = new SlowDisk()
    const store = openStore(newPath(), { sync: disk.sync })
    const first = track(store.apply(replace('g', [])))
    await turn()
    const many = track(
      Promise.all(Array.from({ length: 100 }, (_, i) => store.apply(replace(`g${i}`, [])))),
    )
    await turn()
    expect(await store.status()).toMatchObject({ groups: 101 })
    await disk.finish()
    expect([first.state, many.state]).toEqual(['done', 'waiting'])
    await disk.finish()
    expect(many.state).toBe('done')
  })

  test('also answers what changed nothing only after a sync: it may rest on a commit that is not on the disk', async () => {
    const disk = new SlowDisk()
    const file = newPath()
    const [store, other] = [openStore(file), openStore(file, { sync: disk.sync })]
    await applied(store, replace('g', [family('m')]))
    await applied(store, remove('g'))
    const answer = outcome(other, remove('g'))
    const tracked = track(answer)
    await turn()
    expect(tracked.state).toBe('waiting')
    await disk.finish()
    expect(await answer).toBe('unchanged')
  })

  test('closing waits for the disk', async () => {
    const disk = new SlowDisk()
    const file = newPath()
    const store = openStore(file, { sync: disk.sync })
    const write = store.apply(replace('g', []))
    const closed = track(store.close())
    await turn()
    expect(closed.state).toBe('waiting')
    await disk.finish()
    expect(await write).toMatchObject({ kind: 'applied' })
    await turn()
    expect(closed.state).toBe('done')
    expect(await exists(openStore(file), 'g')).toBe(true)
  })
})

test('a log that cannot be synced: what it was for is unconfirmed, and nothing is acknowledged any more', async () => {
  let broken = false
  const file = newPath()
  const store = openStore(file, {
    sync: {
      inThread: (descriptor, done) =>
        broken ? void setImmediate(done, new Error('EIO: i/o error')) : fdatasync(descriptor, done),
      onTheSpot: undefined,
    },
  })
  await applied(store, replace('g', [family('m', { data: 'kept' })]))
  broken = true
  await expect(store.apply(merge('h', []))).rejects.toMatchObject({
    code: 'unconfirmed',
    message: expect.stringContaining(`${file} could not be written to the disk`) as unknown,
  })
  broken = false
  await expect(store.apply(merge('i', []))).rejects.toMatchObject({ code: 'unavailable' })
  expect(await store.status()).toMatchObject({
    unavailable: expect.stringContaining('EIO') as unknown,
  })
  await store.close()
  const again = openStore(file)
  expect(contents(await readOne(again, 'g'))).toEqual({ m: 'kept' })
  await applied(again, merge('i', []))
})

test('with synchronous=normal nobody waits for the disk', async () => {
  const disk = new SlowDisk()
  const store = openStore(newPath(), { synchronous: 'normal', sync: disk.sync })
  await applied(store, replace('g', []))
  expect(disk.waiting).toHaveLength(0)
})
