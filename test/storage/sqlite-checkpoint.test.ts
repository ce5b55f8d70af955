import { describe, expect, test } from '@jest/globals'
import { existsSync, statSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import type { GroupStore } from '../../storage/group-store.ts'
import { Checkpointer, PAGES_MAX, PASS_PAGES } from '../../storage/sqlite/checkpointer.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { send, waitFor } from '../support/http.ts'
import { scrape } from '../support/page.ts'
import { startGateway } from '../support/program.ts'
import { applied, readOne } from './contract/reading.ts'
import { family, replace } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

const PAGE = 8192
/** What SQLite does by itself. */
const SQLITE_PAGES = 1000
const MiB = 1 << 20

/** Other bytes for each number: SQLite does not write what a page holds already. */
function filling(n: number, pages: number): string {
  return String.fromCharCode(97 + (n % 26)).repeat(pages * PAGE)
}

/** About this many pages, by pushes one after the other. */
async function push(store: GroupStore, key: string, pages: number): Promise<void> {
  for (let written = 0; written < pages; written += 20) {
    const text = `m ${written} ${filling(written / 20, 18)}`
    await applied(store, replace(key, [family('m', { data: text })]))
  }
}

function logSize(file: string): number {
  return statSync(`${file}-wal`).size
}

describe('a log that pushes go on filling', () => {
  test('starts over again and again', async () => {
    const file = newPath()
    const store = openStore(file)
    await push(store, 'a', 5 * PASS_PAGES)
    expect(logSize(file)).toBeLessThan(PAGES_MAX * PAGE)
    expect(statSync(file).size).toBeLessThan(4 * MiB)
    expect(await store.verify()).toEqual([])
  })

  test('starts over with two stores on one file', async () => {
    const file = newPath()
    const stores = [openStore(file), openStore(file)]
    await Promise.all(stores.map((store, i) => push(store, `group ${i}`, 2.5 * PASS_PAGES)))
    expect(logSize(file)).toBeLessThan(PAGES_MAX * PAGE)
    expect(await stores[0]!.verify()).toEqual([])
  })

  test('grows while somebody reads an old state, and starts over afterwards', async () => {
    const file = newPath()
    const store = openStore(file)
    await push(store, 'a', 20)
    const reader = openDatabase(file)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM groups').all()
    await push(store, 'a', 1.5 * PASS_PAGES)
    const grown = logSize(file)
    expect(grown).toBeGreaterThan(1.5 * PASS_PAGES * PAGE)
    reader.exec('COMMIT')
    await waitFor('the log to start over', async () => {
      await push(store, 'a', 20)
      const [, pages] = reader.prepare('PRAGMA wal_checkpoint(NOOP)').raw().get() as number[]
      return pages! < PASS_PAGES || undefined
    })
    expect(await store.verify()).toEqual([])
  })

  test('is taken into the file and removed when the store is closed in the middle of it', async () => {
    const file = newPath()
    const store = openStore(file)
    await push(store, 'a', PASS_PAGES + 100)
    await store.close()
    expect(existsSync(`${file}-wal`)).toBe(false)
    const { families } = await readOne(openStore(file), 'a')
    expect(families[0]!.data.toString()).toMatch(/^m 4080 /)
  })
})

test('what was acknowledged beside checkpoints survives kill -9', async () => {
  const file = newPath()
  for (let round = 0; round < 3; round++) {
    const gateway = await startGateway([`--storage.url=sqlite:${file}`])
    const acknowledged = new Map<string, number>()
    let running = true
    const clients = [0, 1, 2, 3].map(async (id) => {
      for (let value = 1; running; value++) {
        const answer = await send('PUT', gateway.url, `/metrics/job/c${id}`, {
          body: `# HELP m ${filling(value, 16)}\n# TYPE m gauge\nm ${value}\n`,
        }).catch(() => undefined)
        if (answer === undefined) return
        expect(answer.status).toBe(200)
        acknowledged.set(`c${id}`, value)
      }
    })
    const pushes = 150 + 37 * round
    await waitFor('pushes', () => {
      const values = [...acknowledged.values()]
      return values.reduce((sum, value) => sum + value, 0) > pushes || undefined
    })
    gateway.process.kill('SIGKILL')
    await gateway.ended
    running = false
    await Promise.all(clients)
    const again = await startGateway([`--storage.url=sqlite:${file}`])
    const samples = await scrape(again.url)
    for (const [job, value] of acknowledged) {
      const held = Number(samples.get(`m{instance="",job="${job}"}`))
      expect([value, value + 1]).toContain(held)
    }
    again.process.kill('SIGKILL')
    await again.ended
  }
})

describe('the thread', () => {
  /** A database of one table, with a row that takes a page; each commit puts one or two pages into the log. */
  function database(file: string): { db: Database; fill: (pages: number) => void } {
    const db = openDatabase(file)
    db.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
    const insert = db.prepare(`INSERT INTO t VALUES (zeroblob(${PAGE - 200}))`)
    return {
      db,
      fill: (pages) => {
        for (let i = 0; i < pages; i += 2) insert.run()
      },
    }
  }

  function pagesPerPassOf(db: Database): unknown {
    return db.prepare('PRAGMA wal_autocheckpoint').pluck().get()
  }

  test('is replaced by the commits themselves when it cannot be started, and creates no file', async () => {
    const { db, fill } = database(newPath())
    const gone = newPath('gone.db')
    const checkpoints = new Checkpointer(db, gone, () => true)
    closeAfterTest(() => checkpoints.close())
    expect(pagesPerPassOf(db)).toBe(PAGES_MAX)
    fill(2.5 * PASS_PAGES)
    checkpoints.committed()
    await waitFor('the thread to fail', () => pagesPerPassOf(db) === SQLITE_PAGES || undefined)
    expect(existsSync(gone)).toBe(false)
    expect(checkpoints.isBusy).toBe(false)
    fill(2)
    fill(2)
    const [, pages] = db.prepare('PRAGMA wal_checkpoint(NOOP)').raw().get() as number[]
    expect(pages).toBeLessThan(PASS_PAGES)
  })

  test('is not asked for a file that is not there any more', () => {
    const file = newPath()
    const { db, fill } = database(file)
    const checkpoints = new Checkpointer(db, file, () => false)
    fill(2.5 * PASS_PAGES)
    checkpoints.committed()
    expect(checkpoints.isBusy).toBe(false)
  })

  test('is not started before the log is worth a pass', () => {
    const file = newPath()
    const { db, fill } = database(file)
    const checkpoints = new Checkpointer(db, file, () => true)
    fill(PASS_PAGES / 2)
    checkpoints.committed()
    expect(checkpoints.isBusy).toBe(false)
  })
})
