import { afterEach, describe, expect, jest, test } from '@jest/globals'
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { watchIdentity } from '../../storage/sqlite/file-checks.ts'
import { send } from '../support/http.ts'
import { startGateway, type RunningGateway } from '../support/program.ts'
import { pushedValues, scrape } from '../support/page.ts'
import { applied, contents, exists, readOne } from './contract/reading.ts'
import { family, merge, replace } from './contract/writes.ts'
import { newPath, openStore } from './sqlite-files.ts'

const SIDE_FILES = ['', '-wal', '-shm']

function put(url: string, job: string, value: number) {
  return send('PUT', url, `/metrics/job/${job}`, { body: `m ${value}\n` })
}

async function startOn(file: string): Promise<RunningGateway> {
  return startGateway([`--storage.url=sqlite:${file}`])
}

async function expectRefused(url: string, file: string, what: RegExp): Promise<void> {
  for (const answer of [
    await put(url, 'late', 1),
    await send('DELETE', url, '/metrics/job/early'),
    await send('GET', url, '/metrics'),
    await send('GET', url, '/-/ready'),
  ]) {
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect(answer.text).toContain(file)
    expect(answer.text).toMatch(what)
  }
  expect((await send('GET', url, '/-/healthy')).status).toBe(200)
}

describe('while a gateway has it open, the file', () => {
  test.each([
    ['is removed', (file: string) => rmSync(file), /removed/],
    ['is moved away', (file: string) => renameSync(file, `${file}.away`), /moved/],
    [
      'is removed with its log',
      (file: string) => SIDE_FILES.forEach((suffix) => rmSync(file + suffix)),
      /removed/,
    ],
    [
      'is removed with its folder',
      (file: string) => rmSync(path.dirname(file), { recursive: true }),
      /removed/,
    ],
    [
      'is replaced by another database',
      (file: string) => {
        copyFileSync(file, `${file}.copy`)
        renameSync(`${file}.copy`, file)
      },
      /replaced/,
    ],
    [
      'is replaced by a folder',
      (file: string) => {
        rmSync(file)
        mkdirSync(file)
      },
      /replaced/,
    ],
    [
      'is removed and made again',
      (file: string) => {
        rmSync(file)
        writeFileSync(file, '')
      },
      /replaced/,
    ],
  ])('%s: everything but /-/healthy is answered 503 and names it', async (_what, change, says) => {
    const file = newPath()
    const { url } = await startOn(file)
    expect((await put(url, 'early', 1)).status).toBe(200)
    change(file)
    await expectRefused(url, file, says)
  })

  test('is replaced and put back: every acknowledged push is there after a restart', async () => {
    const file = newPath()
    const gateway = await startOn(file)
    for (const suffix of SIDE_FILES) linkSync(file + suffix, `${file}.kept${suffix}`)
    const acknowledged: Record<string, string> = {}
    for (let i = 0; i < 60; i++) {
      if (i === 40) {
        copyFileSync(file, `${file}.copy`)
        renameSync(`${file}.copy`, file)
      }
      const { status } = await put(gateway.url, `j${i}`, i)
      expect(status).toBe(i < 40 ? 200 : 503)
      if (status === 200) acknowledged[`m{instance="",job="j${i}"}`] = String(i)
    }
    gateway.process.kill('SIGKILL')
    await gateway.ended
    for (const suffix of SIDE_FILES) renameSync(`${file}.kept${suffix}`, file + suffix)
    const again = await startOn(file)
    expect(pushedValues(await scrape(again.url))).toMatchObject(acknowledged)
  })

  test('is moved away and back: a push that was refused is not in it', async () => {
    const file = newPath()
    const store = openStore(file)
    await applied(store, replace('g', [family('m', { data: 'acknowledged' })]))
    renameSync(file, `${file}.away`)
    await expect(store.apply(replace('g', [family('m', { data: 'refused' })]))).rejects.toThrow(
      file,
    )
    await expect(store.apply(merge('h', [family('m')]))).rejects.toMatchObject({
      code: 'unavailable',
    })
    await store.close()
    renameSync(`${file}.away`, file)
    const again = openStore(file)
    expect(contents(await readOne(again, 'g'))).toEqual({ m: 'acknowledged' })
    expect(await exists(again, 'h')).toBe(false)
  })

  test('is moved away and back: the gateway refuses until it is started again', async () => {
    const file = newPath()
    const gateway = await startOn(file)
    await put(gateway.url, 'early', 1)
    renameSync(file, `${file}.away`)
    expect((await put(gateway.url, 'late', 1)).status).toBe(503)
    renameSync(`${file}.away`, file)
    expect((await put(gateway.url, 'late', 2)).status).toBe(503)
    gateway.process.kill('SIGTERM')
    expect(await gateway.ended).toEqual({ code: 0, signal: null })
    const again = await startOn(file)
    expect((await put(again.url, 'late', 3)).status).toBe(200)
    expect(pushedValues(await scrape(again.url))).toEqual({
      'm{instance="",job="early"}': '1',
      'm{instance="",job="late"}': '3',
    })
  })

  test('loses its log: what is acknowledged from then on is there after a crash', async () => {
    const file = newPath()
    const gateway = await startOn(file)
    expect((await put(gateway.url, 'early', 1)).status).toBe(200)
    rmSync(`${file}-wal`)
    const { status } = await put(gateway.url, 'late', 1)
    gateway.process.kill('SIGKILL')
    await gateway.ended
    if (status === 200) {
      const again = await startOn(file)
      expect(pushedValues(await scrape(again.url))).toMatchObject({
        'm{instance="",job="late"}': '1',
      })
    } else {
      expect(status).toBe(503)
    }
  })

  test('is replaced: stopping the old gateway does no harm to a new one on the new file', async () => {
    const file = newPath()
    const old = await startOn(file)
    await put(old.url, 'old', 1)
    for (const suffix of SIDE_FILES) renameSync(file + suffix, `${file}.away${suffix}`)
    const young = await startOn(file)
    expect((await put(young.url, 'young', 1)).status).toBe(200)
    expect((await put(old.url, 'old', 2)).status).toBe(503)
    old.process.kill('SIGTERM')
    await old.ended
    expect((await put(young.url, 'young', 2)).status).toBe(200)
    expect(existsSync(`${file}-wal`)).toBe(true)
    young.process.kill('SIGKILL')
    await young.ended
    const again = await startOn(file)
    expect(pushedValues(await scrape(again.url))).toEqual({ 'm{instance="",job="young"}': '2' })
  })
})

