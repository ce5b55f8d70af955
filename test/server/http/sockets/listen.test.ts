import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { takeSystemdSockets } from '../../../../server/config/systemd-sockets.ts'
import { startTestApp } from '../../../support/app.ts'
import { useCertificates } from '../../../support/certificates.ts'
import { closeAfterTest, temporaryFolder } from '../../../support/cleanup.ts'
import { send, waitFor } from '../../../support/http.ts'
import { pushedValues, samplesOf, scrape } from '../../../support/page.ts'
import { MAIN, runProgram } from '../../../support/program.ts'
import { describeWith, needProgram } from '../../../support/programs.ts'
import { tlsSection } from '../../../support/tls.ts'
import { writeWebConfig } from '../../../support/web-config.ts'

const JOB = '/metrics/job/j'
const STORED = { 'm{instance="",job="j"}': '1' }

function socketPath(): string {
  return path.join(temporaryFolder(), 'sluice.sock')
}

describe('a socket in the file system', () => {
  test('takes pushes and scrapes, and is gone when the gateway has ended', async () => {
    const file = socketPath()
    const { app } = await startTestApp(`--web.listen-address=unix:${file}`)
    expect(app.urls).toEqual([`unix:${file}`])
    expect((await send('PUT', app.urls[0]!, JOB, { body: 'm 1\n' })).status).toBe(200)
    expect(pushedValues(await scrape(app.urls[0]!))).toEqual(STORED)
    await app.stop()
    expect(existsSync(file)).toBe(false)
  })

  test('is served beside ports', async () => {
    const file = socketPath()
    const { app } = await startTestApp(
      '--web.listen-address=127.0.0.1:0',
      `--web.listen-address=unix:${file}`,
    )
    expect(app.urls).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), `unix:${file}`])
    await send('PUT', app.urls[1]!, JOB, { body: 'm 1\n' })
    expect(pushedValues(await scrape(app.urls[0]!))).toEqual(STORED)
  })

  test('that a killed gateway left behind is replaced', async () => {
    const file = socketPath()
    const killed = runProgram([`--web.listen-address=unix:${file}`, '--storage.url=memory:'])
    await waitFor('the gateway to listen', () => killed.stderr().includes('listening') || undefined)
    killed.process.kill('SIGKILL')
    await killed.ended
    expect(statSync(file).isSocket()).toBe(true)
    await startTestApp(`--web.listen-address=unix:${file}`)
    expect((await send('GET', `unix:${file}`, '/-/ready')).status).toBe(200)
  })

  test('that somebody listens on is left alone', async () => {
    const file = socketPath()
    await startTestApp(`--web.listen-address=unix:${file}`)
    await expect(startTestApp(`--web.listen-address=unix:${file}`)).rejects.toThrow(
      `unix:${file}: somebody listens on it already`,
    )
    expect((await send('GET', `unix:${file}`, '/-/ready')).status).toBe(200)
  })

  test('never replaces a file that is no socket', async () => {
    const file = socketPath()
    writeFileSync(file, 'precious')
    await expect(startTestApp(`--web.listen-address=unix:${file}`)).rejects.toThrow(
      `unix:${file}: there is a file that is no socket`,
    )
    expect(statSync(file).isFile()).toBe(true)
  })

  test('whose path is too long for the kernel is refused by name', async () => {
    const file = path.join(temporaryFolder(), 'x'.repeat(120))
    await expect(startTestApp(`--web.listen-address=unix:${file}`)).rejects.toThrow(
      `unix:${file}: the path is longer than 107 bytes`,
    )
  })

  test('in a folder that is not there is refused by name', async () => {
    const file = path.join(temporaryFolder(), 'missing', 's.sock')
    await expect(startTestApp(`--web.listen-address=unix:${file}`)).rejects.toThrow(
      `unix:${file}: `,
    )
  })
})

