import { describe, expect, test } from '@jest/globals'
import bcrypt from 'bcryptjs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { send, waitFor, type Answer } from '../../../support/http.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../../../support/web-config.ts'

function users(hashes: Readonly<Record<string, string>>): string {
  return JSON.stringify({ basic_auth_users: hashes })
}

function start(hashes: Readonly<Record<string, string>>, ...flags: string[]): Promise<TestApp> {
  return startTestApp(writeWebConfig(users(hashes)).flag, ...flags)
}

function ask({ url }: TestApp, authorization?: string, target = '/-/healthy'): Promise<Answer> {
  const headers = authorization === undefined ? {} : { Authorization: authorization }
  return send('GET', url, target, { headers })
}

async function statusFor(app: TestApp, user: string, password: string): Promise<number> {
  return (await ask(app, basic(user, password))).status
}

describe('with users', () => {
  test('everything asks who one is, and takes the right password', async () => {
    const app = await start(
      { alice: HASH_OF_ABC },
      '--web.enable-lifecycle',
      '--web.enable-admin-api',
    )
    const requests = [
      ['PUT', '/metrics/job/j'],
      ['DELETE', '/metrics/job/j'],
      ['GET', '/metrics'],
      ['GET', '/'],
      ['GET', '/static/app.js'],
      ['GET', '/-/healthy'],
      ['GET', '/-/ready'],
      ['GET', '/api/v1/metrics'],
      ['PUT', '/api/v1/admin/wipe'],
      ['GET', '/nothing/here'],
      ['PUT', '/-/quit'],
    ] as const
    for (const [method, target] of requests) {
      const refused = await send(method, app.url, target)
      expect([target, refused.status, refused.text]).toEqual([target, 401, 'Unauthorized\n'])
      expect(refused.headers['www-authenticate']).toBe('Basic')
    }
    expect(app.quits()).toBe(0)
    const headers = { Authorization: basic('alice', 'abc') }
    for (const [method, target] of requests) {
      const { status } = await send(method, app.url, target, { headers })
      expect([target, status < 300 || status === 404]).toEqual([target, true])
    }
    expect(app.quits()).toBe(1)
  })

  test('a push that is refused changes nothing, however large it is', async () => {
    const app = await start({ alice: HASH_OF_ABC })
    const body = `m 1\n${'# padding\n'.repeat(200_000)}`
    expect((await send('PUT', app.url, '/metrics/job/j', { body })).status).toBe(401)
    expect((await ask(app, basic('alice', 'abc'), '/metrics')).text).not.toContain('job="j"')
  })

  test.each([
    ['nothing', undefined],
    ['a wrong password', basic('alice', 'abd')],
    ['no password', basic('alice', '')],
    ['a user that is not known', basic('bob', 'abc')],
    ['a name of all objects', basic('constructor', 'abc')],
    ['the name in another case', basic('Alice', 'abc')],
    ['no colon', `Basic ${Buffer.from('alice').toString('base64')}`],
    ['no base64', 'Basic !!!'],
    ['nothing behind the scheme', 'Basic '],
    ['another scheme', 'Bearer abc'],
    ['the hash for a password', basic('alice', HASH_OF_ABC)],
  ])('%s is refused', async (_, authorization) => {
    const app = await start({ alice: HASH_OF_ABC })
    expect((await ask(app, authorization)).status).toBe(401)
    expect((await ask(app, authorization)).status).toBe(401)
  })

  test.each(['$2a$', '$2b$', '$2y$'])('hashes may begin with %s', async (version) => {
    const app = await start({ alice: version + HASH_OF_ABC.slice(4) })
    expect(await statusFor(app, 'alice', 'abc')).toBe(200)
    expect(await statusFor(app, 'alice', 'abd')).toBe(401)
  })

  test.each(['a:b::c', 'pässwörd ✓', ' blank ', ''])('a password may be %j', async (password) => {
    const app = await start({ alice: bcrypt.hashSync(password, 4), bob: HASH_OF_ABC })
    expect(await statusFor(app, 'alice', password)).toBe(200)
    expect(await statusFor(app, 'bob', password)).toBe(401)
    expect(await statusFor(app, 'alice', 'abc')).toBe(401)
  })

  test('the scheme may be in any case', async () => {
    const app = await start({ alice: HASH_OF_ABC })
    for (const scheme of ['basic', 'BASIC']) {
      const authorization = basic('alice', 'abc').replace('Basic', scheme)
      expect((await ask(app, authorization)).status).toBe(200)
    }
  })

  test('refusals are counted', async () => {
    const app = await start({ alice: HASH_OF_ABC })
    await ask(app)
    const { text } = await ask(app, basic('alice', 'abc'), '/metrics')
    expect(text).toContain(
      'pushgateway_http_requests_total{code="401",handler="unauthorized",method="get"} 1\n',
    )
  })

  test('passwords never stand in the log', async () => {
    const app = await start({ alice: HASH_OF_ABC }, '--log.requests', '--log.level=debug')
    await ask(app, basic('alice', 'hunter2'))
    await ask(app, basic('alice', 'abc'))
    const log = app.log().join('\n')
    expect(log).toContain('/-/healthy')
    expect(log).not.toMatch(/hunter2|aHVudGVyM|\$2b\$/)
  })
})

