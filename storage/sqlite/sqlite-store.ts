/**
 * A store in one SQLite file, shared by any number of gateway processes of one host. Committed
 * means on disk: WAL with synchronous FULL unless the URL asks for less.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import SqliteDatabase, { type Database, type Statement } from 'better-sqlite3'
import { createClock } from '../clock.ts'
import { StoreError } from '../errors.ts'
import type {
  ApplyResult,
  ChangePage,
  ChangesRequest,
  ChangesReset,
  Cursor,
  GroupStore,
  GroupWrite,
  StoredGroup,
  StoreStatus,
} from '../group-store.ts'
import { ChangedGroupReader } from './changed-groups.ts'
import { Checkpointer } from './checkpointer.ts'
import { CommitTable, type Head, type Progress } from './commit-table.ts'
import { isBusy, toStoreError } from './errors.ts'
import { checkDatabaseFile, watchIdentity } from './file-checks.ts'
import { FileSync } from './file-sync.ts'
import { GroupCommit } from './group-commit.ts'
import { GroupTable } from './group-table.ts'
import { keepStatements } from './keep-statements.ts'
import { LayoutTable } from './layout-table.ts'
import { migrate } from './migrate.ts'
import { PendingChanges } from './pending-changes.ts'
import { recount } from './recount.ts'

export interface SqliteOptions {
  /** FULL: an acknowledged push survives power loss. NORMAL: it survives a crash of the process. */
  readonly synchronous: 'full' | 'normal'
  readonly allowSharedFilesystem: boolean
  /** How far a view may be behind before it reads everything anew. */
  readonly historyMax: number
  readonly tombstonesMax: number
  /** How the disk is made to keep what was written to a file; other ways only in tests. */
  readonly sync: {
    readonly inThread: (descriptor: number, done: (error: Error | null) => void) => void
    readonly onTheSpot: ((descriptor: number) => void) | undefined
  }
}

export const SQLITE_DEFAULTS: SqliteOptions = {
  synchronous: 'full',
  allowSharedFilesystem: false,
  historyMax: 1 << 20,
  tombstonesMax: 100_000,
  sync: { inThread: fdatasync, onTheSpot: fdatasyncSync },
}

const OPEN_BUSY_MS = 10_000
const READ_ATTEMPTS = 100
const READ_RETRY_MS = 40
const WIPE_BATCH = 256
const WIPE_TIMEOUT_MS = 60_000
const TRIM_BATCH = 10_000
/**
 * Pages are in the system's cache as well, and the texts in the view. better-sqlite3 would keep 16 MB, which made pushes no
 * faster (test/bench/README.md).
 */
const CACHE_KIB = 2048
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024

/**
 * Opens or creates the database.
 *
 * @throws StoreError unusable or corrupt; a file that is not ours was left untouched
 */
export function openSqliteStore(path: string, options: Partial<SqliteOptions> = {}): GroupStore {
  const settings = { ...SQLITE_DEFAULTS, ...options }
  if (path === ':memory:') {
    throw new StoreError('unusable', 'sqlite::memory: is not a file; a store in memory is memory:')
  }
  if (path.trimEnd() !== path) {
    throw new StoreError(
      'unusable',
      `${JSON.stringify(path)}: a file name may not end with a blank`,
    )
  }
  // Absolute, since SQLite reads some names in its own way.
  const file = resolve(path)
  checkDatabaseFile(file, settings.allowSharedFilesystem)
  let db: Database | undefined
  try {
    db = keepStatements(new SqliteDatabase(file, { timeout: OPEN_BUSY_MS }))
    const opened = db
    untilFree(() => prepareDatabase(opened))
    return new SqliteStore(db, file, settings)
  } catch (error) {
    db?.close()
    const known = toStoreError(error, file)
    if (known instanceof StoreError) throw known
    throw new StoreError('unusable', `cannot open ${file}: ${String(error)}`, { cause: error })
  }
}

function prepareDatabase(db: Database): void {
  db.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL')
  // The log is synced by us, before anybody is answered: SQLite would stop the event loop for it.
  db.exec('PRAGMA synchronous = NORMAL')
  db.exec(`PRAGMA journal_size_limit = ${JOURNAL_BYTES_MAX}`)
  db.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
  const migrated = migrate(db)
  // A log that could not be synced when it was written (see settle) is not needed any more after this.
  if (migrated === 0) db.prepare('PRAGMA wal_checkpoint(PASSIVE)').all()
  // What cannot be written is to be known now, and the log to exist from here on.
  db.exec('BEGIN IMMEDIATE; ROLLBACK')
  // From here on waiting is ours: SQLite's own would stop the event loop.
  db.exec('PRAGMA busy_timeout = 0')
}

