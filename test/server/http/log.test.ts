import { describe, expect, test } from '@jest/globals'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { send, waitFor } from '../../support/http.ts'
import { connectTo, rawRequest } from '../../support/raw-connection.ts'

/** Starts a gateway and forgets what it logged while it started. */
async function startQuietApp(...flags: string[]): Promise<TestApp> {
  const app = await startTestApp(...flags)
  const started = app.log().length
  return { ...app, log: () => app.log().slice(started) }
}

/** The lines of the log that hold all of these texts. */
function linesWith(app: TestApp, ...texts: string[]): string[] {
  return app.log().filter((line) => texts.every((text) => line.includes(text)))
}

describe('the log of refused pushes', () => {
  test('has one line for a rejected push, with peer, group and reason', async () => {
    const app = await startQuietApp()
    await send('PUT', app.url, '/metrics/job/j/instance/i', { body: 'm 1 5\n' })
    const lines = linesWith(app, 'timestamps')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('level=warn')
    expect(lines[0]).toContain('peer=127.0.0.1')
    expect(lines[0]).toContain('method=PUT')
    expect(lines[0]).toContain(String.raw`instance=\"i\",job=\"j\"`)
    expect(lines[0]).toContain('must not have timestamps')
    expect(app.log()).toHaveLength(1)
  })

  test.each([
    ['a body that cannot be read', '/metrics/job/j/instance/i', 'm x\n', 'expected float'],
    ['a path that cannot be read', '/metrics/job/j/instance', 'm 1\n', 'odd number'],
  ])('has one line for %s, with peer, path and reason', async (_, path, body, reason) => {
    const app = await startQuietApp()
    await send('POST', app.url, path, { body })
    const lines = linesWith(app, reason)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('level=warn')
    expect(lines[0]).toContain('peer=127.0.0.1')
    expect(lines[0]).toContain('method=POST')
    expect(lines[0]).toContain(`path=${path}`)
    expect(app.log()).toHaveLength(1)
  })

  test('has nothing for pushes and scrapes that went well, or for unknown paths', async () => {
    const app = await startQuietApp()
    await send('PUT', app.url, '/metrics/job/j', { body: 'm 1\n' })
    await send('DELETE', app.url, '/metrics/job/j')
    await send('GET', app.url, '/metrics')
    await send('GET', app.url, '/nope')
    expect(app.log()).toEqual([])
  })

  test('cannot be made to hold lines of its own by what is pushed', async () => {
    const app = await startQuietApp()
    const forged = '\nts=2026-01-01T00:00:00Z level=error msg=forged'
    const job = Buffer.from(`j${forged}`).toString('base64url')
    await send('PUT', app.url, `/metrics/job@base64/${job}`, { body: 'm 1 5\n' })
    await send('PUT', app.url, `/metrics/job/j/${encodeURIComponent(forged)}`, { body: 'm 1\n' })
    await send('PUT', app.url, '/metrics/job/j', { body: `m{a="\r${forged}"} 1\n` })
    await send('PUT', app.url, '/metrics/job/j', { body: `m \x1b[31mred\x1b[0m\n` })
    expect(app.log()).toHaveLength(4)
    for (const line of app.log()) {
      expect(line).toMatch(/^ts=\S+ level=warn msg="/)
      expect(line).not.toContain('\u001b')
    }
  })

  test('names the client of a rejected push even when it did not wait for the answer', async () => {
    const app = await startQuietApp()
    for (let round = 0; round < 5; round++) {
      const connection = await connectTo(app.url)
      connection.write(rawRequest('PUT', '/metrics/job/j', { body: 'm 1 5\n' }))
      connection.destroy()
    }
    const lines = await waitFor('the rejections', () => {
      const found = linesWith(app, 'timestamps')
      return found.length === 5 ? found : undefined
    })
    for (const line of lines) expect(line).toContain('peer=127.0.0.1')
  })
})

describe('the access log', () => {
  test('is off by default', async () => {
    const app = await startQuietApp()
    await send('GET', app.url, '/-/healthy')
    await send('GET', app.url, '/metrics')
    expect(linesWith(app, 'msg=request')).toEqual([])
  })

  test('has one line for each request with --log.requests', async () => {
    const app = await startQuietApp('--log.requests')
    const requests: [method: string, path: string, status: number][] = [
      ['PUT', '/metrics/job/j', 200],
      ['DELETE', '/metrics/job/j', 202],
      ['PUT', '/metrics/job/j/odd', 400],
      ['GET', '/metrics?x=1', 200],
      ['GET', '/nope', 404],
      ['PATCH', '/metrics/job/j', 405],
      ['GET', '/-/healthy', 200],
      ['GET', '/', 200],
      ['GET', '/static/app.js', 200],
    ]
    for (const [method, path, status] of requests) {
      const headers = { 'User-Agent': 'a test/1' }
      const answer = await send(method, app.url, path, { headers })
      expect([path, answer.status]).toEqual([path, status])
      const line = await waitFor(`a line for ${method} ${path}`, () => {
        return linesWith(app, 'msg=request ', `method=${method} `, path, `status=${status}`)[0]
      })
      expect(line).toContain('peer=127.0.0.1')
      expect(line).toContain('agent="a test/1"')
      expect(line).toMatch(/seconds=[\d.e-]+/)
    }
    expect(linesWith(app, 'msg=request ')).toHaveLength(requests.length)
  })

  test('has a line for OPTIONS of the API too', async () => {
    const app = await startQuietApp('--log.requests')
    expect((await send('OPTIONS', app.url, '/api/v1/status')).status).toBe(200)
    await send('GET', app.url, '/-/healthy')
    await waitFor('the line of a later request', () => linesWith(app, '/-/healthy')[0])
    expect(linesWith(app, 'msg=request ', 'method=OPTIONS')).toHaveLength(1)
  })

  test('is in JSON where the log is', async () => {
    const app = await startQuietApp('--log.requests', '--log.format=json')
    await send('PUT', app.url, '/metrics/job/j', { body: 'm 1\n' })
    const line = await waitFor('the line', () => linesWith(app, '"request"')[0])
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      msg: 'request',
      method: 'PUT',
      path: '/metrics/job/j',
      status: 200,
    })
  })
})
