/** Real clients and a real Prometheus against a gateway with TLS, passwords and client certificates. */
import { expect, test } from '@jest/globals'
import { useCertificates } from '../support/certificates.ts'
import { send } from '../support/http.ts'
import { runToEnd } from '../support/processes.ts'
import { startGateway, type RunningGateway } from '../support/program.ts'
import { describeWith, needProgram } from '../support/programs.ts'
import { query, startPrometheus, waitForValue } from '../support/prometheus.ts'
import { pairOf, tlsSection } from '../support/tls.ts'
import { basic, HASH_OF_ABC, writeWebConfig } from '../support/web-config.ts'
import { everyType } from './every-type.ts'

const USERS = `basic_auth_users: { alice: ${HASH_OF_ABC} }\n`
const CREDENTIALS = '    basic_auth: { username: alice, password: abc }\n'

describeWith(['prometheus', 'openssl'], 'a real Prometheus', () => {
  const certificates = useCertificates()

  /** Text, and native histograms by protobuf, of what was pushed. */
  async function expectScraped(gateway: RunningGateway, scrapeConfig: string): Promise<void> {
    const target = new URL(gateway.url).host
    const [text, protobuf] = await Promise.all([
      startPrometheus(target, { scrapeConfig }),
      startPrometheus(target, { scrapeConfig, features: ['native-histograms'] }),
    ])
    await waitForValue(text, 'up', '1')
    await waitForValue(text, 'native_count{job="j"}', '4')
    await waitForValue(protobuf, 'histogram_sum(native{job="j"})', '6')
    await waitForValue(protobuf, 'runs_total{job="j"}', '3')
  }

  test('scrapes with a password', async () => {
    const gateway = await startGateway([writeWebConfig(USERS).flag, '--storage.url=memory:'])
    const push = everyType()
    const headers = { ...push.headers, Authorization: basic('alice', 'abc') }
    expect((await send('PUT', gateway.url, '/metrics/job/j', { ...push, headers })).status).toBe(
      200,
    )
    await expectScraped(gateway, CREDENTIALS)
    const stranger = await startPrometheus(new URL(gateway.url).host)
    await waitForValue(stranger, 'up', '0')
    expect(await query(stranger, '{job="j"}')).toEqual([])
  })

  test('scrapes over TLS with a password and a certificate of its own', async () => {
    const { server, authority, client } = certificates()
    const section = tlsSection(
      server,
      'client_auth_type: RequireAndVerifyClientCert',
      `client_ca_file: ${authority.cert}`,
    )
    const { flag } = writeWebConfig(section + USERS)
    const gateway = await startGateway([flag, '--storage.url=memory:'])
    const push = everyType()
    const headers = { ...push.headers, Authorization: basic('alice', 'abc') }
    const tls = { rejectUnauthorized: false, ...pairOf(client) }
    const pushed = await send('PUT', gateway.url, '/metrics/job/j', { ...push, headers, tls })
    expect(pushed.status).toBe(200)
    const tlsConfig = `    tls_config: { ca_file: ${authority.cert}, cert_file: ${client.cert}, key_file: ${client.key} }\n`
    await expectScraped(gateway, `    scheme: https\n${CREDENTIALS}${tlsConfig}`)
  })
})

describeWith(['curl', 'openssl'], 'curl', () => {
  const certificates = useCertificates()

  test.each(['--http1.1', '--http2'])('pushes over TLS with a password (%s)', async (version) => {
    const { server, authority } = certificates()
    const { flag } = writeWebConfig(tlsSection(server) + USERS)
    const { url } = await startGateway([flag, '--storage.url=memory:'])
    const curl = (...args: string[]) =>
      runToEnd(
        needProgram('curl'),
        ['-sS', '--fail', version, '--cacert', authority.cert, '-u', 'alice:abc', ...args],
        { input: 'my_metric 42.5\n' },
      )
    const push = await curl('--data-binary', '@-', `${url}/metrics/job/myjob`)
    expect([push.status, push.stderr]).toEqual([0, ''])
    expect((await curl(`${url}/metrics`)).stdout).toContain(
      'my_metric{instance="",job="myjob"} 42.5\n',
    )
    expect((await curl('-u', 'alice:abd', `${url}/metrics`)).stderr).toContain('401')
  })
})

const PYTHON = `
import sys
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from prometheus_client.exposition import basic_auth_handler
registry = CollectorRegistry()
Gauge('job_last_success_unixtime', 'Last time.', registry=registry).set_to_current_time()
def handler(url, method, timeout, headers, data):
    return basic_auth_handler(url, method, timeout, headers, data, 'alice', 'abc')
push_to_gateway(sys.argv[1], job='batchA', registry=registry, handler=handler)
`

describeWith(['python3', 'openssl'], 'the Python client', () => {
  const certificates = useCertificates()

  test('pushes over TLS with a password', async () => {
    const { server, authority } = certificates()
    const { flag } = writeWebConfig(tlsSection(server) + USERS)
    const { url } = await startGateway([flag, '--storage.url=memory:'])
    const python = await runToEnd(needProgram('python3'), ['-c', PYTHON, url], {
      env: { SSL_CERT_FILE: authority.cert },
    })
    expect([python.status, python.stderr]).toEqual([0, ''])
    const headers = { Authorization: basic('alice', 'abc') }
    const page = await send('GET', url, '/metrics', { headers, tls: { rejectUnauthorized: false } })
    expect(page.text).toMatch(
      /^job_last_success_unixtime\{instance="",job="batchA"\} 1\.\d+e\+09$/m,
    )
  })
})
