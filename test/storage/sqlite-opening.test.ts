import { describe, expect, test } from '@jest/globals'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { loadMigrations } from '../../migrations/migrations.ts'
import { groupingKeyOf } from '../../server/groups/grouping-key.ts'
import { StoreError } from '../../storage/errors.ts'
import { APPLICATION_ID, migrate } from '../../storage/sqlite/migrate.ts'
import { openSqliteStore } from '../../storage/sqlite/sqlite-store.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { waitFor } from '../support/http.ts'
import { runProgram, startGateway } from '../support/program.ts'
import { applied, contents, headOf, readOne } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { startChild, type Child } from './processes/child.ts'
import type { Open, Opened } from './processes/open-store.ts'
import { newPath, openDatabase, openStore, snapshot, thrownBy } from './sqlite-files.ts'

const KNOWN = loadMigrations().length

function refusal(file: string): StoreError {
  const error = thrownBy(() => openSqliteStore(file))
  expect(error).toBeInstanceOf(StoreError)
  expect((error as StoreError).message).toContain(file)
  return error as StoreError
}

/** The file is refused, and nothing in its folder is changed, made or taken away. */
function expectUntouched(file: string, code: StoreError['code'], message: RegExp): void {
  const before = snapshot(path.dirname(file))
  const error = refusal(file)
  expect(error.code).toBe(code)
  expect(error.message).toMatch(message)
  expect(snapshot(path.dirname(file))).toEqual(before)
}

describe('what becomes a database', () => {
  test('a missing file is created', async () => {
    const store = openStore(newPath())
    await applied(store, replace('g', [family('a')]))
    expect(await store.verify()).toEqual([])
  })

  test('an empty file is filled', async () => {
    const file = newPath()
    writeFileSync(file, '')
    await applied(openStore(file), replace('g', [family('a')]))
    expect(statSync(file).size).toBeGreaterThan(0)
  })

  test('missing folders above the file are created', async () => {
    const file = path.join(temporaryFolder(), 'a/b c/d', 'store.db')
    await applied(openStore(file), replace('g', [family('a')]))
    expect(existsSync(file)).toBe(true)
  })

  test.each(["it's.db", 'a b.db', 'Ünï.db', '100%.db', 'a;b.db', '"q".db', 'file:x.db', '#.db'])(
    'a file may be called %s',
    async (name) => {
      const file = newPath(name)
      await applied(openStore(file), replace('g', [family('a')]))
      expect(existsSync(file)).toBe(true)
    },
  )

  test('a name that SQLite would take for something else is refused or taken as it is', async () => {
    const folder = temporaryFolder()
    for (const name of [' store.db', 'store.db ', ':memory:']) {
      const file = name === ':memory:' ? name : path.join(folder, name)
      try {
        openStore(file)
        expect(existsSync(file)).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError)
      }
      expect(existsSync(path.join(folder, 'store.db'))).toBe(false)
    }
  })

  test('a closed database opens again with everything in it', async () => {
    const file = newPath()
    const first = openStore(file)
    await applied(first, replace('g', [family('a')]))
    await applied(first, replace('h', [family('b')]))
    await applied(first, remove('h'))
    const [group, head] = [await readOne(first, 'g'), await headOf(first)]
    await first.close()
    const second = openStore(file)
    expect(await readOne(second, 'g')).toEqual(group)
    expect(await headOf(second)).toEqual(head)
    expect(await applied(second, replace('g', [family('a')]))).toBe(4)
  })
})

