import { describe, expect, test } from '@jest/globals'
import https from 'node:https'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { useCertificates } from '../../support/certificates.ts'
import { closeAfterTest } from '../../support/cleanup.ts'
import { send, waitFor, type Answer } from '../../support/http.ts'
import { startGateway } from '../../support/program.ts'
import { describeWith } from '../../support/programs.ts'
import { connectTo, rawRequest } from '../../support/raw-connection.ts'
import { pairOf, tlsSection } from '../../support/tls.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../../support/web-config.ts'

const PATHS = ['/debug/', '/debug/heap-snapshot', '/debug/cpu-profile?seconds=0.1']
const headers = { Authorization: basic('alice', 'abc') }

function startWithUsers(...flags: string[]): Promise<TestApp> {
  const { flag } = writeWebConfig(`basic_auth_users: { alice: ${HASH_OF_ABC} }\n`)
  return startTestApp('--web.enable-debug', flag, ...flags)
}

function get(url: string, target: string): Promise<Answer> {
  return send('GET', url, target, { headers })
}

describe('/debug/', () => {
  test.each(PATHS)('is not there without --web.enable-debug (%s)', async (target) => {
    const { url } = await startTestApp()
    expect((await send('GET', url, target)).status).toBe(404)
  })

  test.each(PATHS)('is closed where nobody has to say who they are (%s)', async (target) => {
    const { url } = await startTestApp('--web.enable-debug')
    const answer = await send('GET', url, target)
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('basic_auth_users')])
  })

  test.each(PATHS)('asks for a password (%s)', async (target) => {
    const { url } = await startWithUsers()
    expect((await send('GET', url, target)).status).toBe(401)
  })

  test('says what there is', async () => {
    const { url } = await startWithUsers()
    const { status, text } = await get(url, '/debug/')
    expect(status).toBe(200)
    expect(text).toMatch(/^\/debug\/heap-snapshot /m)
    expect(text).toMatch(/^\/debug\/cpu-profile\?seconds=30 /m)
  })

  test('gives a heap snapshot that has the parts which developer tools read', async () => {
    // In a process of its own: that of the tests has far more in memory.
    const { flag } = writeWebConfig(`basic_auth_users: { alice: ${HASH_OF_ABC} }\n`)
    const { url } = await startGateway(['--web.enable-debug', flag, '--storage.url=memory:'])
    const { status, headers: head, text } = await get(url, '/debug/heap-snapshot')
    expect(status).toBe(200)
    expect(head['content-disposition']).toMatch(
      /^attachment; filename="sluice-\d{8}T\d{6}\.heapsnapshot"$/,
    )
    const snapshot = JSON.parse(text) as { snapshot: { node_count: number }; nodes: unknown[] }
    expect(snapshot.snapshot.node_count).toBeGreaterThan(1000)
    expect(snapshot.nodes.length).toBeGreaterThan(1000)
  })

  test('gives a CPU profile of the time asked for, while requests are served', async () => {
    const { url } = await startWithUsers()
    const asked = get(url, '/debug/cpu-profile?seconds=0.5')
    let pushes = 0
    let ended = false
    void asked.then(() => (ended = true))
    while (!ended) {
      await send('PUT', url, '/metrics/job/j', { headers, body: 'm 1\n' })
      pushes++
    }
    const { status, headers: head, text } = await asked
    expect([status, head['content-disposition']]).toEqual([
      200,
      expect.stringContaining('.cpuprofile"'),
    ])
    const profile = JSON.parse(text) as {
      startTime: number
      endTime: number
      nodes: { callFrame: { functionName: string } }[]
    }
    expect(profile.endTime - profile.startTime).toBeGreaterThan(450_000)
    expect(profile.nodes.some(({ callFrame }) => callFrame.functionName === 'handlePush')).toBe(
      true,
    )
    expect(pushes).toBeGreaterThan(1)
  })

  test.each(['0', '-1', '101', 'x', 'NaN', 'Infinity', '1e9'])(
    'refuses a profile of %s seconds',
    async (seconds) => {
      const { url } = await startWithUsers()
      const { status, text } = await get(url, `/debug/cpu-profile?seconds=${seconds}`)
      expect([status, text]).toEqual([400, `seconds=${seconds}: must be a number of at most 100\n`])
    },
  )

  test('takes one profile at a time, and ends it when the client goes away', async () => {
    const { url } = await startWithUsers()
    const connection = await connectTo(url)
    const lines = [`Authorization: ${headers.Authorization}`]
    connection.write(rawRequest('GET', '/debug/cpu-profile?seconds=100', { headers: lines }))
    const refused = await waitFor('a second one to be refused', async () => {
      const answer = await get(url, '/debug/cpu-profile?seconds=0.01')
      return answer.status === 200 ? undefined : answer
    })
    expect([refused.status, refused.text]).toEqual([503, 'a CPU profile is being taken already\n'])
    connection.destroy()
    await waitFor('the first one to end', async () => {
      return (await get(url, '/debug/cpu-profile?seconds=0.01')).status === 200 || undefined
    })
  })

  test('stands behind the prefix', async () => {
    const { url } = await startWithUsers('--web.route-prefix=/push')
    expect((await get(url, '/push/debug/')).status).toBe(200)
    expect((await get(url, '/debug/')).status).toBe(404)
  })
})

describeWith('openssl', '/debug/ with client certificates', () => {
  const certificates = useCertificates()

  test.each([
    ['RequireAndVerifyClientCert', 200],
    ['RequireAnyClientCert', 403],
    ['VerifyClientCertIfGiven', 403],
  ])('with %s it is answered %i', async (type, expected) => {
    const { server, authority, client } = certificates()
    const section = tlsSection(
      server,
      `client_auth_type: ${type}`,
      `client_ca_file: ${authority.cert}`,
    )
    const { url } = await startTestApp('--web.enable-debug', writeWebConfig(section).flag)
    const tls = { rejectUnauthorized: false, ...pairOf(client) }
    expect((await send('GET', url, '/debug/', { tls })).status).toBe(expected)
  })

  test('stays closed to a connection that is older than the demand for certificates', async () => {
    const { server, authority } = certificates()
    const config = writeWebConfig(tlsSection(server))
    const app = await startTestApp('--web.enable-debug', config.flag)
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 1 })
    closeAfterTest(() => agent.destroy())
    const statusOverAgent = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = https.get(`${app.url}/debug/`, { agent }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode ?? 0))
        })
        request.on('error', reject)
      })
    expect(await statusOverAgent()).toBe(403)
    config.replace(
      tlsSection(
        server,
        'client_auth_type: RequireAndVerifyClientCert',
        `client_ca_file: ${authority.cert}`,
      ),
    )
    await waitFor('the file to be read again', () =>
      app.log().find((line) => line.includes('read again')),
    )
    expect(await statusOverAgent()).toBe(403)
  })
})
