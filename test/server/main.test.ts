import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { FLAG_NAMES } from '../../server/config/flags.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { lockDatabase } from '../support/database-lock.ts'
import { within } from '../support/deadline.ts'
import { send, waitFor } from '../support/http.ts'
import { pushed, pushedValues, scrape } from '../support/page.ts'
import { runProgram, startGateway, type Ended, type Program } from '../support/program.ts'
import { connectTo, rawRequest } from '../support/raw-connection.ts'

const MEMORY = '--storage.url=memory:'
const EXIT_MS = 5_000

function end(program: Program): Promise<Ended> {
  return within(EXIT_MS, 'the exit', program.ended)
}

/** A program that must refuse to start: what it said. */
async function expectRefusal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = runProgram(args, { cwd: temporaryFolder(), env })
  expect(await end(program)).toEqual({ code: 1, signal: null })
  expect(program.stdout()).toBe('')
  expect(program.stderr()).not.toMatch(/^\s+at /m)
  expect(program.stderr()).not.toContain('node:internal')
  return program.stderr()
}

async function listenSomewhere(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeAfterTest(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as net.AddressInfo).port
}

/** The lines of a log, whatever their form. */
function lines(program: Program): string[] {
  return program.stderr().split('\n').slice(0, -1)
}

describe('the command line', () => {
  test.each(['--help', '-h'])('%s prints all flags on stdout and ends with 0', async (flag) => {
    const program = runProgram([flag], { cwd: temporaryFolder() })
    expect(await end(program)).toEqual({ code: 0, signal: null })
    expect(program.stderr()).toBe('')
    for (const name of FLAG_NAMES) expect(program.stdout()).toContain(name)
    for (const line of program.stdout().split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  test('--version prints one line on stdout and ends with 0', async () => {
    const folder = temporaryFolder()
    const program = runProgram(['--version'], { cwd: folder })
    expect(await end(program)).toEqual({ code: 0, signal: null })
    expect(program.stderr()).toBe('')
    expect(program.stdout()).toMatch(/^sluice, version \d+\.\d+\.\d+.*\n$/)
    expect(existsSync(path.join(folder, 'sluice.db'))).toBe(false)
  })

  test.each([
    [['--nope'], /--nope/],
    [['stray'], /stray/],
    [['--web.enable-lifecycle=yes'], /web\.enable-lifecycle/],
    [['--web.max-requests=0'], /--web\.max-requests=0.*at least 1/],
    [['--web.shutdown-delay=soon'], /--web\.shutdown-delay=soon.*duration/],
    [['--log.level=loud'], /--log\.level=loud.*debug, info, warn, error/],
    [['--log.level=info', '--log.level=warn'], /--log\.level.*once/],
    [['--web.listen-address=9091'], /--web\.listen-address=9091/],
    [['--web.listen-address='], /--web\.listen-address/],
    [['--web.telemetry-path=metrics'], /--web\.telemetry-path=metrics/],
    [['--web.external-url=example.org'], /--web\.external-url=example\.org/],
    [['--persistence.file=a?b'], /question mark/],
  ])('%j is refused: the flag is named on stderr, the status is 1', async (args, cause) => {
    const message = await expectRefusal(args)
    expect(message).toMatch(cause)
    expect(message).toMatch(/^sluice: error: .*\n$/)
  })

  test.each([
    ['--storage.url=redis-of-old', /redis-of-old/],
    ['--storage.url=memory:x', /memory: takes no path/],
    ['--storage.url=sqlite:x.db?nope=1', /nope=1/],
    ['--storage.url=sqlite:/proc/nowhere/x.db', /\/proc\/nowhere/],
    ['--storage.url=sqlite:.', /not a file/],
  ])('%s cannot be used: the cause is on stderr, the status is 1', async (flag, cause) => {
    expect(await expectRefusal([flag, '--web.listen-address=127.0.0.1:0'])).toMatch(cause)
  })

  test.each([
    ['text', 'not a database\n'.repeat(100), /not a database of Sluice/],
    ['the first half of a database', 'SQLite format 3\0', /header/],
    ['zeros', '\0'.repeat(9000), /not a database of Sluice/],
  ])('a persistence file that is %s is refused and left as it is', async (_, content, cause) => {
    const file = path.join(temporaryFolder(), 'persisted')
    writeFileSync(file, content)
    const message = await expectRefusal([
      `--persistence.file=${file}`,
      '--web.listen-address=127.0.0.1:0',
    ])
    expect(message).toMatch(cause)
    expect(message).toContain(file)
    expect(readFileSync(file, 'latin1')).toBe(content)
  })

  test('a port in use: the address is on stderr, the status is 1', async () => {
    const port = await listenSomewhere()
    const message = await expectRefusal([MEMORY, `--web.listen-address=127.0.0.1:${port}`])
    expect(message).toContain(`address already in use 127.0.0.1:${port}`)
  })

  test('a port in use at the second address: the status is 1 too', async () => {
    const port = await listenSomewhere()
    const message = await expectRefusal([
      MEMORY,
      '--web.listen-address=127.0.0.1:0',
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    expect(message).toContain(`127.0.0.1:${port}`)
    expect(message).not.toContain('msg=listening')
  })

  test('an address that is not of this host: the status is 1', async () => {
    const message = await expectRefusal([MEMORY, '--web.listen-address=192.0.2.1:0'])
    expect(message).toContain('192.0.2.1')
  })
})

describe('the environment', () => {
  test('sets what the command line does not', async () => {
    const { url } = await startGateway([MEMORY], {
      env: { SLUICE_WEB_ENABLE_LIFECYCLE: 'true', SLUICE_WEB_TELEMETRY_PATH: '/t' },
    })
    expect(await scrape(url, '/t')).toBeDefined()
    expect((await send('PUT', url, '/-/quit')).status).toBe(200)
  })

  test('gives way to the command line', async () => {
    const env = { SLUICE_WEB_ENABLE_LIFECYCLE: 'true', SLUICE_WEB_TELEMETRY_PATH: '/t' }
    const args = [MEMORY, '--no-web.enable-lifecycle', '--web.telemetry-path=/u']
    const { url } = await startGateway(args, { env })
    expect(await scrape(url, '/u')).toBeDefined()
    expect((await send('PUT', url, '/-/quit')).status).toBe(403)
  })

  test('may list several addresses to listen on', async () => {
    const env = {
      SLUICE_WEB_LISTEN_ADDRESS: '127.0.0.1:0, 127.0.0.1:0',
      SLUICE_STORAGE_URL: 'memory:',
    }
    const program = runProgram([], { env })
    const urls = await waitFor('two addresses', () => {
      const found = [...program.stderr().matchAll(/msg=listening url=(http:\/\/[\d.:]+)/g)]
      return found.length === 2 ? found.map(([, url]) => url!) : undefined
    })
    for (const url of urls) expect((await send('GET', url, '/-/ready')).status).toBe(200)
  })

  test('with a bad value is refused, and the variable named', async () => {
    for (const [name, value] of [
      ['SLUICE_WEB_MAX_REQUESTS', 'many'],
      ['SLUICE_WEB_ENABLE_LIFECYCLE', 'perhaps'],
      ['SLUICE_LOG_LEVEL', 'loud'],
      ['SLUICE_WEB_SHUTDOWN_DELAY', '5'],
    ] as const) {
      expect(await expectRefusal([MEMORY], { [name]: value })).toContain(`${name}=${value}`)
    }
  })

  test('with a variable that is no setting warns of it and starts', async () => {
    const program = await startGateway([MEMORY], { env: { SLUICE_LOG_LEVLE: 'debug' } })
    const warnings = lines(program).filter((line) => line.includes('level=warn'))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('SLUICE_LOG_LEVLE')
  })
})

describe('the log', () => {
  test('says at the start where it listens, which store it uses and how to push and scrape', async () => {
    const file = path.join(temporaryFolder(), 'groups.db')
    const program = await startGateway([`--storage.url=sqlite:${file}`, '--web.route-prefix=/pg'])
    const { url } = program
    const log = await waitFor('the hints', () => {
      return program.stderr().includes('scrape=') ? program.stderr() : undefined
    })
    expect(log).toContain(`url=${url}/pg/`)
    expect(log).toContain(`sqlite:${file}`)
    expect(log).toContain(`scrape=${url}/pg/metrics`)
    expect(log).toContain(`push=${url}/pg/metrics/job/<job>`)
    expect(log).toContain('honor_labels')
    for (const line of lines(program)) {
      expect(line).toMatch(/^ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=info msg=/)
    }
    expect(program.stdout()).toBe('')
  })

  test('is JSON, one object a line, with --log.format=json', async () => {
    const program = runProgram([
      MEMORY,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
      '--log.requests',
    ])
    const url = await waitFor('the address', () => {
      return /"msg":"listening","url":"(http:\/\/[\d.:]+)/.exec(program.stderr())?.[1]
    })
    await send('PUT', url, '/metrics/job/j', { body: 'm 1 5\n' })
    await waitFor(
      'the request in the log',
      () => program.stderr().includes('"request"') || undefined,
    )
    program.process.kill('SIGTERM')
    expect((await end(program)).code).toBe(0)
    for (const line of lines(program)) {
      const entry = JSON.parse(line) as Record<string, unknown>
      expect(entry).toMatchObject({ ts: expect.any(String), msg: expect.any(String) })
      expect(['debug', 'info', 'warn', 'error']).toContain(entry.level)
    }
  })

  test('holds nothing below --log.level', async () => {
    const port = await listenSomewhere()
    const message = await expectRefusal([
      MEMORY,
      '--log.level=error',
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    expect(message.trim().split('\n')).toHaveLength(1)
    expect(message).toContain('level=error')
  })
})

describe('--persistence.file', () => {
  test('with a path keeps groups in a database there', async () => {
    const file = path.join(temporaryFolder(), 'persisted')
    const first = await startGateway([`--persistence.file=${file}`])
    await send('PUT', first.url, '/metrics/job/j', { body: 'm 1\n' })
    first.process.kill('SIGTERM')
    expect((await end(first)).code).toBe(0)
    const second = await startGateway([`--persistence.file=${file}`, '--persistence.interval=1s'])
    expect(pushedValues(await scrape(second.url))).toEqual({ 'm{instance="",job="j"}': '1' })
    expect(second.stderr()).not.toContain('level=warn')
  })

  test('empty means that nothing is kept, and no file is made', async () => {
    const cwd = temporaryFolder()
    const gateway = await startGateway(['--persistence.file='], { cwd })
    await send('PUT', gateway.url, '/metrics/job/j', { body: 'm 1\n' })
    expect(existsSync(path.join(cwd, 'sluice.db'))).toBe(false)
    expect(gateway.stderr()).toContain('memory:')
  })

  test('beside --storage.url is not used, and one warning says so', async () => {
    const cwd = temporaryFolder()
    const program = await startGateway([MEMORY, '--persistence.file=unused'], { cwd })
    const warnings = lines(program).filter((line) => line.includes('level=warn'))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('--persistence.file')
    expect(existsSync(path.join(cwd, 'unused'))).toBe(false)
  })

  test('missing means sluice.db in the working directory', async () => {
    const cwd = temporaryFolder()
    const { url } = await startGateway([], { cwd })
    await send('PUT', url, '/metrics/job/j', { body: 'm 1\n' })
    expect(existsSync(path.join(cwd, 'sluice.db'))).toBe(true)
  })
})

describe('what was acknowledged', () => {
  test('is there after a kill', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const first = await startGateway([store])
    for (let i = 0; i < 20; i++) {
      await send('PUT', first.url, `/metrics/job/j/i/${i}`, { body: `m ${i}\n` })
    }
    await send('DELETE', first.url, '/metrics/job/j/i/3')
    const before = pushed(await scrape(first.url))
    first.process.kill('SIGKILL')
    expect(await end(first)).toEqual({ code: null, signal: 'SIGKILL' })
    const second = await startGateway([store])
    expect(pushed(await scrape(second.url))).toEqual(before)
  })
})

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends an idle gateway with 0, and says so', async () => {
    const program = await startGateway([MEMORY])
    program.process.kill(signal)
    expect(await end(program)).toEqual({ code: 0, signal: null })
    expect(program.stderr()).toContain(`why=${signal}`)
    expect(program.stderr()).toContain('msg=stopped')
    expect(program.stderr()).not.toContain('level=error')
  })

  test('lets the push that was half sent end: it is answered and stored, then comes the exit with 0', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const program = await startGateway([store])
    const connection = await connectTo(program.url)
    connection.write(rawRequest('PUT', '/metrics/job/j', { headers: ['Content-Length: 4'] }))
    connection.write('m ')
    await scrape(program.url)
    program.process.kill(signal)
    await waitFor('the stop to begin', () => program.stderr().includes('stopping') || undefined)
    connection.write('1\n')
    expect((await connection.answer()).status).toBe(200)
    connection.end()
    expect(await end(program)).toEqual({ code: 0, signal: null })
    const next = await startGateway([store])
    expect(pushedValues(await scrape(next.url))).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('closes the connection of the push that was half sent, even if the client would keep it', async () => {
    const program = await startGateway([MEMORY])
    const connection = await connectTo(program.url)
    connection.write(rawRequest('PUT', '/metrics/job/j', { headers: ['Content-Length: 4'] }))
    connection.write('m ')
    await scrape(program.url)
    program.process.kill(signal)
    await waitFor('the stop to begin', () => program.stderr().includes('stopping') || undefined)
    connection.write('1\n')
    const answer = await connection.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await end(program)).toEqual({ code: 0, signal: null })
  })

  test('ends a gateway that has connections without requests, kept or new', async () => {
    const program = await startGateway([MEMORY])
    const kept = await connectTo(program.url)
    kept.write(rawRequest('GET', '/-/healthy'))
    await kept.answer()
    await connectTo(program.url)
    await scrape(program.url)
    program.process.kill(signal)
    expect(await end(program)).toEqual({ code: 0, signal: null })
  })

  test('with --web.shutdown-delay goes on serving, not ready, until the delay is over', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const program = await startGateway([store, '--web.shutdown-delay=1s'])
    const { url } = program
    const kept = await connectTo(url)
    kept.write(rawRequest('GET', '/-/ready'))
    expect((await kept.answer()).status).toBe(200)
    const killedAt = performance.now()
    program.process.kill(signal)
    const ready = await waitFor('readiness to end', async () => {
      const answer = await send('GET', url, '/-/ready')
      return answer.status === 503 ? answer : undefined
    })
    expect(ready.text).toContain('shutting down')
    expect((await send('GET', url, '/-/healthy')).status).toBe(200)
    kept.write(rawRequest('PUT', '/metrics/job/j', { body: 'm 1\n' }))
    const answer = await kept.answer()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await kept.closed()
    const other = await connectTo(url)
    other.write(rawRequest('PUT', '/metrics/job/k', { body: 'm 2\n' }))
    expect((await other.answer()).headers.get('connection')).toBe('close')
    expect(await end(program)).toEqual({ code: 0, signal: null })
    expect(performance.now() - killedAt).toBeGreaterThanOrEqual(990)
    const next = await startGateway([store])
    expect(pushedValues(await scrape(next.url))).toEqual({
      'm{instance="",job="j"}': '1',
      'm{instance="",job="k"}': '2',
    })
  })

  test('waits for the push that waits for the store', async () => {
    const file = path.join(temporaryFolder(), 'groups.db')
    const program = await startGateway([`--storage.url=sqlite:${file}`])
    const release = lockDatabase(file)
    const connection = await connectTo(program.url)
    connection.write(
      rawRequest('PUT', '/metrics/job/j', { body: 'm 1\n', headers: ['Connection: close'] }),
    )
    await scrape(program.url)
    program.process.kill(signal)
    await waitFor('the stop to begin', () => program.stderr().includes('stopping') || undefined)
    release()
    expect((await connection.answer()).status).toBe(200)
    expect(await end(program)).toEqual({ code: 0, signal: null })
    const next = await startGateway([`--storage.url=sqlite:${file}`])
    expect(pushedValues(await scrape(next.url))).toEqual({ 'm{instance="",job="j"}': '1' })
  })

  test('does not wait for a client that left in the middle of a refused body', async () => {
    const program = await startGateway([MEMORY, '--push.max-body-bytes=1000'])
    const connection = await connectTo(program.url)
    connection.write(rawRequest('PUT', '/metrics/job/j', { headers: ['Content-Length: 5000'] }))
    expect((await connection.answer()).status).toBe(413)
    connection.destroy()
    await scrape(program.url)
    program.process.kill(signal)
    expect(await within(2_500, 'the exit', program.ended)).toEqual({ code: 0, signal: null })
  })

  test('a second time ends at once with 1', async () => {
    const program = await startGateway([MEMORY, '--web.shutdown-delay=10m'])
    program.process.kill(signal)
    await waitFor('the stop to begin', () => program.stderr().includes('stopping') || undefined)
    program.process.kill(signal)
    expect(await end(program)).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toContain('at once')
  })
})

describe('/-/quit', () => {
  test.each(['PUT', 'POST'])('by %s is answered and ends the gateway with 0', async (method) => {
    const program = await startGateway([MEMORY, '--web.enable-lifecycle'])
    const answer = await send(method, program.url, '/-/quit')
    expect([answer.status, answer.headers.connection]).toEqual([200, 'close'])
    expect(await end(program)).toEqual({ code: 0, signal: null })
    expect(program.stderr()).toContain('why=/-/quit')
  })

  test('is followed by the same end as a signal: what was pushed is stored', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const program = await startGateway([store, '--web.enable-lifecycle'])
    await send('PUT', program.url, '/metrics/job/j', { body: 'm 1\n' })
    await send('PUT', program.url, '/-/quit')
    await end(program)
    const next = await startGateway([store])
    expect(pushedValues(await scrape(next.url))).toEqual({ 'm{instance="",job="j"}': '1' })
  })
})

