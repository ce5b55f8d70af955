import { describe, expect, test } from '@jest/globals'
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { groupingKeyOf } from '../../server/groups/grouping-key.ts'
import { StoreError } from '../../storage/errors.ts'
import { ORIGIN } from '../../storage/group-store.ts'
import { send, waitFor } from '../support/http.ts'
import { runProgram, startGateway } from '../support/program.ts'
import { applied, contents, headOf, readOne, since } from './contract/reading.ts'
import { family, merge, remove, replace } from './contract/writes.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

const GROUPS = 200
const PAGE_BYTES = 8192

function keyOf(i: number): Buffer {
  return groupingKeyOf([{ name: 'job', value: `job${i}` }]).key
}

function textOf(i: number): string {
  const lines = Array.from(
    { length: 30 },
    (_, n) => `m_${i}{instance="",job="job${i}",n="${n}"} 1\n`,
  )
  return `# TYPE m_${i} gauge\n${lines.join('')}`
}

/** A closed database of 200 groups of about 1 KB, all of it in the main file. */
async function filledDatabase(): Promise<string> {
  const file = newPath()
  const store = openStore(file)
  for (let i = 0; i < GROUPS; i++) {
    const place = { partition: `job${i}`, nameSet: '["job"]' }
    await applied(store, replace(keyOf(i), [family(`m_${i}`, { data: textOf(i) })], place))
  }
  await store.close()
  return file
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, at)
  closeSync(descriptor)
}

/** Overwrites the middle third of the file, which is rows of groups and nothing else. */
function spoilPages(file: string, byte: number): void {
  const pages = statSync(file).size / PAGE_BYTES
  const first = Math.floor(pages / 3)
  const spoiled = Buffer.alloc((Math.floor((pages * 2) / 3) - first) * PAGE_BYTES, byte)
  overwrite(file, first * PAGE_BYTES, spoiled)
}

/** Overwrites what stands at the `nth` place of some bytes; fails when they are not in the file. */
function spoilText(file: string, find: string, put: string, nth = 0): void {
  const bytes = readFileSync(file)
  let at = -1
  for (let i = 0; i <= nth; i++) at = bytes.indexOf(find, at + 1)
  expect(at).toBeGreaterThan(0)
  expect(put).toHaveLength(find.length)
  overwrite(file, at, Buffer.from(put))
}

async function refusedStart(file: string): Promise<string> {
  const args = ['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`]
  const program = runProgram(args)
  expect(await program.ended).toEqual({ code: 1, signal: null })
  return program.stderr()
}

/** The call fails as a damaged store does, naming the file. */
async function expectDamage(file: string, call: Promise<unknown>): Promise<void> {
  const error: unknown = await call.then(
    (value) => ({ value }),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StoreError)
  expect(error).toMatchObject({ code: 'corrupt' })
  expect((error as StoreError).message).toContain(file)
}

describe.each([
  ['zeros', 0],
  ['garbage', 0xa5],
])('pages overwritten with %s', (_what, byte) => {
  test('the gateway does not start, and names the file', async () => {
    const file = await filledDatabase()
    spoilPages(file, byte)
    expect(await refusedStart(file)).toMatch(new RegExp(`level=error.*${file}.*damaged`))
  })

  test('whatever meets them fails as corrupt and names the file; nothing is left out quietly', async () => {
    const file = await filledDatabase()
    spoilPages(file, byte)
    const store = openStore(file)
    await expectDamage(file, store.changes(since(ORIGIN)))
    await expectDamage(file, store.read(Array.from({ length: GROUPS }, (_, i) => keyOf(i))))
    await expectDamage(file, store.verify())
    const outcomes = await Promise.allSettled(
      Array.from({ length: GROUPS }, (_, i) => store.read([keyOf(i)])),
    )
    // A group is there, or reading it fails; none is gone.
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value[0]).not.toBeNull()
      else expect(outcome.reason).toMatchObject({ code: 'corrupt' })
    }
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(
      new Set(['fulfilled', 'rejected']),
    )
    const victims = outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))
    await expectDamage(file, store.apply(remove(keyOf(victims[0]!))))
    await expectDamage(file, store.apply(merge(keyOf(victims[1]!), [family('new')])))
  })
})

