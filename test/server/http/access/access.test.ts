/** Who is asked for a password waits, and is refused, without being in the way of others. */
import { describe, expect, test } from '@jest/globals'
import bcrypt from 'bcryptjs'
import zlib from 'node:zlib'
import { startTestApp } from '../../../support/app.ts'
import { send, waitFor } from '../../../support/http.ts'
import { pushedValues, samplesOf, scrape } from '../../../support/page.ts'
import { connectTo, rawRequest } from '../../../support/raw-connection.ts'
import { basic, writeWebConfig } from '../../../support/web-config.ts'

const JOB = '/metrics/job/j'
const STORED = { 'm{instance="",job="j"}': '1' }
/** Costly enough that what follows arrives while it is compared. */
const USERS = `basic_auth_users: { alice: ${bcrypt.hashSync('abc', 10)} }\n`
const ALICE = `Authorization: ${basic('alice', 'abc')}`
const headers = { Authorization: basic('alice', 'abc') }

describe('requests that do not wait for answers (pipelining)', () => {
  test.each([
    ['nobody', []],
    ['somebody with a wrong password', [`Authorization: ${basic('alice', 'no')}`]],
    ['the same user', [ALICE]],
  ])(
    'are answered in order while a password is compared, when the second is from %s',
    async (_, second) => {
      const { url } = await startTestApp(writeWebConfig(USERS).flag)
      const connection = await connectTo(url)
      const put = rawRequest('PUT', JOB, { body: 'm 1\n', headers: [ALICE] })
      connection.write(put + rawRequest('GET', '/metrics', { headers: second }))
      expect((await connection.answer()).status).toBe(200)
      const page = await connection.answer()
      expect(page.status).toBe(second[0] === ALICE ? 200 : 401)
      if (page.status === 200) expect(pushedValues(samplesOf(page.text))).toEqual(STORED)
    },
  )

  test('of strangers take no place of --web.max-requests', async () => {
    const { url } = await startTestApp(writeWebConfig(USERS).flag, '--web.max-requests=5')
    const wrong = [`Authorization: ${basic('alice', 'wrong')}`]
    for (let i = 0; i < 10; i++) {
      const connection = await connectTo(url)
      connection.write(rawRequest('GET', '/metrics', { headers: wrong }) + rawRequest('GET', '/'))
    }
    expect((await send('GET', url, '/metrics', { headers })).status).toBe(200)
  })
})

test('who is refused and does not send the body that was announced takes no place either', async () => {
  const { url } = await startTestApp(writeWebConfig(USERS).flag, '--web.max-requests=5')
  expect((await send('GET', url, '/metrics', { headers })).status).toBe(200)
  for (let i = 0; i < 10; i++) {
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: ['Content-Length: 10'] }))
  }
  // All are in: a refusal that needs no body is answered behind them.
  expect((await send('GET', url, '/metrics')).status).toBe(401)
  expect((await send('GET', url, '/metrics', { headers })).status).toBe(200)
})

describe('a client that ends its side behind its request', () => {
  test.each([
    ['with a password', writeUsers, [ALICE], 'm 1\n'],
    ['compressed', () => [], ['Content-Encoding: gzip'], zlib.gzipSync('m 1\n')],
    ['plain', () => [], [], 'm 1\n'],
  ])('is answered, and its push is stored (%s)', async (_, flags, lines, body) => {
    const { url } = await startTestApp(...flags())
    const connection = await connectTo(url)
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    connection.write(rawRequest('PUT', JOB, { headers: [...lines, length] }))
    connection.write(body)
    connection.end()
    expect((await connection.answer()).status).toBe(200)
    await connection.closed()
    const page = await send('GET', url, '/metrics', { headers })
    expect(pushedValues(samplesOf(page.text))).toEqual(STORED)
  })

  test('before the end of its body is no push', async () => {
    const { url } = await startTestApp()
    const connection = await connectTo(url)
    connection.write(rawRequest('PUT', JOB, { headers: ['Content-Length: 10'] }))
    connection.write('m 1\n')
    connection.end()
    await connection.closed()
    expect(pushedValues(await scrape(url))).toEqual({})
  })
})

test('an absolute URL that is none does not get past the password', async () => {
  const { url } = await startTestApp(writeWebConfig(USERS).flag)
  const connection = await connectTo(url)
  connection.write(rawRequest('PUT', `http://[::1${JOB}`, { body: 'm 1\n' }))
  expect((await connection.answer()).status).toBe(401)
})

test('a header of a quarter of a megabyte costs little', async () => {
  const { url } = await startTestApp()
  const answer = await waitFor('the page', () =>
    send('GET', url, '/metrics', { headers: { Accept: ','.repeat(200_000) } }),
  )
  expect(answer.status).toBe(200)
})

function writeUsers(): string[] {
  return [writeWebConfig(USERS).flag]
}
