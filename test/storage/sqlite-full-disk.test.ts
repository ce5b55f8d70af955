import { expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { StoreError } from '../../storage/errors.ts'
import { send, waitFor, type Answer } from '../support/http.ts'
import { pushedValues, scrape } from '../support/page.ts'
import { runProgram, startGateway } from '../support/program.ts'
import { reportNotRun } from '../support/programs.ts'
import { applied, exists } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'
import { newPath, openStore } from './sqlite-files.ts'

/** About 100 KB of samples. */
function bigBody(value: number): string {
  const padding = 'x'.repeat(1000)
  return Array.from({ length: 100 }, (_, i) => `big{n="${i}",p="${padding}"} ${value}\n`).join('')
}

function put(url: string, job: string, value: number, body = `m ${value}\n`): Promise<Answer> {
  return send('PUT', url, `/metrics/job/${job}`, { body })
}

async function jobs(url: string): Promise<Record<string, string>> {
  const values = Object.entries(pushedValues(await scrape(url)))
  return Object.fromEntries(
    values.flatMap(([series, value]) => {
      const job = /^m\{instance="",job="(\w+)"\}$/.exec(series)?.[1]
      return job === undefined ? [] : [[job, value]]
    }),
  )
}

/** Pushes until there is no room; gives what was acknowledged until then. */
async function pushUntilFull(url: string): Promise<Record<string, string>> {
  const acknowledged: Record<string, string> = {}
  for (let i = 0; i < 200; i++) {
    const { status } = await put(url, `until${i}`, i)
    if (status !== 200) return acknowledged
    acknowledged[`until${i}`] = String(i)
  }
  throw new Error('the disk was never full')
}

/** A test that must mount a filesystem. The last test below shows what can be shown without. */
function onSmallDisk(title: string, run: (disk: SmallDisk) => Promise<void>): void {
  test(title, async () => {
    const disk = mountSmallDisk(6)
    if (disk !== undefined) return run(disk)
    reportNotRun(`NOT RUN: "${title}" has to mount a tmpfs, which is not allowed here`)
  })
}

onSmallDisk('on a full disk pushes are answered 507, and all else goes on', async (disk) => {
  const file = path.join(disk.folder, 'store.db')
  const { url } = await startGateway([`--storage.url=sqlite:${file}`])
  for (const job of ['a', 'b']) expect((await put(url, job, 1)).status).toBe(200)
  disk.fill()
  const acknowledged = { a: '1', b: '1', ...(await pushUntilFull(url)) }
  for (const method of ['PUT', 'POST']) {
    const refused = await send(method, url, '/metrics/job/a', { body: bigBody(2) })
    expect(refused.status).toBe(507)
    expect(refused.text).toContain(file)
  }
  expect((await put(url, 'new', 1, bigBody(1))).status).toBe(507)
  expect(await jobs(url)).toEqual(acknowledged)
  expect((await send('GET', url, '/-/ready')).status).toBe(200)
  expect((await send('GET', url, '/api/v1/metrics')).status).toBe(200)

  const deleted = await send('DELETE', url, '/metrics/job/b')
  expect([202, 507]).toContain(deleted.status)
  const { b, ...others } = acknowledged
  const left = deleted.status === 202 ? others : { ...others, b }
  expect(await jobs(url)).toEqual(left)

  disk.free()
  await waitFor('a push to be taken', async () =>
    (await put(url, 'after', 3)).status === 200 ? true : undefined,
  )
  expect((await put(url, 'a', 4, bigBody(4))).status).toBe(200)
  // The big push has replaced what `a` had.
  const expected = Object.entries({ ...left, after: '3' }).filter(([job]) => job !== 'a')
  expect(await jobs(url)).toEqual(Object.fromEntries(expected))
})

onSmallDisk('a gateway killed on a full disk loses nothing that it acknowledged', async (disk) => {
  const file = path.join(disk.folder, 'store.db')
  const args = ['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`]
  const first = await startGateway(args)
  expect((await put(first.url, 'a', 1)).status).toBe(200)
  disk.fill()
  const acknowledged = { a: '1', ...(await pushUntilFull(first.url)) }
  first.process.kill('SIGKILL')
  await first.ended
  // On the disk that is still full it starts, or says why not.
  const second = runProgram(args)
  const over = Promise.race([
    second.ended,
    waitFor(
      'listening',
      () =>
        second.stderr().includes('msg=listening') || second.process.exitCode !== null || undefined,
    ),
  ])
  await over
  if (second.stderr().includes('msg=listening')) second.process.kill('SIGTERM')
  else expect(second.stderr()).toContain(file)
  await second.ended
  disk.free()
  const third = await startGateway(args)
  expect(await jobs(third.url)).toEqual(acknowledged)
  expect((await put(third.url, 'a', 2)).status).toBe(200)
})

onSmallDisk('a gateway stopped on a full disk keeps everything too', async (disk) => {
  const file = path.join(disk.folder, 'store.db')
  const first = await startGateway([`--storage.url=sqlite:${file}`])
  expect((await put(first.url, 'a', 1)).status).toBe(200)
  disk.fill()
  const acknowledged = { a: '1', ...(await pushUntilFull(first.url)) }
  first.process.kill('SIGTERM')
  expect(await first.ended).toEqual({ code: 0, signal: null })
  disk.free()
  const second = await startGateway([`--storage.url=sqlite:${file}`])
  expect(await jobs(second.url)).toEqual(acknowledged)
})

onSmallDisk('a new database on a full disk: the start fails and names the file', async (disk) => {
  const file = path.join(disk.folder, 'store.db')
  disk.fill()
  const program = runProgram(['--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`])
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.stderr()).toContain(file)
})

onSmallDisk(
  'only the write that finds no room fails, not those committed with it',
  async (disk) => {
    const file = path.join(disk.folder, 'store.db')
    const store = openStore(file)
    await applied(store, replace('before', [family('m')]))
    const writes = Array.from({ length: 50 }, (_, i) =>
      replace(`g${i}`, [family('m', { data: i === 25 ? Buffer.alloc(8 * 1024 * 1024) : 'm 1\n' })]),
    )
    const results = await Promise.allSettled(writes.map((write) => store.apply(write)))
    for (const [i, result] of results.entries()) {
      expect(result.status).toBe(i === 25 ? 'rejected' : 'fulfilled')
      expect(await exists(store, `g${i}`)).toBe(i !== 25)
    }
    const reason: unknown = (results[25] as PromiseRejectedResult).reason
    expect(reason).toBeInstanceOf(StoreError)
    expect(reason).toMatchObject({ code: 'full' })
    expect(await store.verify()).toEqual([])
    await applied(store, remove('before'))
  },
)

test('where files may not grow any more, pushes fail, what was acknowledged stays, and pushes work again later', async () => {
  const file = newPath()
  const gateway = await startGateway([`--storage.url=sqlite:${file}`])
  const { url } = gateway
  expect((await put(url, 'a', 1)).status).toBe(200)
  const limitFileSize = (bytes: string): void => {
    const args = ['--pid', String(gateway.process.pid), `--fsize=${bytes}:`]
    expect(spawnSync('prlimit', args).status).toBe(0)
  }
  limitFileSize('300000')
  const acknowledged = { a: '1', ...(await pushUntilFull(url)) }
  const refused = await put(url, 'a', 2, bigBody(2))
  expect([503, 507]).toContain(refused.status)
  expect(refused.text).toContain(file)
  expect(await jobs(url)).toEqual(acknowledged)
  limitFileSize('unlimited')
  expect((await put(url, 'a', 3)).status).toBe(200)
  expect(await jobs(url)).toEqual({ ...acknowledged, a: '3' })
})