describe('refused and left untouched', () => {
  test.each([
    ['a text', Buffer.from('Hello\n')],
    ['a persistence file of the original', Buffer.from([0x0d, 0x7f, 0x04, 0x01, 0x02, 0xff, 0x82])],
    ['zeros', Buffer.alloc(8192)],
    ['a single byte', Buffer.from([0x53])],
    ['something that begins almost like SQLite', Buffer.from('SQLite format 4\0'.padEnd(4096))],
  ])('is a file that is no database: %s', (_what, bytes) => {
    const file = newPath()
    writeFileSync(file, bytes)
    expectUntouched(file, 'unusable', /not a database of Sluice/)
  })

  test('is a folder in the place of the file', () => {
    const file = newPath()
    mkdirSync(file)
    expectUntouched(file, 'unusable', /not a file/)
  })

  test('is a file in the place of the folder', () => {
    const file = newPath()
    writeFileSync(file, 'x')
    const inside = path.join(file, 'store.db')
    expect(refusal(inside).code).toBe('unusable')
    expect(readFileSync(file, 'utf8')).toBe('x')
  })

  test.each([
    ['without application_id', 0, 'delete'],
    ['with its own application_id', 0x0f055112, 'delete'],
    ['in WAL mode', 0, 'wal'],
  ])("is another program's database %s", (_what, id, mode) => {
    const file = newPath()
    const db = openDatabase(file)
    db.pragma(`journal_mode = ${mode}`)
    db.exec('CREATE TABLE groups (x); INSERT INTO groups VALUES (1)')
    db.pragma(`application_id = ${id}`)
    db.close()
    expectUntouched(file, 'unusable', new RegExp(`another program.*${id}`))
  })

  test("is another program's database that is in use, with its tables in the log only", () => {
    const file = newPath()
    const db = openDatabase(file)
    db.pragma('journal_mode = WAL')
    db.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)')
    expect(refusal(file).message).toMatch(/another program/)
    db.exec('INSERT INTO theirs VALUES (2)')
    expect(db.prepare('SELECT count(*) FROM theirs').pluck().get()).toBe(2)
    expect(db.pragma('user_version', { simple: true })).toBe(0)
  })

  test('is the database of another program that was killed, with its tables in the log only', () => {
    const file = newPath()
    const db = openDatabase(newPath())
    db.pragma('journal_mode = WAL')
    db.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)')
    for (const suffix of ['', '-wal']) copyFileSync(db.name + suffix, file + suffix)
    expect(refusal(file).message).toMatch(/another program/)
    const theirs = openDatabase(file)
    expect(theirs.prepare('SELECT count(*) FROM theirs').pluck().get()).toBe(1)
    expect(theirs.pragma('user_version', { simple: true })).toBe(0)
  })

  test('is a database that ends inside its header', async () => {
    for (const size of [16, 17, 68, 100, 107]) {
      const file = newPath()
      await openStore(file).close()
      truncateSync(file, size)
      expectUntouched(file, 'corrupt', /ends inside its header/)
    }
  })

  test('is a database that ends inside or after its first page', async () => {
    for (const size of [108, 4000, 8192, 20_000]) {
      const file = newPath()
      const store = openStore(file)
      await applied(store, replace('g', [family('a', { data: Buffer.alloc(50_000, 'a') })]))
      await store.close()
      truncateSync(file, size)
      const before = readFileSync(file)
      expect(refusal(file).code).toBe('corrupt')
      expect(readFileSync(file).equals(before)).toBe(true)
    }
  })

  test('is a newer schema, and both versions are named', async () => {
    const file = newPath()
    await openStore(file).close()
    const db = openDatabase(file)
    db.pragma(`user_version = ${KNOWN + 41}`)
    db.close()
    expectUntouched(file, 'unusable', new RegExp(`version ${KNOWN + 41}.*only up to ${KNOWN}\\b`))
  })

  test('means for the program: it ends with status 1 and says why', async () => {
    const file = newPath()
    writeFileSync(file, 'Hello\n')
    const program = runProgram(['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`])
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toContain(`${file} is not a database of Sluice`)
    expect(program.stderr()).not.toContain('msg=listening')
    expect(snapshot(path.dirname(file))).toEqual({
      'store.db': Buffer.from('Hello\n').toString('hex'),
    })
  })
})

