import { expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { GroupStore } from '../../storage/group-store.ts'
import { openStore } from '../../storage/open.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { send } from '../support/http.ts'
import { runProgram, startGateway, type Program } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis } from '../support/redis/server.ts'

function newFile(): string {
  return path.join(temporaryFolder(), 'store.db')
}

async function opened(url: string): Promise<GroupStore> {
  const store = await openStore(url)
  closeAfterTest(() => store.close())
  return store
}

interface Ended {
  readonly code: number | null
  readonly program: Program
}

async function migrate(...args: string[]): Promise<Ended> {
  const program = runProgram(['migrate', ...args])
  const { code } = await program.ended
  return { code, program }
}

/** Fills a store through a gateway: pushes, a merge, a failed push, a group that only ever failed. */
async function fill(url: string, groups = 300): Promise<void> {
  const gateway = await startGateway([`--storage.url=${url}`])
  const push = async (method: string, where: string, body: string): Promise<number> =>
    (await send(method, gateway.url, where, { body })).status
  for (let i = 0; i < groups; i++) {
    const body = `# TYPE g gauge\ng{n="${i}"} ${i}\n# TYPE c_total counter\nc_total ${i}\n`
    expect(await push('PUT', `/metrics/job/j${i % 7}/instance/i${i}`, body)).toBe(200)
  }
  expect(await push('POST', '/metrics/job/j1/instance/i1', 'late 1\n')).toBe(200)
  expect(await push('PUT', '/metrics/job/j1', 'alone 1\n')).toBe(200)
  expect(await push('POST', '/metrics/job/j2/instance/i2', '# TYPE g counter\ng 1\n')).toBe(400)
  expect(await push('POST', '/metrics/job/failed', '# TYPE g counter\ng 1\n')).toBe(400)
  gateway.process.kill('SIGTERM')
  expect(await gateway.ended).toMatchObject({ code: 0 })
}

/** What Prometheus sees of the groups of a store. */
async function pageOf(url: string): Promise<string[]> {
  const gateway = await startGateway([`--storage.url=${url}`])
  const { text } = await send('GET', gateway.url, '/metrics')
  gateway.process.kill('SIGTERM')
  await gateway.ended
  return text.split('\n').filter((line) => /[{,]job="/.test(line))
}

test('everything moves from one file to another, times included, and the source is as it was', async () => {
  const [from, to] = [`sqlite:${newFile()}`, `sqlite:${newFile()}`]
  await fill(from)
  const before = await pageOf(from)
  expect(before.length).toBeGreaterThan(1000)
  const { code, program } = await migrate('--from', from, '--to', to)
  expect(program.stderr()).toContain('msg="everything is copied" groups=302')
  expect(code).toBe(0)
  expect(await pageOf(to)).toEqual(before)
  expect(await pageOf(from)).toEqual(before)
  expect(await (await opened(to)).verify()).toEqual([])
})

test('a target that holds anything is refused, and left as it is', async () => {
  const [from, to] = [`sqlite:${newFile()}`, `sqlite:${newFile()}`]
  await fill(from, 3)
  await fill(to, 5)
  const before = await pageOf(to)
  const { code, program } = await migrate('--from', from, '--to', to)
  expect(code).toBe(1)
  expect(program.stderr()).toMatch(/holds 7 groups already; nothing is written over/)
  expect(await pageOf(to)).toEqual(before)
})

test('a source that is not there is an error, and is not made', async () => {
  const missing = newFile()
  const { code, program } = await migrate(
    '--from',
    `sqlite:${missing}`,
    '--to',
    `sqlite:${newFile()}`,
  )
  expect(code).toBe(1)
  expect(program.stderr()).toContain('there is no such file')
  expect(existsSync(missing)).toBe(false)
})

test.each([
  [['--from', 'sqlite:x.db'], '--to=URL is missing'],
  [['--to', 'sqlite:x.db'], '--from=URL is missing'],
  [['--from', 'sqlite:x.db', '--to', 'sqlite:y.db', '--force'], "Unknown option '--force'"],
  [['--from', 'redis://u:a/b@h', '--to', 'memory:'], 'must be percent-encoded'],
  [['--from', 'memory:', '--to', 'memory:'], 'memory: is gone with its process'],
])('%j ends with a clear word', async (args, word) => {
  const { code, program } = await migrate(...args)
  expect(code).toBe(1)
  expect(program.stderr()).toContain(word)
})

test('a store is not copied onto itself', async () => {
  const file = newFile()
  await fill(`sqlite:${file}`, 1)
  const { code, program } = await migrate('--from', `sqlite:${file}`, '--to', `sqlite:${file}`)
  expect(code).toBe(1)
  expect(program.stderr()).toContain('source and target are the same store')
})

test('migrate --help says how', async () => {
  const { code, program } = await migrate('--help')
  expect(code).toBe(0)
  expect(program.stdout()).toContain('usage: sluice migrate --from URL --to URL')
})

describeWith('redis-server', 'to and from Redis', () => {
  test('SQLite to Redis and back is the same page', async () => {
    const server = await startRedis()
    const [from, back] = [`sqlite:${newFile()}`, `sqlite:${newFile()}`]
    const redis = `redis://127.0.0.1:${server.port}/0?prefix=moved`
    await fill(from)
    const before = await pageOf(from)
    expect((await migrate('--from', from, '--to', redis)).code).toBe(0)
    expect(await pageOf(redis)).toEqual(before)
    expect(await (await opened(redis)).verify()).toEqual([])
    expect((await migrate('--from', redis, '--to', back)).code).toBe(0)
    expect(await pageOf(back)).toEqual(before)
  })

  test('a prefix without a store is no source, and is not made one', async () => {
    const server = await startRedis()
    const url = `redis://127.0.0.1:${server.port}/0?prefix=nobody`
    const { code, program } = await migrate('--from', url, '--to', `sqlite:${newFile()}`)
    expect(code).toBe(1)
    expect(program.stderr()).toContain('there is no store of Sluice')
    expect(await server.call('KEYS', '*')).toEqual([])
  })

  test('a target without room for everything is left as empty as it was', async () => {
    const server = await startRedis()
    const [from, to] = [`sqlite:${newFile()}`, server.url({ prefix: 'small' })]
    await fill(from)
    const target = await opened(to)
    const used = Number(/used_memory:(\d+)/.exec(String(await server.call('INFO', 'memory')))?.[1])
    await server.call('CONFIG', 'SET', 'maxmemory', used + 150_000)
    const { code, program } = await migrate('--from', from, '--to', to)
    expect(code).toBe(1)
    expect(program.stderr()).toMatch(/nothing is copied.*no room for this push/)
    expect(await target.status()).toMatchObject({ unavailable: undefined, groups: 0, samples: 0 })
    expect((await target.status()).head.revision).toBeGreaterThan(10)
    expect(await target.verify()).toEqual([])
  })
})