describe('comparing a password', () => {
  const costly = bcrypt.hashSync('abc', 11)

  test('never holds up the event loop', async () => {
    const app = await start({ alice: costly })
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const startedAt = performance.now()
    const passwords = ['a', 'b', 'c', 'd', 'abc']
    const answers = await Promise.all(
      passwords.map((password) => statusFor(app, 'alice', password)),
    )
    delay.disable()
    expect(answers).toEqual([401, 401, 401, 401, 200])
    // One comparison alone would hold it up for a fifth of that.
    const tookMs = performance.now() - startedAt
    expect(delay.max / 1e6).toBeLessThan(tookMs / 5)
  })

  test('is done once for many requests that come at once, and not again', async () => {
    const app = await start({ alice: costly })
    const one = await timeOf(() => statusFor(app, 'alice', 'first'))
    const many = await timeOf(async () => {
      const all = await Promise.all(
        Array.from({ length: 20 }, () => statusFor(app, 'alice', 'abc')),
      )
      expect(new Set(all)).toEqual(new Set([200]))
    })
    expect(many).toBeLessThan(one * 10)
    const again = await timeOf(async () => {
      for (let i = 0; i < 20; i++) expect(await statusFor(app, 'alice', 'abc')).toBe(200)
    })
    expect(again).toBeLessThan(one * 10)
  })

  test('takes as much work for a user that is not known', async () => {
    const app = await start({ alice: costly, bob: HASH_OF_ABC })
    // The quickest of three of each: what else the machine does must not count.
    const quickest = async (user: string): Promise<number> => {
      const times = [1, 2, 3].map((n) => () => timeOf(() => statusFor(app, user, `wrong ${n}`)))
      return Math.min(await times[0]!(), await times[1]!(), await times[2]!())
    }
    expect(await quickest('nobody')).toBeGreaterThan((await quickest('alice')) / 3)
  })

  test('of very many at once ends in 503 for those that are too many, and all are answered', async () => {
    const app = await start({ alice: bcrypt.hashSync('abc', 6) })
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, i) => statusFor(app, 'alice', `wrong ${i}`)),
    )
    expect(new Set(answers)).toEqual(new Set([401, 503]))
    expect(answers.filter((status) => status === 401).length).toBeGreaterThanOrEqual(100)
    expect(await statusFor(app, 'alice', 'abc')).toBe(200)
  })

  test('that is under way when the gateway stops is done, and the request answered', async () => {
    const app = await start({ alice: bcrypt.hashSync('abc', 14) })
    const asked = statusFor(app, 'alice', 'abc')
    await waitFor('the request to be there', async () => {
      return (await ask(app)).status === 401 || undefined
    })
    await app.app.stop()
    expect(await asked).toBe(200)
  })
})

describe('when the users change', () => {
  test('a password that was right is no longer taken, a new one is', async () => {
    const config = writeWebConfig(users({ alice: HASH_OF_ABC }))
    const app = await startTestApp(config.flag)
    expect(await statusFor(app, 'alice', 'abc')).toBe(200)
    config.replace(users({ alice: bcrypt.hashSync('new', 4) }))
    await waitFor('the new password to be taken', async () => {
      return (await statusFor(app, 'alice', 'new')) === 200 || undefined
    })
    expect(await statusFor(app, 'alice', 'abc')).toBe(401)
  })

  test('and there are none any more, nobody is asked', async () => {
    const config = writeWebConfig(users({ alice: HASH_OF_ABC }))
    const app = await startTestApp(config.flag)
    expect((await ask(app)).status).toBe(401)
    config.replace('')
    await waitFor('nobody to be asked', async () => (await ask(app)).status === 200 || undefined)
  })

  test('a file that cannot be used keeps everybody out who was kept out', async () => {
    const config = writeWebConfig(users({ alice: HASH_OF_ABC }))
    const app = await startTestApp(config.flag)
    config.replace('basic_auth_users: {')
    await waitFor('the refusal', () => app.log().find((line) => line.includes('refused')))
    expect((await ask(app)).status).toBe(401)
    expect(await statusFor(app, 'alice', 'abc')).toBe(200)
  })
})

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return performance.now() - startedAt
}