describe('several --web.listen-address', () => {
  test('are all listened on and all in the log', async () => {
    const program = await startGateway([MEMORY, '--web.listen-address=127.0.0.1:0'])
    const urls = await waitFor('two addresses', () => {
      const found = [...program.stderr().matchAll(/msg=listening url=(http:\/\/[\d.:]+)/g)]
      return found.length === 2 ? found.map(([, url]) => url!) : undefined
    })
    await send('PUT', urls[0]!, '/metrics/job/j', { body: 'm 1\n' })
    expect(pushedValues(await scrape(urls[1]!))).toEqual({ 'm{instance="",job="j"}': '1' })
    program.process.kill('SIGTERM')
    expect((await end(program)).code).toBe(0)
  })
})

describe('two gateways on one file', () => {
  test('share groups, and one goes on when the other ends', async () => {
    const store = `--storage.url=sqlite:${path.join(temporaryFolder(), 'groups.db')}`
    const [a, b] = await Promise.all([startGateway([store]), startGateway([store])])
    await send('PUT', a.url, '/metrics/job/j', { body: 'm 1\n' })
    expect(pushed(await scrape(b.url))).toEqual(pushed(await scrape(a.url)))
    a.process.kill('SIGTERM')
    expect((await end(a)).code).toBe(0)
    await send('PUT', b.url, '/metrics/job/j', { body: 'm 2\n' })
    expect(pushedValues(await scrape(b.url))).toEqual({ 'm{instance="",job="j"}': '2' })
  })
})

describe('a password in a flag', () => {
  const readCommandLine = (pid: number | undefined): string =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8')

  test('is not shown by the list of processes, which has the rest of the command line', async () => {
    const gateway = await startGateway([
      // Nothing is there: it starts, and is not ready.
      '--storage.url=redis://user:secret@127.0.0.1:1/0',
      '--log.level=debug',
    ])
    const shown = readCommandLine(gateway.process.pid)
    expect(shown).toContain(
      'main.js --web.listen-address=127.0.0.1:0 --storage.url=redis://user:***@127.0.0.1:1/0 --log.level=debug',
    )
    expect(shown + gateway.stderr()).not.toContain('secret')
  })

  test('is not part of why a gateway cannot start', async () => {
    const said = await expectRefusal(['--storage.url=nosuch://user:secret@host/0'])
    expect(said).toContain('nosuch://user:***@host/0')
    expect(said).not.toContain('secret')
  })

  test('leaves the command line as it is when there is none', async () => {
    const { process } = await startGateway([MEMORY])
    expect(readCommandLine(process.pid).split('\0')).toContain(MEMORY)
  })
})