/** Switching to WAL does not wait for others that do the same, whatever the timeout says. */
function untilFree(work: () => void): void {
  const deadline = performance.now() + OPEN_BUSY_MS
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + Math.random() * 20)
  }
}

class SqliteStore implements GroupStore {
  readonly url: string
  private readonly db: Database
  private readonly file: string
  private readonly settings: SqliteOptions
  private readonly table: GroupTable
  private readonly changed: ChangedGroupReader
  private readonly history: CommitTable
  private readonly pending: PendingChanges
  private readonly commits: GroupCommit<GroupWrite, ApplyResult>
  private readonly begin: Statement
  private readonly commit: Statement
  private readonly identity: () => string | undefined
  private readonly checkpoints: Checkpointer
  private readonly now = createClock()
  private readonly log: number
  private lost: string | undefined

  constructor(db: Database, file: string, settings: SqliteOptions) {
    this.db = db
    this.file = file
    this.url = `sqlite:${file}`
    this.settings = settings
    const layouts = new LayoutTable(db)
    this.table = new GroupTable(db, layouts)
    this.changed = new ChangedGroupReader(db, layouts)
    this.history = new CommitTable(db)
    this.pending = new PendingChanges(db, this.history)
    this.begin = db.prepare('BEGIN IMMEDIATE')
    this.commit = db.prepare('COMMIT')
    this.identity = watchIdentity(file)
    this.checkpoints = new Checkpointer(db, file, () => this.identity() === undefined)
    this.log = openSync(`${file}-wal`, 'r')
    const { inThread, onTheSpot } = settings.sync
    const sync = new FileSync({
      inThread: (done) => inThread(this.log, done),
      onTheSpot: onTheSpot === undefined ? undefined : () => onTheSpot(this.log),
    })
    this.commits = new GroupCommit<GroupWrite, ApplyResult>({
      run: (writes) => this.runBatch(writes),
      settle: (writes) => this.settle(sync, writes),
      isBusy,
      isBusyBriefly: () => this.checkpoints.isBusy,
      bytesOf,
      translate: (error) => toStoreError(error, file),
    })
  }

  async apply(write: GroupWrite): Promise<ApplyResult> {
    this.checkUsable()
    return this.commits.submit(write, write.timeoutMs)
  }

  async read(keys: readonly Buffer[]): Promise<(StoredGroup | null)[]> {
    return this.reading(() => keys.map((key) => this.table.readGroup(key)))
  }

  async changes(request: ChangesRequest): Promise<ChangePage | ChangesReset> {
    return this.reading(() => this.readPage(request))
  }

  async wipe(nonce: () => string): Promise<number> {
    const { keys, head } = await this.reading(() => ({
      keys: this.db.prepare<[], Buffer>('SELECT key FROM groups WHERE live = 1').pluck().all(),
      head: this.history.head().revision,
    }))
    let removed = 0
    for (let i = 0; i < keys.length; i += WIPE_BATCH) {
      const results = await Promise.all(
        keys.slice(i, i + WIPE_BATCH).map((key) =>
          this.apply({
            kind: 'delete',
            key,
            nonce: nonce(),
            notAfter: head,
            timeoutMs: WIPE_TIMEOUT_MS,
          }),
        ),
      )
      removed += results.filter(({ kind }) => kind === 'applied').length
    }
    return removed
  }

  async maintain(): Promise<void> {
    this.checkUsable()
    try {
      while (this.trimTombstones()) {
        await setImmediate()
        this.checkUsable()
      }
      this.history.dropUpTo(this.history.head().revision - this.settings.historyMax)
    } catch (error) {
      if (!isBusy(error)) throw toStoreError(error, this.file)
    }
  }

  async verify(): Promise<string[]> {
    return this.reading(() => recount(this.db, this.table, this.history.head()))
  }

  async status(): Promise<StoreStatus> {
    const startedAt = performance.now()
    try {
      return await this.reading(() => {
        const head = this.history.head()
        const { groups, samples } = head
        return {
          driver: 'sqlite',
          unavailable: undefined,
          head: cursorOf(head),
          groups,
          samples,
          roundTripMs: performance.now() - startedAt,
        }
      })
    } catch (error) {
      const unavailable = error instanceof Error ? error.message : String(error)
      const head = { epoch: '', revision: 0, nonce: '' }
      const roundTripMs = performance.now() - startedAt
      return { driver: 'sqlite', unavailable, head, groups: 0, samples: 0, roundTripMs }
    }
  }

  async close(): Promise<void> {
    if (!this.db.open) return
    await this.commits.drain()
    if (!this.db.open) return
    await this.checkpoints.close()
    if (!this.db.open) return
    closeSync(this.log)
    this.db.close()
  }