describe('what may not be written', () => {
  /** Runs the program without the rights of root, and gives what it said when it gave up. */
  async function refusedStart(file: string): Promise<string> {
    const uid = process.getuid?.() === 0 ? { uid: 65534 } : {}
    const args = ['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`]
    const program = runProgram(args, uid)
    const ended = await program.ended
    expect({ ...ended, said: program.stderr() }).toMatchObject({ code: 1, signal: null })
    return program.stderr()
  }

  async function databaseIn(folderMode: number, fileMode: number): Promise<string> {
    const file = newPath()
    await openStore(file).close()
    chmodSync(file, fileMode)
    chmodSync(path.dirname(file), folderMode)
    closeAfterTest(() => chmodSync(path.dirname(file), 0o777))
    return file
  }

  test('a read-only file: the start fails and names it', async () => {
    const file = await databaseIn(0o777, 0o444)
    const before = readFileSync(file)
    expect(await refusedStart(file)).toContain(`cannot use ${file}: EACCES`)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('a read-only folder: the start fails and names the file', async () => {
    const file = await databaseIn(0o555, 0o666)
    expect(await refusedStart(file)).toContain(`cannot use ${file}: EACCES`)
  })

  test('a new file in a read-only folder: the start fails and names the file', async () => {
    const file = path.join(path.dirname(await databaseIn(0o555, 0o666)), 'new.db')
    expect(await refusedStart(file)).toContain(`cannot use ${file}: EACCES`)
    expect(existsSync(file)).toBe(false)
  })

  test('a missing folder in a read-only one: the start fails and names the file', async () => {
    const file = path.join(path.dirname(await databaseIn(0o555, 0o666)), 'sub/new.db')
    expect(await refusedStart(file)).toContain(`cannot use ${file}: EACCES`)
  })

  test('a file that may not be read: the start fails and names it', async () => {
    const file = await databaseIn(0o777, 0o000)
    expect(await refusedStart(file)).toContain(`cannot use ${file}: EACCES`)
  })

  test("a log of somebody else's beside the file: the start fails and names the file", async () => {
    const file = newPath()
    chmodSync(path.dirname(file), 0o777)
    const store = openStore(file)
    await applied(store, replace('g', [family('a')]))
    chmodSync(file, 0o666)
    for (const suffix of ['-wal', '-shm']) chmodSync(file + suffix, 0o444)
    expect(await refusedStart(file)).toContain(file)
    expect(contents(await readOne(store, 'g'))).toEqual({ a: 'a 1\n' })
  })
})

describe('migrations', () => {
  const schema = `SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name`

  test('are applied once: opening again changes nothing', async () => {
    const file = newPath()
    await openStore(file).close()
    const db = openDatabase(file)
    const state = () => [
      db.prepare(schema).all(),
      db.pragma('user_version', { simple: true }),
      db.pragma('application_id', { simple: true }),
      db.prepare('SELECT * FROM meta').all(),
    ]
    const before = state()
    await openStore(file).close()
    migrate(db)
    migrate(db)
    expect(state()).toEqual(before)
    expect(before[1]).toBe(KNOWN)
    expect(before[2]).toBe(APPLICATION_ID)
  })

  test('that are missing in an older database are applied, and only those', () => {
    const db = openDatabase(newPath())
    const steps = ['one', 'two', 'three'].map((name, i) => ({
      version: i + 1,
      name,
      sql: `CREATE TABLE ${name} (x)`,
    }))
    migrate(db, steps.slice(0, 1))
    migrate(db, steps)
    migrate(db, steps)
    expect(db.pragma('user_version', { simple: true })).toBe(3)
    expect(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()).toBe(3)
    expect(thrownBy(() => migrate(db, steps.slice(0, 2)))).toMatchObject({ code: 'unusable' })
  })

  test('that fail leave nothing behind', () => {
    const db = openDatabase(newPath())
    const steps = [
      { version: 1, name: 'one', sql: 'CREATE TABLE one (x)' },
      { version: 2, name: 'two', sql: 'CREATE TABLE two (x); CREATE TABLE one (x)' },
    ]
    expect(() => migrate(db, steps)).toThrow(/already exists/)
    expect(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()).toBe(0)
    expect(db.pragma('user_version', { simple: true })).toBe(0)
    expect(db.pragma('application_id', { simple: true })).toBe(0)
  })

  test('are numbered without gaps', () => {
    expect(loadMigrations().map(({ version }) => version)).toEqual(
      Array.from({ length: KNOWN }, (_, i) => i + 1),
    )
  })
})

describe('starts that meet or die', () => {
  async function startOpeners(count: number): Promise<Child<Opened>[]> {
    const children = Array.from({ length: count }, () => startChild<Opened>('open-store.ts'))
    for (const child of children) expect(await child.answer()).toEqual({ kind: 'ready' })
    return children
  }

  function tellToOpen(child: Child<Opened>, open: Partial<Open> & { file: string }): void {
    child.send({ at: 0, close: false, ...open })
  }

  test('20 processes that open one new file at once all succeed, with the same store', async () => {
    const children = await startOpeners(20)
    for (let round = 0; round < 24; round++) {
      // Also where the folders above it are missing.
      const file = newPath(round % 3 === 2 ? 'some/folder/store.db' : 'store.db')
      const [at, close] = [Date.now() + 25, round % 2 === 1]
      for (const child of children) tellToOpen(child, { file, at, close })
      const answers = await Promise.all(children.map((child) => child.answer()))
      const failed = answers.filter(({ kind }) => kind !== 'opened')
      expect({ round, failed }).toEqual({ round, failed: [] })
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
      expect(await openStore(file).verify()).toEqual([])
    }
  }, 90_000)

  test('a database whose first process was killed after creating it opens', async () => {
    const file = newPath()
    const [child] = await startOpeners(1)
    tellToOpen(child!, { file })
    const opened = await child!.answer()
    const header = newPath()
    copyFileSync(file, header)
    await child!.kill()
    // What the kill left: a header, and everything else in the log.
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
    expect(readFileSync(file).readUInt32BE(68)).toBe(0)
    const store = openStore(file)
    expect(opened).toEqual({ kind: 'opened', epoch: (await headOf(store)).epoch })
    await applied(store, replace('g', [family('a')]))
    await applied(openStore(header), replace('g', [family('a')]))
  })

  test('wherever in its first start a process is killed, the next one starts', async () => {
    for (const [i, child] of (await startOpeners(5)).entries()) {
      const file = newPath()
      tellToOpen(child, { file })
      // As soon as there is anything of the file, and a little later each time.
      await waitFor('the file', () => existsSync(file) || undefined)
      for (let turn = 0; turn < i * 60; turn++) await new Promise((go) => setImmediate(go))
      await child.kill()
      const store = openStore(file)
      await applied(store, replace('g', [family('a')]))
      expect(await store.verify()).toEqual([])
    }
  })

  test('a gateway starts on a file while others push to it', async () => {
    const file = newPath()
    const first = await startGateway([`--storage.url=sqlite:${file}`])
    const store = openStore(file)
    let pushing = true
    const pusher = (async () => {
      for (let i = 0; pushing; i++) {
        const { key } = groupingKeyOf([{ name: 'job', value: `j${i % 50}` }])
        await applied(store, replace(key, []))
      }
    })()
    const second = await startGateway([`--storage.url=sqlite:${file}`])
    pushing = false
    await pusher
    expect(second.url).not.toBe(first.url)
  })
})
