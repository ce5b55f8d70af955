import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { useCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/cleanup.ts'
import { freePort } from '../support/free-port.ts'
import { waitFor } from '../support/http.ts'
import { runToEnd, type Finished } from '../support/processes.ts'
import { MAIN, runProgram, startGateway, type Program } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { HASH_OF_ABC, writeWebConfig } from '../support/web-config.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const HEALTHCHECK = path.join(ROOT, 'dist/deploy/healthcheck.js')

/** `[instruction, rest]` of each line, continued lines joined. */
const INSTRUCTIONS = readFileSync(path.join(ROOT, 'deploy/Dockerfile'), 'utf8')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): [string, string] => {
    const at = line.indexOf(' ')
    return [line.slice(0, at), line.slice(at + 1)]
  })

function instructions(name: string): string[] {
  return INSTRUCTIONS.filter(([instruction]) => instruction === name).map(([, rest]) => rest)
}

describe('deploy/Dockerfile', () => {
  const sources = instructions('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(' ').slice(0, -1))

  test('copies what is in the repository and let through by .dockerignore', () => {
    const ignore = readFileSync(path.join(ROOT, '.dockerignore'), 'utf8').split('\n')
    expect(ignore).toContain('*')
    for (const source of sources) {
      expect(existsSync(path.join(ROOT, source))).toBe(true)
      expect(ignore).toContain(`!${source}`)
    }
  })

  test('copies everything that the build reads', () => {
    const { include } = JSON.parse(
      readFileSync(path.join(ROOT, 'tsconfig.build.json'), 'utf8'),
    ) as {
      include: string[]
    }
    expect(sources).toEqual(expect.arrayContaining([...include, 'tsconfig.json', 'package.json']))
  })

  test('uses one version of Node.js to build and to run, one that package.json allows', () => {
    const [version = ''] = instructions('ARG')
    expect(version).toMatch(/^NODE_VERSION=(20\.(19|2\d)|22|24)\.\d+/)
    expect(instructions('FROM')).toEqual([
      'node:${NODE_VERSION}-bookworm AS build',
      'node:${NODE_VERSION}-bookworm-slim',
    ])
  })

  test('runs as the user of the original, in the volume for data, so that flags come right after the image', () => {
    expect(instructions('USER')).toEqual(['65534:65534'])
    expect(instructions('WORKDIR').at(-1)).toBe('/data')
    expect(instructions('VOLUME')).toEqual(['/data'])
    expect(instructions('EXPOSE')).toEqual(['9091'])
    expect(instructions('ENTRYPOINT')).toEqual(['["node", "/app/dist/server/main.js"]'])
    expect(instructions('CMD')).toEqual([])
    // Variables would be flags that those of a command line cannot always undo.
    expect(instructions('ENV')).toEqual(['NODE_ENV=production'])
  })

  test('without flags, groups are kept in the folder it runs in', async () => {
    const data = temporaryFolder()
    await startGateway([], { cwd: data })
    expect(existsSync(path.join(data, 'sluice.db'))).toBe(true)
  })

  test('names programs that the build makes', () => {
    for (const [, file] of [...instructions('HEALTHCHECK'), ...instructions('ENTRYPOINT')]
      .join()
      .matchAll(/"\/app\/(dist[^"]*)"/g)) {
      expect(existsSync(path.join(ROOT, file!))).toBe(true)
    }
    expect(MAIN).toBe(path.join(ROOT, 'dist/server/main.js'))
  })
})

describe('the health check of the image', () => {
  /** A gateway whose address is known from its command line alone. */
  async function start(args: readonly string[], env?: Record<string, string>): Promise<Program> {
    const program = runProgram(['--storage.url=memory:', ...args], { ...(env && { env }) })
    await waitFor(
      'the gateway to listen',
      () => /msg=listening/.test(program.stderr()) || undefined,
    )
    return program
  }

  function check({ process }: Program): Promise<Finished> {
    return runToEnd(globalThis.process.execPath, [HEALTHCHECK, String(process.pid)])
  }

  const HEALTHY = { status: 0, stdout: '', stderr: '' }

  test('asks where the flags say', async () => {
    const port = await freePort()
    const gateway = await start([
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.route-prefix=/push',
    ])
    expect(await check(gateway)).toEqual(HEALTHY)
  })

  test('asks where the environment says', async () => {
    const address = `127.0.0.1:${await freePort()}`
    expect(await check(await start([], { SLUICE_WEB_LISTEN_ADDRESS: address }))).toEqual(HEALTHY)
  })

  test('asks a socket in the file system', async () => {
    const address = `unix:${path.join(temporaryFolder(), 'sluice.sock')}`
    expect(await check(await start([`--web.listen-address=${address}`]))).toEqual(HEALTHY)
  })

  test('who is asked for a password has an answer', async () => {
    const config = writeWebConfig(`basic_auth_users: { alice: '${HASH_OF_ABC}' }`)
    const address = `127.0.0.1:${await freePort()}`
    const gateway = await start([`--web.listen-address=${address}`, config.flag])
    expect(await check(gateway)).toEqual(HEALTHY)
  })

  test('fails for a gateway that does not answer', async () => {
    const gateway = await start([`--web.listen-address=127.0.0.1:${await freePort()}`])
    gateway.process.kill('SIGSTOP')
    expect((await check(gateway)).status).toBe(1)
    gateway.process.kill('SIGCONT')
  })

  test('fails where no gateway runs', async () => {
    const gone = await runToEnd(process.execPath, [HEALTHCHECK, '999999999'])
    expect(gone.status).toBe(1)
  })

  describeWith('openssl', 'with TLS', () => {
    const certificates = useCertificates()

    test.each(['NoClientCert', 'RequireAndVerifyClientCert'])('asks over TLS: %s', async (type) => {
      const { server, authority } = certificates()
      const config = writeWebConfig(`tls_server_config:
  cert_file: ${server.cert}
  key_file: ${server.key}
  client_auth_type: ${type}
  ${type === 'NoClientCert' ? '' : `client_ca_file: ${authority.cert}`}
`)
      const address = `127.0.0.1:${await freePort()}`
      const gateway = await start([`--web.listen-address=${address}`, config.flag])
      expect(await check(gateway)).toEqual(HEALTHY)
    })
  })
})
