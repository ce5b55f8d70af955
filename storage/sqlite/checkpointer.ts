/**
 * Takes what the log holds into the database file, again and again, so that the log starts over instead of growing. In a
 * thread of its own with a connection of its own: copying thousands of pages and waiting for the disk twice stops the event
 * loop for some 10 ms. Who else uses the file is taken care of by SQLite's locks. Ratios in test/bench/README.md.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { Database, Statement } from 'better-sqlite3'

/**
 * So many pages in the log are worth a pass. Of four times SQLite's own choice many are the same page again, which is copied
 * once, and the end of a pass keeps commits waiting four times less often.
 */
export const PASS_PAGES = 4000
/** From here on each commit tries it by itself, should the thread not keep up. */
export const PAGES_MAX = 2 * PASS_PAGES
/** What SQLite does by itself. */
const SQLITE_PAGES = 1000
/** The pause after a pass that did not come to its end: somebody reads an old state, or the disk is full. */
const PAUSE_MS = 100

/**
 * Runs in the worker. It is text, because a worker does not read TypeScript. Most is copied while others write on; the
 * second step keeps them from it while it copies what came meanwhile, since the log starts over only when it was copied
 * to its end. Opening reads nothing yet: before the first pass it is known that the files are the right ones.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const Database = require(workerData.module)
const db = new Database(workerData.file, { fileMustExist: true, timeout: 50 })
let steps
function pass() {
  if (steps === undefined) {
    db.exec('PRAGMA synchronous = NORMAL')
    steps = ['PASSIVE', 'RESTART'].map((mode) => db.prepare('PRAGMA wal_checkpoint(' + mode + ')').raw())
  }
  return steps.every((step) => {
    const [busy, pages, copied] = step.get()
    return busy === 0 && copied === pages
  })
}
parentPort.on('message', (message) => {
  if (message === 'close') {
    db.close()
    return parentPort.close()
  }
  let complete = false
  try {
    complete = pass()
  } catch {}
  parentPort.postMessage({ complete })
})
parentPort.postMessage({ complete: true })
`

export class Checkpointer {
  private readonly db: Database
  private readonly file: string
  private readonly isThere: () => boolean
  private readonly log: Statement<[], [busy: number, pages: number, copied: number]>
  private worker: Worker | undefined
  private state: 'idle' | 'busy' | 'over' = 'idle'
  private pausedUntil = 0

  /**
   * @param db the connection that commits
   * @param isThere whether `file` and its log are still those that `db` has open
   */
  constructor(db: Database, file: string, isThere: () => boolean) {
    this.db = db
    this.file = file
    this.isThere = isThere
    // Looks, and does nothing.
    this.log = db.prepare<[], [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw()
    db.exec(`PRAGMA wal_autocheckpoint = ${PAGES_MAX}`)
  }

  /** Whether a pass is on its way, which may keep the file locked for some milliseconds. */
  get isBusy(): boolean {
    return this.state === 'busy'
  }

  /** To be called after each commit, outside of transactions. Never throws: what was committed was. */
  committed(): void {
    if (this.state !== 'idle') return
    try {
      const [, pages] = this.log.get()!
      if (pages < PASS_PAGES || performance.now() < this.pausedUntil || !this.isThere()) return
      this.state = 'busy'
      if (this.worker === undefined) this.start()
      else this.worker.postMessage('pass')
    } catch {
      this.leaveItToCommits()
    }
  }

  /** Ends the thread and its connection, after the pass that it may be at. */
  async close(): Promise<void> {
    this.state = 'over'
    const { worker } = this
    if (worker === undefined) return
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
      worker.ref()
      worker.postMessage('close')
    })
  }

  private start(): void {
    const module = createRequire(import.meta.url).resolve('better-sqlite3')
    const worker = new Worker(PROGRAM, {
      eval: true,
      execArgv: [],
      workerData: { module, file: this.file },
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    })
    this.worker = worker
    worker.unref()
    worker.on('message', ({ complete }: { complete: boolean }) => {
      if (this.state === 'busy') this.state = 'idle'
      if (!complete) this.pausedUntil = performance.now() + PAUSE_MS
    })
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      this.worker = undefined
      if (this.state !== 'over') this.leaveItToCommits()
    })
  }

  /** As SQLite does it by itself. */
  private leaveItToCommits(): void {
    this.state = 'over'
    if (this.db.open) this.db.exec(`PRAGMA wal_autocheckpoint = ${SQLITE_PAGES}`)
  }
}
