import { describe, expect, jest, test } from '@jest/globals'
import express from 'express'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { startApp } from '../../server/app.ts'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { readBuildInfo } from '../../server/telemetry/build-info.ts'
import type { Logger } from '../../server/telemetry/logger.ts'
import { serve, startTestApp } from '../support/app.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { within } from '../support/deadline.ts'
import { send, waitFor } from '../support/http.ts'
import { pushed, pushedValues, scrape } from '../support/page.ts'
import { connectTo, rawRequest } from '../support/raw-connection.ts'

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

async function start(...flags: string[]) {
  const settings = settingsFrom(parseFlags(flags, {}))
  const app = await startApp({
    settings,
    logger: SILENT,
    build: readBuildInfo(),
    onQuit: () => undefined,
  })
  closeAfterTest(() => app.stop())
  return app
}

/** Files under this folder that this process has open; undefined where the system does not say. */
function openFilesUnder(folder: string): string[] | undefined {
  if (!existsSync('/proc/self/fd')) return undefined
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`)
      return file.startsWith(folder) ? [file] : []
    } catch {
      return []
    }
  })
}

/** Whether the port can be listened on. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

describe('start and stop', () => {
  test('many times in one process, on one port and one file, keeps the groups and leaves nothing open', async () => {
    const folder = temporaryFolder()
    const file = path.join(folder, 'groups.db')
    const first = await start('--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${file}`)
    const url = first.urls[0]!
    const { host, port } = new URL(url)
    await first.stop()
    for (let round = 1; round <= 15; round++) {
      const app = await start(`--web.listen-address=${host}`, `--storage.url=sqlite:${file}`)
      expect(app.urls).toEqual([url])
      const body = `m ${round}\n`
      expect((await send('PUT', url, `/metrics/job/j${round}`, { body })).status).toBe(200)
      expect(Object.keys(pushedValues(await scrape(url)))).toHaveLength(round)
      await app.stop()
      expect(await isFree(Number(port))).toBe(true)
      expect(openFilesUnder(folder) ?? []).toEqual([])
      expect(readdirSync(folder)).toEqual(['groups.db'])
    }
  })

  test('many times in one process keeps no timers or sockets', async () => {
    const count = (kind: string): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === kind).length
    const kinds = ['TCPServerWrap', 'TCPSocketWrap', 'Timeout']
    const before = kinds.map(count)
    for (let round = 0; round < 10; round++) {
      const app = await start('--web.listen-address=127.0.0.1:0', '--storage.url=memory:')
      await scrape(app.urls[0]!)
      await app.stop()
    }
    await waitFor('the sockets and timers of the gateways to be gone', () => {
      return kinds.map(count).every((now, i) => now <= before[i]!) || undefined
    })
  })

  test('stop may be called again and at the same time: it is one end', async () => {
    const gateway = await startTestApp()
    const { app, url } = gateway
    const both = [app.stop(), app.stop()]
    await Promise.all(both)
    await app.stop()
    await expect(send('GET', url, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
    expect(gateway.log().filter((line) => line.includes('could not stop'))).toEqual([])
  })

  test('a start that fails at its second address closes the first and the store', async () => {
    const taken = net.createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    closeAfterTest(() => new Promise((resolve) => taken.close(resolve)))
    const { port: takenPort } = taken.address() as net.AddressInfo
    const spare = net.createServer()
    await new Promise<void>((resolve) => spare.listen(0, '127.0.0.1', resolve))
    const { port: freePort } = spare.address() as net.AddressInfo
    await new Promise((resolve) => spare.close(resolve))
    const folder = temporaryFolder()
    await expect(
      start(
        `--web.listen-address=127.0.0.1:${freePort}`,
        `--web.listen-address=127.0.0.1:${takenPort}`,
        `--storage.url=sqlite:${path.join(folder, 'groups.db')}`,
      ),
    ).rejects.toThrow(`EADDRINUSE: address already in use 127.0.0.1:${takenPort}`)
    expect(await isFree(freePort)).toBe(true)
    expect(openFilesUnder(folder) ?? []).toEqual([])
  })

  test('a start that fails at the store says which file', async () => {
    const folder = temporaryFolder()
    await expect(
      start('--web.listen-address=127.0.0.1:0', `--storage.url=sqlite:${folder}`),
    ).rejects.toThrow(folder)
  })

  test('several addresses serve the same groups', async () => {
    const app = await start(
      '--web.listen-address=127.0.0.1:0',
      '--web.listen-address=127.0.0.1:0',
      '--storage.url=memory:',
    )
    const [a, b] = app.urls
    expect(a).not.toBe(b)
    await send('PUT', a!, '/metrics/job/j', { body: 'm 1\n' })
    expect(pushedValues(await scrape(b!))).toEqual({ 'm{instance="",job="j"}': '1' })
    await app.stop()
    for (const url of app.urls) {
      await expect(send('GET', url, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
    }
  })
})

describe('stopping', () => {
  test('answers and stores the push that was half sent, and asks for its connection to be closed', async () => {
    const { app, url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', '/metrics/job/j', { headers: ['Content-Length: 4'] }))
    connection.write('m ')
    await scrape(url)
    const stopped = app.stop()
    connection.write('1\n')
    const answer = await connection.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await within(5_000, 'the stop', stopped)
  })

  test('does not wait for a client that is connected and has not asked for anything', async () => {
    const { app, url } = await startTestApp()
    await connectTo(url)
    await scrape(url)
    await within(5_000, 'the stop', app.stop())
  })

  test('does not wait for a connection that is kept between requests', async () => {
    const { app, url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('GET', '/-/healthy'))
    await connection.answer()
    await within(5_000, 'the stop', app.stop())
    await connection.closed()
  })

  test('goes on serving for --web.shutdown-delay, not ready, and closes each connection', async () => {
    const { app, url } = await startTestApp('--web.shutdown-delay=500ms')
    const kept = await connectTo(url)
    kept.write(rawRequest('GET', '/-/ready'))
    expect((await kept.answer()).status).toBe(200)
    const stopped = app.stop()
    const ready = await send('GET', url, '/-/ready')
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('shutting down')])
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    kept.write(rawRequest('PUT', '/metrics/job/j', { body: 'm 1\n' }))
    const answer = await kept.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await kept.closed()
    expect(pushedValues(await scrape(url))).toEqual({ 'm{instance="",job="j"}': '1' })
    await within(5_000, 'the stop', stopped)
    await expect(send('GET', url, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
  })
})

describe('two gateways in one process', () => {
  test('share neither groups nor metrics of their own', async () => {
    const a = await startTestApp()
    const b = await startTestApp()
    await send('PUT', a.url, '/metrics/job/j', { body: 'm 1\n' })
    await send('PUT', a.url, '/metrics/job/j', { body: 'm 1 5\n' })
    const rejected = 'pushgateway_pushes_rejected_total{rule="timestamp"}'
    const counted = (page: ReadonlyMap<string, string>): string[] =>
      [...page.keys()].filter((series) => series.startsWith('pushgateway_http_'))
    const onA = await scrape(a.url)
    expect(onA.get(rejected)).toBe('1')
    expect(counted(onA).length).toBeGreaterThan(0)
    const onB = await scrape(b.url)
    expect(pushed(onB)).toEqual({})
    expect(onB.has(rejected)).toBe(false)
    expect(counted(onB)).toEqual([])
  })

  test('end apart: one goes on when the other was stopped', async () => {
    const a = await startTestApp()
    const b = await startTestApp()
    await a.app.stop()
    await send('PUT', b.url, '/metrics/job/j', { body: 'm 1\n' })
    const page = await scrape(b.url)
    expect(pushedValues(page)).toEqual({ 'm{instance="",job="j"}': '1' })
    expect(page.has('process_cpu_seconds_total')).toBe(true)
  })

  test('on one file show the same groups', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const a = await startTestApp(store)
    const b = await startTestApp(store)
    await send('PUT', a.url, '/metrics/job/j', { body: 'm 1\n' })
    expect(pushed(await scrape(b.url))).toEqual(pushed(await scrape(a.url)))
    await send('DELETE', b.url, '/metrics/job/j')
    expect(pushed(await scrape(a.url))).toEqual({})
  })
})

describe('requests and responses', () => {
  test('are Express’ own: what it adds to them works, and they are still those of node:http', async () => {
    const app = express()
    app.get('/', (request, response) => {
      response.set('X-Answer', request.get('X-Question') ?? '')
      response.status(201).json({
        prototypes:
          Object.getPrototypeOf(request) === app.request &&
          Object.getPrototypeOf(response) === app.response,
        instances:
          request instanceof http.IncomingMessage && response instanceof http.ServerResponse,
        accepts: request.accepts('json'),
        ip: request.ip,
        query: request.query.q,
        header: response.get('X-Answer'),
      })
    })
    const url = await serve(app)
    const { status, headers, text } = await send('GET', url, '/?q=1', {
      headers: { 'X-Question': 'why', Accept: 'application/json' },
    })
    expect([status, headers['x-answer']]).toEqual([201, 'why'])
    expect(JSON.parse(text)).toEqual({
      prototypes: true,
      instances: true,
      accepts: 'json',
      ip: '127.0.0.1',
      query: '1',
      header: 'why',
    })
  })

  test('never have their prototypes swapped while a request is served', async () => {
    const app = express()
    app.get('/', (_request, response) => void response.send('served'))
    const url = await serve(app)
    const original = Object.setPrototypeOf.bind(Object)
    const swaps: unknown[] = []
    const spy = jest
      .spyOn(Object, 'setPrototypeOf')
      .mockImplementation((target: unknown, prototype: object | null) => {
        if (Object.getPrototypeOf(target) !== prototype) swaps.push(target)
        return original(target, prototype) as unknown
      })
    try {
      expect((await send('GET', url, '/')).text).toBe('served')
      expect(spy.mock.calls.length).toBeGreaterThanOrEqual(2)
      expect(swaps).toEqual([])
    } finally {
      spy.mockRestore()
    }
  })
})
