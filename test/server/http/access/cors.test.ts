import { describe, expect, test } from '@jest/globals'
import express from 'express'
import { serve, startTestApp } from '../../../support/app.ts'
import { openPage } from '../../../support/browser.ts'
import { send, type Answer } from '../../../support/http.ts'
import { pushedValues, scrape } from '../../../support/page.ts'
import { describeWith } from '../../../support/programs.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../../../support/web-config.ts'

const JOB = '/metrics/job/j'
const APP = 'https://app.example.org'
const FLAG = '--web.cors.origin=https://(app|www)\\.example\\.org'

function preflight(url: string, target: string, origin = APP): Promise<Answer> {
  const headers = { Origin: origin, 'Access-Control-Request-Method': 'PUT' }
  return send('OPTIONS', url, target, { headers })
}

function push(url: string, origin: string): Promise<Answer> {
  return send('PUT', url, JOB, { headers: { Origin: origin }, body: 'm 1\n' })
}

describe('without --web.cors.origin', () => {
  test('pushes say nothing of origins, and are taken from any, as in the original', async () => {
    const { url } = await startTestApp()
    for (const answer of [await push(url, APP), await preflight(url, JOB)]) {
      expect(answer.status).toBe(200)
      expect(
        Object.keys(answer.headers).filter((name) => /^access-control|^vary/.test(name)),
      ).toEqual([])
    }
  })
})

describe('with --web.cors.origin', () => {
  test('the preflight of a push from such an origin is granted', async () => {
    const { url } = await startTestApp(FLAG)
    const { status, headers } = await preflight(url, JOB)
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'DELETE, POST, PUT',
      'access-control-allow-headers': 'Authorization, Content-Encoding, Content-Type',
      vary: 'Origin',
    })
    expect(headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('answers to pushes from such an origin may be read there, refusals too', async () => {
    const { url } = await startTestApp(FLAG)
    const pushed = await push(url, 'https://www.example.org')
    expect([pushed.status, pushed.headers['access-control-allow-origin']]).toEqual([
      200,
      'https://www.example.org',
    ])
    const bad = await send('POST', url, JOB, { headers: { Origin: APP }, body: 'm x\n' })
    expect([bad.status, bad.headers['access-control-allow-origin']]).toEqual([400, APP])
  })

  test.each([
    'https://app.example.org.evil.example',
    'https://evil.example/https://app.example.org',
    'http://app.example.org',
    'https://appXexample.org',
    'https://app.example.org:8443',
    'null',
  ])('nothing is granted to %s', async (origin) => {
    const { url } = await startTestApp(FLAG)
    for (const answer of [await preflight(url, JOB, origin), await push(url, origin)]) {
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      expect(answer.headers.vary).toBe('Origin')
    }
  })

  test('only the paths of pushes are opened', async () => {
    const { url } = await startTestApp(FLAG, '--web.enable-lifecycle')
    for (const target of ['/metrics', '/', '/-/quit', '/metrics/other/x']) {
      const { headers } = await preflight(url, target)
      expect([target, headers['access-control-allow-origin']]).toEqual([target, undefined])
    }
  })

  test('they are those behind the prefix', async () => {
    const { url } = await startTestApp(FLAG, '--web.route-prefix=/push')
    expect((await preflight(url, `/push${JOB}`)).status).toBe(204)
    expect((await preflight(url, JOB)).headers['access-control-allow-origin']).toBeUndefined()
  })

  test('a preflight, which never has credentials, needs none; the push does', async () => {
    const { flag } = writeWebConfig(`basic_auth_users: { a: ${HASH_OF_ABC} }\n`)
    const { url } = await startTestApp(FLAG, flag)
    expect((await preflight(url, JOB)).status).toBe(204)
    expect((await preflight(url, JOB, 'https://evil.example')).status).toBe(401)
    const refused = await push(url, APP)
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, APP])
    const headers = { Origin: APP, Authorization: basic('a', 'abc') }
    expect((await send('PUT', url, JOB, { headers, body: 'm 1\n' })).status).toBe(200)
  })
})

describeWith('chromium', 'a page in a browser', () => {
  test('pushes and deletes across origins, and reads why something was refused', async () => {
    const page = express()
    page.get(
      '/',
      (_request, response) => void response.type('html').send('<!doctype html><title>job</title>'),
    )
    const origin = await serve(page)
    const { url } = await startTestApp(`--web.cors.origin=${origin.replaceAll('.', '\\.')}`)
    const closed = await startTestApp()
    const { page: tab } = await openPage()
    await tab.goto(origin)
    const ask = (method: string, target: string, body?: string): Promise<string> =>
      tab.evaluate(
        async ([how, where, what]) => {
          const answer = await fetch(where, {
            method: how,
            ...(what === undefined ? {} : { body: what }),
            headers: { 'Content-Type': 'application/openmetrics-text' },
          }).catch((error: unknown) => String(error))
          return typeof answer === 'string' ? answer : `${answer.status} ${await answer.text()}`
        },
        [method, target, body] as const,
      )
    expect(await ask('PUT', url + JOB, '# TYPE m counter\nm_total 1\n# EOF\n')).toBe('200 ')
    expect(pushedValues(await scrape(url))).toEqual({ 'm_total{instance="",job="j"}': '1' })
    expect(await ask('POST', url + JOB, 'm_total x\n# EOF\n')).toMatch(/^400 .*line 1/)
    expect(await ask('DELETE', url + JOB)).toBe('202 ')
    expect(await ask('PUT', closed.url + JOB, 'm 1\n')).toMatch(/Failed to fetch/)
    expect(pushedValues(await scrape(closed.url))).toEqual({})
  })
})