describe('looking whether the files are still there', () => {
  /** Files with the names of a database and its log, in a folder nobody touched for a while. */
  function quietFolder(): { file: string; look: () => string | undefined; quiet: () => void } {
    const file = newPath()
    for (const suffix of SIDE_FILES) writeFileSync(file + suffix, '')
    const look = watchIdentity(file)
    // Times of changes cannot be set: the clock is.
    const later = Date.now() + 10_000
    const quiet = (): void => void jest.spyOn(Date, 'now').mockReturnValue(later)
    return { file, look, quiet }
  }

  afterEach(() => {
    jest.restoreAllMocks()
  })

  test.each(SIDE_FILES)('notices at once that %j was moved, replaced or removed', (suffix) => {
    for (const change of [
      (name: string) => renameSync(name, `${name}.away`),
      (name: string) => {
        writeFileSync(`${name}.new`, '')
        renameSync(`${name}.new`, name)
      },
      (name: string) => rmSync(name),
    ]) {
      const { file, look, quiet } = quietFolder()
      quiet()
      expect([look(), look()]).toEqual([undefined, undefined])
      change(file + suffix)
      expect(look()).toContain(file + suffix)
      expect(look()).toContain(file + suffix)
    }
  })

  test('notices that the folder was moved, and that another stands in its place', () => {
    const { file, look, quiet } = quietFolder()
    const folder = path.dirname(file)
    quiet()
    expect([look(), look()]).toEqual([undefined, undefined])
    renameSync(folder, `${folder}.away`)
    expect(look()).toContain(file)
    mkdirSync(folder)
    for (const suffix of SIDE_FILES) writeFileSync(file + suffix, '')
    expect(look()).toContain(`${file} was replaced`)
    rmSync(folder, { recursive: true })
    renameSync(`${folder}.away`, folder)
    expect(look()).toBeUndefined()
  })

  test('does not rely on the times of a folder that has just changed', () => {
    const { file, look } = quietFolder()
    for (let i = 0; i < 50; i++) {
      writeFileSync(`${file}.${i}`, '')
      expect(look()).toBeUndefined()
      renameSync(file, `${file}.away`)
      expect(look()).toContain(file)
      renameSync(`${file}.away`, file)
    }
  })
})
