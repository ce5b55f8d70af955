import { expect, test } from '@jest/globals'
import type tls from 'node:tls'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { useCertificates, type Certificates, type KeyPair } from '../../../support/certificates.ts'
import { send, waitFor } from '../../../support/http.ts'
import { describeWith } from '../../../support/programs.ts'
import { handshake, pairOf, tlsSection } from '../../../support/tls.ts'
import { writeWebConfig } from '../../../support/web-config.ts'

const NAMES = [
  'DNS:batch.example.org',
  'IP:10.0.0.7',
  'IP:2001:db8::7',
  'email:ops@example.org',
  'URI:spiffe://example.org/batch,a',
  'URI:spiffe://example.org/b, DNS:forged.example.org',
]

type Client = 'client' | 'nameless' | 'stranger' | 'none'

describeWith('openssl', 'client certificates', () => {
  const certificates = useCertificates(NAMES)

  async function start(...more: string[]): Promise<TestApp> {
    const { server, authority } = certificates()
    const ca = more.some((line) => line.startsWith('client_auth_type'))
      ? [`client_ca_file: ${authority.cert}`]
      : []
    return startTestApp(writeWebConfig(tlsSection(server, ...ca, ...more)).flag)
  }

  function optionsOf(client: Client): tls.ConnectionOptions {
    const pair = (name: keyof Certificates & Client): KeyPair => certificates()[name]
    return { rejectUnauthorized: false, ...(client === 'none' ? {} : pairOf(pair(client))) }
  }

  /** The status of a scrape, or 0 where the connection is refused. */
  async function scrapeAs(client: Client, { url }: TestApp): Promise<number> {
    return send('GET', url, '/metrics', { tls: optionsOf(client) }).then(
      ({ status }) => status,
      () => 0,
    )
  }

  test.each<[type: string, taken: readonly Client[], refused: readonly Client[]]>([
    ['NoClientCert', ['none', 'client', 'stranger'], []],
    ['RequestClientCert', ['none', 'client', 'stranger'], []],
    ['RequireAnyClientCert', ['client', 'nameless', 'stranger'], ['none']],
    ['RequireClientCert', ['client', 'nameless', 'stranger'], ['none']],
    ['VerifyClientCertIfGiven', ['none', 'client'], ['stranger']],
    ['RequireAndVerifyClientCert', ['client', 'nameless'], ['none', 'stranger']],
  ])('with %s, %j are served and %j are not', async (type, taken, refused) => {
    const app = type === 'NoClientCert' ? await start() : await start(`client_auth_type: ${type}`)
    for (const client of taken) expect([client, await scrapeAs(client, app)]).toEqual([client, 200])
    for (const client of refused) expect([client, await scrapeAs(client, app)]).toEqual([client, 0])
  })

  test('who is refused by its certificate is named in the log', async () => {
    const app = await start('client_auth_type: RequireAnyClientCert')
    await scrapeAs('none', app)
    const line = await waitFor('the line', () =>
      app.log().find((text) => text.includes('client refused')),
    )
    expect(line).toContain('peer=127.0.0.1 reason="it has no certificate"')
  })

  test.each([
    'batch.example.org',
    '10.0.0.7',
    '2001:db8::7',
    '2001:0DB8:0:0:0:0:0:7',
    'ops@example.org',
    'spiffe://example.org/batch,a',
  ])('with client_allowed_sans %s, only a certificate with that name is taken', async (name) => {
    for (const type of ['RequireAnyClientCert', 'RequireAndVerifyClientCert']) {
      const app = await start(
        `client_auth_type: ${type}`,
        `client_allowed_sans: [${JSON.stringify(name)}, other.example.org]`,
      )
      expect(await scrapeAs('client', app)).toBe(200)
      expect(await scrapeAs('nameless', app)).toBe(0)
      expect(await scrapeAs('none', app)).toBe(0)
    }
  })

  test.each([
    'example.org',
    'forged.example.org',
    'BATCH.example.org',
    '*.example.org',
    '10.0.0.70',
    'DNS:batch.example.org',
  ])(
    'with client_allowed_sans %s, a certificate for batch.example.org is refused',
    async (name) => {
      const app = await start(
        'client_auth_type: RequireAndVerifyClientCert',
        `client_allowed_sans: ["${name}"]`,
      )
      expect(await scrapeAs('client', app)).toBe(0)
    },
  )

  test('an empty list of allowed names allows nobody', async () => {
    const app = await start(
      'client_auth_type: RequireAndVerifyClientCert',
      'client_allowed_sans: []',
    )
    expect(await scrapeAs('client', app)).toBe(0)
  })

  test('a resumed connection is who it was: a client with a certificate is served, one without is not', async () => {
    const app = await start(
      'client_auth_type: RequireAnyClientCert',
      'client_allowed_sans: [batch.example.org]',
    )
    const session = await sessionOf(app.url, optionsOf('client'))
    const resumed = await handshake(app.url, { session })
    expect(resumed.isSessionReused()).toBe(true)
    resumed.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitFor('an answer', () => resumed.bytesRead > 0 || undefined)

    const closed = await handshake(app.url, optionsOf('none'))
    await waitFor(
      'the connection without a certificate to be closed',
      () => closed.destroyed || undefined,
    )
  })
})

function sessionOf(url: string, options: tls.ConnectionOptions): Promise<Buffer> {
  return handshake(url, options).then(
    (socket) => new Promise((resolve) => socket.once('session', resolve)),
  )
}
