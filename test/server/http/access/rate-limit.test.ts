import { describe, expect, test } from '@jest/globals'
import { TokenBucket } from '../../../../server/http/access/rate-limit.ts'
import { startTestApp } from '../../../support/app.ts'
import { send, waitFor } from '../../../support/http.ts'
import { HASH_OF_ABC, writeWebConfig } from '../../../support/web-config.ts'

describe('a token bucket', () => {
  function taken(bucket: TokenBucket, nowMs: number, tries: number): number {
    return Array.from({ length: tries }, () => bucket.take(nowMs)).filter(Boolean).length
  }

  test('lets a burst through, and then one request each interval', () => {
    const bucket = new TokenBucket({ intervalMs: 100, burst: 3 }, 0)
    expect(taken(bucket, 0, 10)).toBe(3)
    expect(taken(bucket, 99, 10)).toBe(0)
    expect(taken(bucket, 100, 10)).toBe(1)
    expect(taken(bucket, 250, 10)).toBe(1)
    expect(taken(bucket, 300, 10)).toBe(1)
  })

  test('fills up to the burst and no further', () => {
    const bucket = new TokenBucket({ intervalMs: 100, burst: 3 }, 0)
    expect(taken(bucket, 0, 10)).toBe(3)
    expect(taken(bucket, 1_000_000, 10)).toBe(3)
  })
})

describe('with a rate limit', () => {
  test('requests that are too many are answered 429, whoever sends them and whatever they ask', async () => {
    const content = `rate_limit: { interval: 1h, burst: 3 }\nbasic_auth_users: { a: ${HASH_OF_ABC} }\n`
    const { url } = await startTestApp(writeWebConfig(content).flag)
    for (let i = 0; i < 3; i++) expect((await send('GET', url, '/metrics')).status).toBe(401)
    for (const target of ['/metrics', '/-/healthy', '/', '/nothing']) {
      const answer = await send('GET', url, target)
      expect([target, answer.status, answer.text]).toEqual([target, 429, 'Too Many Requests\n'])
      expect(answer.headers['retry-after']).toBe('3600')
    }
  })

  test('a push that is too many changes nothing', async () => {
    const config = writeWebConfig('rate_limit: { interval: 1h, burst: 1 }\n')
    const { url } = await startTestApp(config.flag)
    expect((await send('PUT', url, '/metrics/job/a', { body: 'm 1\n' })).status).toBe(200)
    expect((await send('PUT', url, '/metrics/job/b', { body: 'm 1\n' })).status).toBe(429)
    config.replace('')
    const page = await waitFor('the limit to be gone', async () => {
      const answer = await send('GET', url, '/metrics')
      return answer.status === 200 ? answer.text : undefined
    })
    expect(page).toContain('m{instance="",job="a"} 1\n')
    expect(page).not.toContain('job="b"')
  })

  test('other changes of the file do not refill it', async () => {
    const limit = 'rate_limit: { interval: 1h, burst: 1 }\n'
    const config = writeWebConfig(limit)
    const app = await startTestApp(config.flag)
    await send('GET', app.url, '/-/healthy')
    config.replace(`${limit}http_server_config: { headers: { X-Frame-Options: deny } }\n`)
    await waitFor('the file to be read again', () =>
      app.log().find((line) => line.includes('read again')),
    )
    const answer = await send('GET', app.url, '/-/healthy')
    expect([answer.status, answer.headers['x-frame-options']]).toEqual([429, 'deny'])
  })
})

describe('with headers', () => {
  test('every answer carries them, errors too, and the operator’s policy replaces that of the page', async () => {
    const { url } = await startTestApp(
      writeWebConfig(`http_server_config:
  headers:
    X-Frame-Options: sameorigin
    Content-Security-Policy: default-src 'self'
    Strict-Transport-Security: max-age=1
`).flag,
    )
    for (const [method, target] of [
      ['GET', '/'],
      ['GET', '/metrics'],
      ['GET', '/nothing'],
      ['PUT', '/metrics/job/j'],
      ['PUT', '/metrics/job/j/odd'],
    ] as const) {
      const { headers } = await send(method, url, target)
      expect([target, headers['x-frame-options']]).toEqual([target, 'sameorigin'])
      expect(headers['content-security-policy']).toBe("default-src 'self'")
      expect(headers['strict-transport-security']).toBe('max-age=1')
    }
  })
})
