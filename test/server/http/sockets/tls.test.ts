import { expect, test, describe } from '@jest/globals'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { temporaryFolder } from '../../../support/cleanup.ts'
import { read, useCertificates, type KeyPair } from '../../../support/certificates.ts'
import { send, waitFor, type Answer } from '../../../support/http.ts'
import { describeWith } from '../../../support/programs.ts'
import { handshake, pairOf, tlsSection } from '../../../support/tls.ts'
import { writeWebConfig } from '../../../support/web-config.ts'

const PUSH = { body: 'm 1\n' }

describeWith('openssl', 'with a certificate', () => {
  const certificates = useCertificates()

  async function start(...more: string[]): Promise<TestApp> {
    return startTestApp(writeWebConfig(tlsSection(certificates().server, ...more)).flag)
  }

  /** A push by a client that trusts the authority. */
  async function push(
    { url }: Pick<TestApp, 'url'>,
    options: tls.ConnectionOptions = {},
  ): Promise<Answer> {
    const trust = { ca: read(certificates().authority.cert) }
    return send('PUT', url, '/metrics/job/j', { ...PUSH, tls: { ...trust, ...options } })
  }

  test('pushes and scrapes go over TLS, and plain HTTP is not understood', async () => {
    const app = await start()
    expect(app.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect((await push(app)).status).toBe(200)
    const page = await send('GET', app.url, '/metrics', { tls: { rejectUnauthorized: false } })
    expect(page.text).toContain('m{instance="",job="j"} 1\n')
    await expect(send('GET', app.url.replace('https', 'http'), '/metrics')).rejects.toThrow()
  })

  test('paths in the file start from the folder it is in', async () => {
    const folder = temporaryFolder()
    const { server } = certificates()
    copyFileSync(server.cert, path.join(folder, 'cert.pem'))
    copyFileSync(server.key, path.join(folder, 'key.pem'))
    const config = path.join(folder, 'web.yml')
    copyFileSync(writeWebConfig(tlsSection({ cert: 'cert.pem', key: 'key.pem' })).file, config)
    expect((await push(await startTestApp(`--web.config.file=${config}`))).status).toBe(200)
  })

  test('certificate, key and authority may stand in the file itself', async () => {
    const { server, authority, client } = certificates()
    const inline = {
      tls_server_config: {
        cert: read(server.cert),
        key: read(server.key),
        client_ca: read(authority.cert),
        client_auth_type: 'RequireAndVerifyClientCert',
      },
    }
    const app = await startTestApp(writeWebConfig(JSON.stringify(inline)).flag)
    expect((await push(app, pairOf(client))).status).toBe(200)
    await expect(push(app)).rejects.toThrow()
  })

  test.each([
    ['TLS12', 'TLS12', 'TLSv1.2'],
    ['TLS13', 'TLS13', 'TLSv1.3'],
    ['TLS12', 'TLS13', 'TLSv1.3'],
    ['TLS10', 'TLS11', 'TLSv1.1'],
    ['TLS10', 'TLS10', 'TLSv1'],
  ])('with versions from %s to %s, the newest common one is %s', async (min, max, agreed) => {
    const app = await start(`min_version: ${min}`, `max_version: ${max}`)
    const socket = await handshake(app.url, {
      minVersion: 'TLSv1',
      ciphers: `${tls.DEFAULT_CIPHERS}:@SECLEVEL=0`,
    })
    expect(socket.getProtocol()).toBe(agreed)
  })

  test.each([
    ['TLS12', 'TLS12', 'TLSv1.3', 'TLSv1.3'],
    ['TLS13', 'TLS13', 'TLSv1.2', 'TLSv1.2'],
    ['TLS12', 'TLS13', 'TLSv1', 'TLSv1.1'],
  ] as const)('with %s to %s, a client of %s to %s is refused', async (min, max, from, to) => {
    const app = await start(`min_version: ${min}`, `max_version: ${max}`)
    const options = { minVersion: from, maxVersion: to, ciphers: 'DEFAULT:@SECLEVEL=0' }
    await expect(handshake(app.url, options)).rejects.toThrow(/version|alert|ECONNRESET/i)
  })

  test('of the named cipher suites one is taken, the server’s order first, and no other', async () => {
    const app = await start(
      'max_version: TLS12',
      'cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]',
    )
    const both = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
    const socket = await handshake(app.url, { ciphers: both })
    expect(socket.getCipher().name).toBe('ECDHE-ECDSA-AES256-GCM-SHA384')
    const other = handshake(app.url, { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' })
    await expect(other).rejects.toThrow(/handshake|alert|cipher/i)
  })

  test('prefer_server_cipher_suites: false lets the client choose', async () => {
    const app = await start('max_version: TLS12', 'prefer_server_cipher_suites: false')
    for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
      const rest = 'ECDHE-ECDSA-AES256-GCM-SHA384'
      const socket = await handshake(app.url, { ciphers: `${cipher}:${rest}` })
      expect(socket.getCipher().name).toBe(cipher)
    }
  })

  test('cipher suites below TLS 1.3 do not turn TLS 1.3 off', async () => {
    const app = await start('cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]')
    expect((await handshake(app.url)).getProtocol()).toBe('TLSv1.3')
  })

  test('of the named curves one is taken, and no other', async () => {
    const app = await start('curve_preferences: [CurveP384]')
    const socket = await handshake(app.url, { ecdhCurve: 'X25519:P-384' })
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ name: 'secp384r1' })
    await expect(handshake(app.url, { ecdhCurve: 'X25519' })).rejects.toThrow(/handshake|alert/i)
  })

  describe('whose file changes', () => {
    test('new connections get the new one, and those that are open go on', async () => {
      const { server, renewed } = certificates()
      const config = writeWebConfig(tlsSection(server))
      const app = await startTestApp(config.flag)
      const before = await handshake(app.url)
      config.replace(tlsSection(renewed))
      await waitFor('the new certificate', async () => {
        return (await serialOf(app.url)) === '4242' || undefined
      })
      expect(app.log().join('\n')).toContain('web configuration read again')
      before.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
      await waitFor('an answer on the old connection', () => before.bytesRead > 0 || undefined)
    })

    test('a certificate that is renewed in its place is noticed too', async () => {
      const { server, renewed } = certificates()
      const folder = temporaryFolder()
      const pair = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
      const copy = (from: KeyPair): void => {
        copyFileSync(from.cert, pair.cert)
        copyFileSync(from.key, pair.key)
      }
      copy(server)
      const app = await startTestApp(writeWebConfig(tlsSection(pair)).flag)
      expect(await serialOf(app.url)).not.toBe('4242')
      copy(renewed)
      await waitFor('the new certificate', async () => {
        return (await serialOf(app.url)) === '4242' || undefined
      })
    })

    test.each([
      [
        'a key of another certificate',
        (): string => {
          const { server, renewed } = certificates()
          return tlsSection({ cert: server.cert, key: renewed.key })
        },
        /tls_server_config: .*key/,
      ],
      [
        'a certificate that is not there',
        (): string => tlsSection({ cert: 'no.pem', key: 'no.key' }),
        /cert_file: .*no\.pem/,
      ],
      [
        'a key that is no longer known',
        (): string => `${tlsSection(certificates().server)}what: 1\n`,
        /unknown key what/,
      ],
      ['TLS turned off', (): string => '', /TLS on or off takes a restart/],
      [
        'HTTP/2 turned off',
        (): string => `${tlsSection(certificates().server)}http_server_config: { http2: false }\n`,
        /HTTP\/2 on or off takes a restart/,
      ],
    ])('%s is refused, and the one before stays in force', async (_, broken, reason) => {
      const config = writeWebConfig(tlsSection(certificates().server))
      const app = await startTestApp(config.flag)
      const serial = await serialOf(app.url)
      config.replace(broken())
      const line = await waitFor('the refusal', () =>
        app.log().find((text) => text.includes('level=error')),
      )
      expect(line).toMatch(reason)
      expect(await serialOf(app.url)).toBe(serial)
      config.replace(tlsSection(certificates().renewed))
      await waitFor('the next good one', async () => {
        return (await serialOf(app.url)) === '4242' || undefined
      })
      expect(app.log().filter((text) => text.includes('level=error'))).toHaveLength(1)
    })

    test('the way clients are authenticated changes with it', async () => {
      const { server, authority, client } = certificates()
      const config = writeWebConfig(tlsSection(server))
      const app = await startTestApp(config.flag)
      expect((await push(app)).status).toBe(200)
      config.replace(
        tlsSection(
          server,
          'client_auth_type: RequireAndVerifyClientCert',
          `client_ca_file: ${authority.cert}`,
        ),
      )
      await waitFor('clients without a certificate to be refused', () =>
        push(app).then(
          () => undefined,
          () => true,
        ),
      )
      expect((await push(app, pairOf(client))).status).toBe(200)
    })
  })
})

describe('without a usable certificate', () => {
  test.each([
    [
      'no certificate',
      'tls_server_config: { key_file: a }',
      /one of cert and cert_file is missing/,
    ],
    ['no key', 'tls_server_config: { cert_file: a }', /one of key and key_file is missing/],
    [
      'a file that is not there',
      'tls_server_config: { cert_file: no.pem, key_file: no.key }',
      /cert_file: it cannot be read: .*no\.pem/,
    ],
    [
      'what is no certificate',
      'tls_server_config: { cert: hello, key: hello }',
      /tls_server_config: /,
    ],
  ])(
    '(%s) the gateway does not start, and the error names the file',
    async (_, content, reason) => {
      const { file, flag } = writeWebConfig(content)
      const failed = startTestApp(flag)
      await expect(failed).rejects.toThrow(reason)
      await expect(failed).rejects.toThrow(file)
    },
  )
})

async function serialOf(url: string): Promise<string> {
  const socket = await handshake(url)
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return BigInt(`0x${serialNumber}`).toString()
}