  /** One transaction, on the file that was opened. */
  private runBatch(writes: readonly GroupWrite[]): ApplyResult[] {
    const { db, table, history } = this
    this.checkIdentity()
    this.begin.run()
    let results: ApplyResult[]
    try {
      const head = history.head()
      const progress: Progress = { ...head, written: [] }
      results = writes.map((write) => table.apply(write, progress, this.now()))
      if (progress.written.length > 0) history.append(progress, writes[writes.length - 1]!.nonce)
      this.commit.run()
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
    this.checkpoints.committed()
    return results
  }

  /**
   * What was committed is on the disk, in the file that was opened, before anybody is told. Also where nothing was
   * written: an answer may rest on what another process committed and has not synced.
   */
  private async settle(sync: FileSync, writes: number): Promise<void> {
    if (this.settings.synchronous === 'full') {
      try {
        await sync.written(writes === 1)
      } catch (error) {
        // The kernel may have dropped what it could not write, and would not say so twice.
        this.lost ??= `the log of ${this.file} could not be written to the disk (${String(error)}); nothing is acknowledged until Sluice is restarted`
        throw new StoreError('unconfirmed', `${this.lost}; this write may be gone then`, {
          cause: error,
        })
      }
    }
    this.checkIdentity()
  }

  private readPage(request: ChangesRequest): ChangePage | ChangesReset {
    const head = this.history.head()
    const reason = this.resetReason(request, head)
    if (reason !== undefined) return { kind: 'reset', reason }
    const pending = this.pending.after(request.after, head)
    const { items, upto, complete } = this.changed.read(pending, request.bytesMax)
    if (complete) this.pending.forget()
    return {
      kind: 'page',
      head: cursorOf(head),
      upto: complete ? head.revision : upto,
      complete,
      storeTimeUs: this.now(),
      items,
    }
  }

  private resetReason(
    { position, after, full }: ChangesRequest,
    head: Head,
  ): ChangesReset['reason'] | undefined {
    if (position.revision === 0) return undefined
    if (position.epoch !== head.epoch) return 'epoch'
    if (position.revision > head.revision) return 'ahead'
    const nonce =
      position.revision === head.revision ? head.nonce : this.history.nonceOf(position.revision)
    if (nonce === undefined) {
      const oldest = this.history.oldest()
      return oldest !== undefined && position.revision <= oldest ? 'history' : 'diverged'
    }
    if (nonce !== position.nonce) return 'diverged'
    return head.floor > (full ? position.revision : after) ? 'floor' : undefined
  }

  /** Drops one batch of the oldest; true when there are more to drop. */
  private trimTombstones(): boolean {
    const { db, settings } = this
    return db
      .transaction(() => {
        const excess =
          (db.prepare('SELECT count(*) FROM groups WHERE live = 0').pluck().get() as number) -
          settings.tombstonesMax
        if (excess <= 0) return false
        const old = db
          .prepare<[number], { id: number; revision: number }>(
            'SELECT id, revision FROM groups WHERE live = 0 ORDER BY revision LIMIT ?',
          )
          .all(Math.min(excess, TRIM_BATCH))
        const drop = db.prepare('DELETE FROM groups WHERE id = ?')
        for (const { id } of old) drop.run(id)
        db.prepare('UPDATE meta SET floor = ?').run(old.at(-1)!.revision)
        return excess > TRIM_BATCH
      })
      .immediate()
  }

  /**
   * Runs `work` on one state of the database. Readers wait for nobody in WAL mode, except while
   * another process recovers or removes the log.
   */
  private async reading<T>(work: () => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.checkIdentity()
      try {
        return this.db.transaction(work).deferred()
      } catch (error) {
        if (!isBusy(error) || attempt === READ_ATTEMPTS) throw toStoreError(error, this.file)
      }
      await setTimeout(READ_RETRY_MS * Math.random())
    }
  }

  /** Once lost, always lost: whoever put the file back may have changed it meanwhile. */
  private checkIdentity(): void {
    const gone = this.lost === undefined && this.db.open ? this.identity() : undefined
    if (gone !== undefined) {
      this.lost = `${gone} while Sluice had it open; nothing is acknowledged until it is put back and Sluice restarted`
    }
    this.checkUsable()
  }

  private checkUsable(): void {
    if (!this.db.open) throw new StoreError('unavailable', `${this.file} is closed`)
    if (this.lost !== undefined) throw new StoreError('unavailable', this.lost)
  }
}

function cursorOf({ epoch, revision, nonce }: Head): Cursor {
  return { epoch, revision, nonce }
}

function bytesOf(write: GroupWrite): number {
  if (write.kind === 'fail' || write.kind === 'delete') return 0
  if (write.kind !== 'restore' && write.packed !== undefined) return write.packed.data.length
  return write.families.reduce((total, { data }) => total + data.length, 0)
}
