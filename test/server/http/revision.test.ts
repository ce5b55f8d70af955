import { describe, expect, test } from '@jest/globals'
import { startTestApp } from '../../support/app.ts'
import { send, type Answer } from '../../support/http.ts'

const JOB = '/metrics/job/j'

/** What `Sluice-Revision` says: the beginning of the epoch, and the revision. */
function revisionOf({ headers }: Answer): [epoch: string, revision: number] | undefined {
  const header = headers['sluice-revision']
  if (header === undefined) return undefined
  const [, epoch, revision] = /^([0-9a-f]{8})\/(\d+)$/.exec(String(header))!
  return [epoch!, Number(revision)]
}

function put(url: string, body = 'm 1\n'): Promise<Answer> {
  return send('PUT', url, JOB, { body })
}

describe('Sluice-Revision', () => {
  test('of a push or a delete is the revision at which it was applied', async () => {
    const { url } = await startTestApp()
    const [epoch, first] = revisionOf(await put(url))!
    expect(revisionOf(await send('POST', url, JOB, { body: 'n 1\n' }))).toEqual([epoch, first + 1])
    expect(revisionOf(await send('DELETE', url, JOB))).toEqual([epoch, first + 2])
  })

  test('of a push that nobody checks is given too', async () => {
    const { url } = await startTestApp('--push.disable-consistency-check')
    const answer = await put(url)
    expect([answer.status, revisionOf(answer)]).toEqual([202, [expect.any(String), 1]])
  })

  test('is not there when nothing was made: no such group, a refused push, a bad one', async () => {
    const { url } = await startTestApp()
    expect(revisionOf(await send('DELETE', url, JOB))).toBeUndefined()
    expect(revisionOf(await put(url, 'm 1 5\n'))).toBeUndefined()
    expect(revisionOf(await put(url, 'm x\n'))).toBeUndefined()
  })

  test('of a scrape is what its body shows, from the empty store on', async () => {
    const { url } = await startTestApp()
    const [epoch, none] = revisionOf(await send('GET', url, '/metrics'))!
    expect(none).toBe(0)
    for (let i = 1; i <= 3; i++) {
      const pushed = revisionOf(await put(url))
      expect(pushed).toEqual([epoch, i])
      expect(revisionOf(await send('GET', url, '/metrics'))).toEqual(pushed)
      expect(revisionOf(await send('HEAD', url, '/metrics'))).toEqual(pushed)
    }
  })

  test('is not there on what this process says of itself', async () => {
    const { url } = await startTestApp()
    expect(revisionOf(await send('GET', url, '/-/metrics'))).toBeUndefined()
  })

  test('may be read by a page that may push', async () => {
    const { url } = await startTestApp('--web.cors.origin=https://app\\.example\\.org')
    const headers = { Origin: 'https://app.example.org' }
    const answer = await send('PUT', url, JOB, { headers, body: 'm 1\n' })
    expect(answer.headers['access-control-expose-headers']).toBe(
      'Retry-After, Sluice-Revision, Sluice-Error',
    )
  })
})