const hasIpv6 = Object.values(os.networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

describe('IPv6', () => {
  test('is listened on in brackets, and shown in them', async () => {
    if (!hasIpv6) {
      // Then the host says so itself.
      await expect(startTestApp('--web.listen-address=[::1]:0')).rejects.toThrow(
        /EADDRNOTAVAIL|EAFNOSUPPORT/,
      )
      return
    }
    const { url } = await startTestApp('--web.listen-address=[::1]:0')
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    await send('PUT', url, JOB, { body: 'm 1\n' })
    expect(pushedValues(await scrape(url))).toEqual(STORED)
  })
})

describeWith('openssl', 'several addresses with TLS', () => {
  const certificates = useCertificates()

  test('all have it, sockets in the file system too', async () => {
    const file = socketPath()
    const { app } = await startTestApp(
      '--web.listen-address=127.0.0.1:0',
      '--web.listen-address=127.0.0.1:0',
      `--web.listen-address=unix:${file}`,
      writeWebConfig(tlsSection(certificates().server)).flag,
    )
    for (const url of app.urls.slice(0, 2)) {
      expect(url).toMatch(/^https:/)
      const answer = await send('GET', url, '/-/ready', { tls: { rejectUnauthorized: false } })
      expect(answer.status).toBe(200)
    }
    await expect(send('GET', `unix:${file}`, '/-/ready')).rejects.toThrow()
  })
})

describe('sockets handed over by systemd', () => {
  const pid = 4711

  test('are taken from descriptor 3 on, and the variables removed', () => {
    const environment = { LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b', PATH: '/bin' }
    expect(takeSystemdSockets(environment, pid)).toEqual([
      { kind: 'fd', fd: 3, name: 'a' },
      { kind: 'fd', fd: 4, name: 'b' },
    ])
    expect(environment).toEqual({ PATH: '/bin' })
  })

  test.each([
    ['nothing is said', {}, /no socket was handed over/],
    ['there are none', { LISTEN_PID: '4711', LISTEN_FDS: '0' }, /no socket was handed over/],
    ['their number is none', { LISTEN_PID: '4711', LISTEN_FDS: 'x' }, /no socket was handed over/],
    ['they are for another', { LISTEN_PID: '1', LISTEN_FDS: '1' }, /process 1, this is 4711/],
  ])('%s: an error that says so', (_, environment, reason) => {
    expect(() => takeSystemdSockets(environment, pid)).toThrow(reason)
  })

  test('the program says so and ends where there are none', async () => {
    const program = runProgram(['--web.systemd-socket', '--storage.url=memory:'])
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toMatch(
      /^sluice: error: --web\.systemd-socket: no socket was handed over/,
    )
  })

  test('serve instead of --web.listen-address', async () => {
    // As systemd does it: the shell hands its descriptors 3 and 4 to the program it becomes.
    const servers = await Promise.all([openServer(), openServer()])
    const child = spawn(
      'sh',
      [
        '-c',
        'LISTEN_PID=$$ exec "$@"',
        'sh',
        process.execPath,
        MAIN,
        '--web.systemd-socket',
        '--web.listen-address=:1',
        '--storage.url=memory:',
      ],
      {
        env: { PATH: process.env.PATH, LISTEN_FDS: '2' },
        stdio: ['ignore', 'ignore', 'pipe', ...servers.map(({ fd }) => fd)],
      },
    )
    let log = ''
    const ended = new Promise((resolve) => child.once('close', resolve))
    closeAfterTest(async () => {
      child.kill('SIGKILL')
      await ended
    })
    child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()))
    await waitFor(
      'the gateway to listen',
      () => log.match(/msg=listening/g)?.length === 2 || undefined,
    )
    const [a, b] = servers.map(({ port }) => `http://127.0.0.1:${port}`)
    for (const { server } of servers) server.close()
    await send('PUT', a!, JOB, { body: 'm 1\n' })
    expect(pushedValues(await scrape(b!))).toEqual(STORED)
  })
})

describeWith('systemd-socket-activate', 'started by systemd’s own tool', () => {
  test('the gateway serves the socket on which the first client came', async () => {
    const { server, port } = await openServer()
    await new Promise((resolve) => server.close(resolve))
    const child = spawn(
      needProgram('systemd-socket-activate'),
      [
        '-l',
        `127.0.0.1:${port}`,
        process.execPath,
        MAIN,
        '--web.systemd-socket',
        '--storage.url=memory:',
      ],
      { stdio: 'ignore', env: { PATH: process.env.PATH } },
    )
    const ended = new Promise((resolve) => child.once('close', resolve))
    closeAfterTest(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const url = `http://127.0.0.1:${port}`
    const page = await waitFor('an answer', () =>
      send('GET', url, '/metrics').catch(() => undefined),
    )
    expect(page.status).toBe(200)
    expect(samplesOf(page.text).has('pushgateway_http_push_size_bytes_count')).toBe(false)
  })
})

interface OpenServer {
  readonly server: net.Server
  readonly port: number
  readonly fd: number
}

/** A listening socket and its descriptor in this process. */
async function openServer(): Promise<OpenServer> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeAfterTest(() => void server.close())
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  return { server, port: (server.address() as net.AddressInfo).port, fd }
}