test('a running gateway answers 503 to what meets damaged pages, naming the file, and never 500', async () => {
  const file = await filledDatabase()
  const gateway = await startGateway([`--storage.url=sqlite:${file}`])
  const other = openStore(file)
  spoilPages(file, 0xa5)
  // The gateway read every page when it started. A write of another process makes it look again.
  const elsewhere = Array.from({ length: 20 }, (_, i) =>
    other.apply(replace(keyOf(GROUPS + i), [])),
  )
  const written = (await Promise.allSettled(elsewhere)).filter(
    ({ status }) => status !== 'rejected',
  )
  expect(written.length).toBeGreaterThan(0)
  const statuses = new Set<number>()
  for (let i = 0; i < GROUPS; i += 5) {
    const path = `/metrics/job/job${i}`
    const { status, text } = await send('POST', gateway.url, path, { body: `other_${i} 1\n` })
    statuses.add(status)
    if (status === 200) continue
    expect({ status, named: text.includes(file) }).toEqual({ status: 503, named: true })
  }
  expect(statuses).toContain(503)
  const page = await send('GET', gateway.url, '/metrics')
  if (page.status === 200) expect(page.text).toContain('m_77{')
  else expect(page.status).toBe(503)
})

describe('rows whose own bytes were overwritten', () => {
  test.each([
    ['is no JSON any more', '["m_77",', '["m_77"#'],
    ['reads otherwise than it was written', '"m_77","gauge"]', '"m_77","gauze"]'],
  ])('a layout that %s: the group is corrupt, the file is named', async (_what, find, put) => {
    const file = await filledDatabase()
    openDatabase(file)
      .prepare('UPDATE layouts SET families = replace(families, ?, ?)')
      .run(find, put)
    const store = openStore(file)
    await expectDamage(file, store.read([keyOf(77)]))
    await expectDamage(file, store.changes(since(ORIGIN)))
    await expectDamage(file, store.verify())
    await expectDamage(file, store.apply(merge(keyOf(77), [family('new')])))
    expect(await refusedStart(file)).toContain(file)
  })

  test('a layout that is gone: its group is corrupt, the file is named', async () => {
    const file = await filledDatabase()
    openDatabase(file).exec(`DELETE FROM layouts WHERE families LIKE '[["m_77",%'`)
    const store = openStore(file)
    await expectDamage(file, store.read([keyOf(77)]))
    await expectDamage(file, store.changes(since(ORIGIN)))
    await expectDamage(file, store.apply(replace(keyOf(77), [family('new')])))
    expect(contents(await readOne(store, keyOf(78)))).toEqual({ m_78: textOf(78) })
  })

  test.each([
    ['lengths that are not those of the text', `lengths = '[1]'`],
    ['more lengths than families', `lengths = '[1,' || substr(lengths, 2)`],
    ['lengths that are no numbers', `lengths = '["1"]'`],
    ['lengths that are no JSON', `lengths = '[1'`],
    ['push times that are no JSON', `pushed_before_us = 'x'`],
  ])('%s: the group is corrupt', async (_what, change) => {
    const file = await filledDatabase()
    openDatabase(file).prepare(`UPDATE groups SET ${change} WHERE key = ?`).run(keyOf(77))
    const store = openStore(file)
    await expectDamage(file, store.read([keyOf(77)]))
    await expectDamage(file, store.changes(since(ORIGIN)))
  })

  test('a list of written groups that cannot be read: following the store is corrupt', async () => {
    const file = await filledDatabase()
    const store = openStore(file)
    const head = await headOf(store)
    await applied(store, merge(keyOf(77), []))
    openDatabase(file).exec(`UPDATE commits SET written = '[7' WHERE revision = ${GROUPS + 1}`)
    await expectDamage(file, store.changes(since(head)))
  })

  test('text without line ends: the gateway says so and does not hang', async () => {
    const file = await filledDatabase()
    const text = textOf(77)
    spoilText(file, text, text.replaceAll('\n', ' '))
    const args = ['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`]
    const program = runProgram(args)
    let over = false
    void program.ended.then(() => (over = true))
    const said = await waitFor('the gateway to listen or to give up', () =>
      over || program.stderr().includes('listening') ? program.stderr() : undefined,
    )
    expect(said).toMatch(/level=(error|warn)/)
  })

  test('text that is no exposition: whoever pushes what must be compared with it gets 503, not 400', async () => {
    const file = await filledDatabase()
    const series = 'm_77{instance="",job="job77",n="3"}'
    spoilText(file, series, series.replace('{', '['))
    const { url } = await startGateway([`--storage.url=sqlite:${file}`])
    const push = (i: number) =>
      send('PUT', url, `/metrics/job/job${i}/x/1`, { body: `# TYPE m_${i} gauge\nm_${i} 1\n` })
    const { status } = await push(77)
    expect(status).toBe(503)
    expect((await push(78)).status).toBe(200)
  })
})
