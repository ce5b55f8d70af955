import { describe, expect, test } from '@jest/globals'
import { symlinkSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { useCertificates, type Certificates } from '../../../support/certificates.ts'
import { temporaryFolder } from '../../../support/cleanup.ts'
import { send, waitFor } from '../../../support/http.ts'
import { describeWith } from '../../../support/programs.ts'
import { tlsSection } from '../../../support/tls.ts'
import { HASH_OF_ABC, writeWebConfig, type WebConfigOnDisk } from '../../../support/web-config.ts'

function refusal(app: TestApp): Promise<string> {
  return waitFor('the refusal', () => app.log().find((line) => line.includes('level=error')))
}

describeWith('openssl', 'a web configuration that cannot be read any more', () => {
  const certificates = useCertificates()

  test.each<[what: string, spoil: (config: WebConfigOnDisk, made: Certificates) => void]>([
    [
      'a certificate that is a link to itself',
      (config, { server }) => {
        const loop = path.join(temporaryFolder(), 'loop.pem')
        symlinkSync(loop, loop)
        config.replace(tlsSection({ cert: loop, key: server.key }))
      },
    ],
    [
      'a name that is too long',
      (config, { server }) =>
        config.replace(tlsSection({ cert: 'x'.repeat(300), key: server.key })),
    ],
    [
      'a name with a zero byte',
      (config, { server }) =>
        config.replace(`tls_server_config: { cert_file: "a\\0b", key_file: ${server.key} }\n`),
    ],
    [
      'a file that is a link to itself',
      ({ file }) => {
        unlinkSync(file)
        symlinkSync(file, file)
      },
    ],
    ['a file that is gone', ({ file }) => unlinkSync(file)],
    ['what is no YAML', (config) => config.replace('tls_server_config: {')],
  ])('leaves the last good one in force, and says so once: %s', async (_, spoil) => {
    const config = writeWebConfig(tlsSection(certificates().server))
    const app = await startTestApp(config.flag)
    spoil(config, certificates())
    expect(await refusal(app)).toContain('the one before stays in force')
    const tls = { rejectUnauthorized: false }
    expect((await send('GET', app.url, '/-/ready', { tls })).status).toBe(200)
  })
})

describe('a web configuration', () => {
  test('that is replaced and replaced back is read again each time', async () => {
    const users = `basic_auth_users: { a: ${HASH_OF_ABC} }\n`
    const config = writeWebConfig(users)
    const app = await startTestApp(config.flag)
    for (const [content, status] of [
      ['', 200],
      [users, 401],
      ['', 200],
    ] as const) {
      config.replace(content)
      await waitFor(`the answer ${status}`, async () => {
        return (await send('GET', app.url, '/-/ready')).status === status || undefined
      })
    }
    expect(app.log().filter((line) => line.includes('read again'))).toHaveLength(3)
  })
})
