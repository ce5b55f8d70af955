import { describe, expect, test } from '@jest/globals'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Writable } from 'node:stream'
import { parseFlags } from '../../../server/config/parse-flags.ts'
import { settingsFrom } from '../../../server/config/settings.ts'
import { Gateway } from '../../../server/gateway.ts'
import { Guard } from '../../../server/http/access/guard.ts'
import { Requests } from '../../../server/http/requests.ts'
import { createRoutes } from '../../../server/http/routes.ts'
import { readBuildInfo } from '../../../server/telemetry/build-info.ts'
import { createLogger } from '../../../server/telemetry/logger.ts'
import { createOwnMetrics } from '../../../server/telemetry/own-metrics.ts'
import { View } from '../../../server/view/view.ts'
import { StoreError, type StoreErrorCode } from '../../../storage/errors.ts'
import { createMemoryStore } from '../../../storage/memory.ts'
import { serve, startTestApp, type TestApp } from '../../support/app.ts'
import { closeAfterTest, temporaryFolder } from '../../support/cleanup.ts'
import { lockDatabase } from '../../support/database-lock.ts'
import { send, waitFor } from '../../support/http.ts'
import { pushedValues, scrape } from '../../support/page.ts'
import { MAIN, startGateway } from '../../support/program.ts'
import { startProcess } from '../../support/processes.ts'
import { EMPTY_SOURCES } from '../../support/metric-sources.ts'

interface FileApp extends TestApp {
  readonly file: string
}

async function startFileApp(...flags: string[]): Promise<FileApp> {
  const file = path.join(temporaryFolder(), 'groups.db')
  return { ...(await startTestApp(`--storage.url=sqlite:${file}`, ...flags)), file }
}

/** A gateway on a store whose writes fail with this error. */
async function startOnFailingStore(error: Error): Promise<{ url: string; log: () => string }> {
  const memory = createMemoryStore()
  let logged = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  const logger = createLogger({ level: 'info', format: 'logfmt', stream })
  const store = { ...memory, apply: () => Promise.reject(error) }
  const view = new View(store, { helpDiffers: () => undefined, reset: () => undefined })
  const build = readBuildInfo()
  const ownMetrics = createOwnMetrics(build, EMPTY_SOURCES)
  closeAfterTest(() => ownMetrics.stop())
  const gateway = new Gateway({
    store,
    view,
    ownMetrics,
    logger,
    checked: true,
    storeTimeoutMs: 1000,
    showsOwnMetrics: true,
    staleMsMax: 0,
  })
  const requests = new Requests({ ownMetrics, logger, requestsMax: 100, logRequests: false })
  const { app, front } = createRoutes({
    settings: settingsFrom(parseFlags([], {})),
    gateway,
    requests,
    guard: new Guard(requests),
    ownMetrics,
    logger,
    build,
    startedAt: new Date(),
    notReady: async () => undefined,
    quit: undefined,
  })
  return { url: await serve(app, front), log: () => logged }
}

describe('when the store fails', () => {
  test.each<[StoreErrorCode, number, boolean]>([
    ['unavailable', 503, true],
    ['unconfirmed', 503, true],
    ['full', 507, false],
    ['corrupt', 503, true],
    ['unusable', 503, true],
  ])('with "%s", a push is answered %i', async (code, status, retry) => {
    const { url, log } = await startOnFailingStore(new StoreError(code, 'why it failed'))
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const body = method === 'DELETE' ? '' : 'm 1\n'
      const answer = await send(method, url, '/metrics/job/j', { body })
      expect([method, answer.status, answer.text]).toEqual([method, status, 'why it failed\n'])
      expect(answer.headers['retry-after'] !== undefined).toBe(retry)
      expect(answer.headers['sluice-error']).toBe(code)
    }
    expect(log().match(/level=error/g)).toHaveLength(3)
    expect(log()).toContain(`code=${code}`)
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    expect((await send('GET', url, '/metrics')).status).toBe(200)
  })

  test('with an error that nobody foresaw, a push is answered 500 and only the log says why', async () => {
    const { url, log } = await startOnFailingStore(new TypeError('the secret cause'))
    const answer = await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('secret')
    expect(answer.text).not.toContain('    at ')
    expect(log()).toContain('the secret cause')
    expect(log().trim().split('\n')).toHaveLength(1)
  })

  test('a rejected push whose failure time cannot be stored is answered 503, not 400', async () => {
    const { url } = await startOnFailingStore(new StoreError('unavailable', 'gone'))
    const answer = await send('PUT', url, '/metrics/job/j', { body: 'm 1 5\n' })
    expect([400, 503]).toContain(answer.status)
    expect((await send('GET', url, '/metrics')).status).toBe(200)
  })
})

describe('when the database file is removed under a running gateway', () => {
  test.each([
    ['removed', (file: string) => rmSync(file)],
    ['moved away', (file: string) => renameSync(file, `${file}.old`)],
    [
      'replaced',
      (file: string) => {
        renameSync(file, `${file}.old`)
        writeFileSync(file, '')
      },
    ],
  ])(
    '%s: nothing is acknowledged any more, with the cause; the process is healthy but not ready',
    async (_title, spoil) => {
      const gateway = await startFileApp('--web.enable-admin-api')
      const { url, file } = gateway
      await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
      spoil(file)
      const requests: [method: string, path: string, body?: string][] = [
        ['PUT', '/metrics/job/j', 'm 2\n'],
        ['POST', '/metrics/job/j', 'm 2\n'],
        ['DELETE', '/metrics/job/j'],
        ['PUT', '/api/v1/admin/wipe'],
        ['GET', '/metrics'],
        ['GET', '/api/v1/metrics'],
        ['GET', '/'],
        ['GET', '/-/ready'],
      ]
      for (const [method, path, body] of requests) {
        const answer = await send(method, url, path, body === undefined ? {} : { body })
        expect([method, path, answer.status]).toEqual([method, path, 503])
        expect(answer.text).toContain(file)
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      }
      // What is wrong by itself is said to be so, whether that can be recorded or not.
      const wrong = await send('PUT', url, '/metrics/job/j', { body: 'm 2 5\n' })
      expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('timestamps')])
      expect((await send('GET', url, '/-/healthy')).status).toBe(200)
      expect((await send('GET', url, '/api/v1/status')).status).toBe(200)
      expect((await send('PUT', url, '/metrics/job/j', { body: 'm 1' })).status).toBe(400)
      expect(
        gateway.log().some((line) => line.includes('level=error') && line.includes(file)),
      ).toBe(true)
      expect(gateway.log().some((line) => line.includes('    at '))).toBe(false)
    },
  )

  test('the first push after that is the first that is refused', async () => {
    const { url, file } = await startFileApp()
    expect((await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })).status).toBe(200)
    rmSync(file)
    expect((await send('PUT', url, '/metrics/job/j', { body: 'm 2\n' })).status).toBe(503)
  })

  test('the gateway stops in peace', async () => {
    const { app, url, file } = await startFileApp()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    rmSync(file)
    await send('PUT', url, '/metrics/job/j', { body: 'm 2\n' })
    await app.stop()
    await expect(send('GET', url, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
  })
})

describe('when another process keeps the database locked', () => {
  async function startOnFile(...flags: string[]): Promise<{ url: string; file: string }> {
    const file = path.join(temporaryFolder(), 'groups.db')
    const { url } = await startGateway([`--storage.url=sqlite:${file}`, ...flags])
    return { url, file }
  }

  test('a push is answered 503 with Retry-After after --storage.timeout, and never stored', async () => {
    const { url, file } = await startOnFile('--storage.timeout=150ms')
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const release = lockDatabase(file)
    const answer = await send('PUT', url, '/metrics/job/j', { body: 'm 2\n' })
    expect(answer.status).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect((await send('DELETE', url, '/metrics/job/j')).status).toBe(503)
    release()
    expect((await send('PUT', url, '/metrics/job/k', { body: 'n 3\n' })).status).toBe(200)
    expect(pushedValues(await scrape(url))).toEqual({
      'm{instance="",job="j"}': '1',
      'n{instance="",job="k"}': '3',
    })
  })

  test('scrapes, the page and health checks are served meanwhile', async () => {
    const { url, file } = await startOnFile()
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    const release = lockDatabase(file)
    let answered = false
    const waiting = send('PUT', url, '/metrics/job/j', { body: 'm 2\n' }).finally(
      () => (answered = true),
    )
    for (const page of ['/metrics', '/', '/api/v1/metrics', '/-/ready', '/-/healthy']) {
      expect([page, (await send('GET', url, page)).status]).toEqual([page, 200])
    }
    expect(answered).toBe(false)
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
    release()
    expect((await waiting).status).toBe(200)
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '2' })
  })
})

describe('when the disk is full', () => {
  test('pushes are refused with 503 or 507, what was stored is still served, deletes make room', async () => {
    const folder = temporaryFolder()
    // As far as SQLite is concerned: no file may grow beyond 512 KiB.
    const gateway = startProcess('sh', [
      '-c',
      'ulimit -f 1024; exec "$@"',
      'sh',
      process.execPath,
      MAIN,
      '--web.listen-address=127.0.0.1:0',
      `--storage.url=sqlite:${path.join(folder, 'groups.db')}`,
    ])
    const url = await waitFor('the gateway to listen', () => {
      return /msg=listening url=(http:\/\/[\d.:]+)/.exec(gateway.stderr())?.[1]
    })
    expect((await send('PUT', url, '/metrics/job/small', { body: 'small 1\n' })).status).toBe(200)
    const body = `m{a="${'x'.repeat(100_000)}"} 1\n`
    const accepted: string[] = []
    let refusal = 0
    for (let i = 0; i < 30 && refusal === 0; i++) {
      const { status } = await send('PUT', url, `/metrics/job/large/i/${i}`, { body })
      if (status === 200) accepted.push(`large/i/${i}`)
      else refusal = status
    }
    expect([503, 507]).toContain(refusal)
    const page = await scrape(url)
    expect(page.get('small{instance="",job="small"}')).toBe('1')
    const shown = [...page.keys()].filter((series) => series.startsWith('m{'))
    expect(shown).toHaveLength(accepted.length)
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    expect(gateway.stderr()).not.toMatch(/\n\s+at /)
  })
})
