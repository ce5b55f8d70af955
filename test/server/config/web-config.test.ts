import { describe, expect, jest, test } from '@jest/globals'
import {
  parseWebConfig,
  WebConfigError,
  type WebConfig,
} from '../../../server/config/web-config.ts'
import { HASH_OF_ABC } from '../../support/web-config.ts'

function parse(content: string): WebConfig {
  return parseWebConfig(content, '/etc/sluice')
}

function errorOf(content: string): string {
  try {
    parse(content)
  } catch (error) {
    if (error instanceof WebConfigError) return error.message
    throw error
  }
  throw new Error('it was taken')
}

const PAIR = 'cert_file: c.pem, key_file: k.pem'

describe('what is not said', () => {
  test.each(['', '{}', '# nothing\n', '---\n', 'tls_server_config:\n', 'tls_server_config: {}'])(
    'in %j: plain HTTP for everybody',
    (content) => {
      expect(parse(content)).toEqual({
        tls: undefined,
        http2: true,
        headers: new Map(),
        users: new Map(),
        rateLimit: undefined,
      })
    },
  )

  test('of TLS is as in the original', () => {
    expect(parse(`tls_server_config: { ${PAIR} }`).tls).toEqual({
      cert: { kind: 'file', file: '/etc/sluice/c.pem' },
      key: { kind: 'file', file: '/etc/sluice/k.pem' },
      clientCa: undefined,
      clientAuthType: 'NoClientCert',
      clientAllowedSans: undefined,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: [],
      prefersServerCiphers: true,
      curves: [],
    })
  })

  test('settings of TLS without certificate, key, authority and client_auth_type leave it off', () => {
    expect(parse('tls_server_config: { min_version: TLS13 }').tls).toBeUndefined()
    expect(parse('tls_server_config: { cert_file: "", key: "" }').tls).toBeUndefined()
  })
})

describe('the TLS section', () => {
  test('takes files by absolute paths as they are, and texts', () => {
    const { tls } = parse('tls_server_config: { cert_file: /a/c.pem, key: SECRET }')
    expect(tls?.cert).toEqual({ kind: 'file', file: '/a/c.pem' })
    expect(tls?.key).toEqual({ kind: 'text', text: 'SECRET' })
  })

  test('takes the file where a text is given too', () => {
    const { tls } = parse(`tls_server_config: { ${PAIR}, cert: TEXT, key: TEXT }`)
    expect(tls?.cert).toEqual({ kind: 'file', file: '/etc/sluice/c.pem' })
    expect(tls?.key).toEqual({ kind: 'file', file: '/etc/sluice/k.pem' })
  })

  test('takes cipher suites and curves by Go’s names', () => {
    const { tls } = parse(
      `tls_server_config: { ${PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256], curve_preferences: [X25519, CurveP256] }`,
    )
    expect(tls?.ciphers).toEqual(['ECDHE-RSA-CHACHA20-POLY1305'])
    expect(tls?.curves).toEqual(['X25519', 'P-256'])
  })

  test.each([
    ['no certificate', 'key_file: k', 'tls_server_config: one of cert and cert_file is missing'],
    ['no key', 'cert: c', 'tls_server_config: one of key and key_file is missing'],
    ['an authority alone', 'client_ca_file: a', 'one of cert and cert_file is missing'],
    ['a way to authenticate alone', 'client_auth_type: NoClientCert', 'one of cert and cert_file'],
    [
      'an authority that nobody is checked by',
      `${PAIR}, client_ca: a`,
      'client_ca without a client_auth_type that asks for certificates',
    ],
    [
      'names that cannot be insisted on',
      `${PAIR}, client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [a]`,
      'client_allowed_sans needs the client_auth_type',
    ],
    ['no such way to authenticate', `${PAIR}, client_auth_type: Maybe`, '"Maybe" is no type of'],
    ['no such version', `${PAIR}, min_version: SSL30`, 'min_version: "SSL30" is none of TLS10'],
    [
      'versions the wrong way round',
      `${PAIR}, min_version: TLS13, max_version: TLS12`,
      'min_version is above',
    ],
    [
      'an unknown cipher suite',
      `${PAIR}, cipher_suites: [RC4]`,
      'cipher_suites.0: "RC4" is none of',
    ],
    ['a name of all objects', `${PAIR}, curve_preferences: [toString]`, '"toString" is none of'],
    ['a list that is a text', `${PAIR}, cipher_suites: RC4`, 'cipher_suites'],
    ['an unknown key', `${PAIR}, cert_fil: c`, 'unknown key tls_server_config.cert_fil'],
  ])('is refused with %s', (_, section, reason) => {
    expect(errorOf(`tls_server_config: { ${section} }`)).toContain(reason)
  })
})

describe('headers', () => {
  test('are those that the original lets one set; an empty value sets none', () => {
    const { headers } = parse(`http_server_config:
  headers:
    Strict-Transport-Security: max-age=31536000; includeSubDomains
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: '1; mode=block'
    Content-Security-Policy: ''
`)
    expect(Object.fromEntries(headers)).toEqual({
      'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
      'X-Frame-Options': 'deny',
      'X-Content-Type-Options': 'nosniff',
      'X-XSS-Protection': '1; mode=block',
    })
  })

  test.each([
    ['another header', 'Server: x', 'headers.Server: only Strict-Transport-Security'],
    ['one in another case', 'x-frame-options: deny', 'headers.x-frame-options: only'],
    ['a value that is none', 'X-Frame-Options: allow', 'must be deny or sameorigin'],
    [
      'a line break',
      'X-XSS-Protection: "1\\r\\nSet-Cookie: a=b"',
      'a character that a header cannot have',
    ],
  ])('are refused with %s', (_, line, reason) => {
    expect(errorOf(`http_server_config: { headers: { ${line} } }`)).toContain(reason)
  })
})

test('texts may look like something else: they are taken as they stand', () => {
  const { headers, tls } = parse(`tls_server_config: { cert_file: 0123, key: no }
http_server_config: { headers: { X-XSS-Protection: 1 } }
`)
  expect(headers.get('X-XSS-Protection')).toBe('1')
  expect(tls?.cert).toEqual({ kind: 'file', file: '/etc/sluice/0123' })
  expect(tls?.key).toEqual({ kind: 'text', text: 'no' })
})

test('parts may be named and used again', () => {
  const { users } = parse(`basic_auth_users:
  <<: &more { alice: ${HASH_OF_ABC} }
  bob: &hash ${HASH_OF_ABC}
  carol: *hash
`)
  expect([...users.keys()].sort()).toEqual(['alice', 'bob', 'carol'])
})

describe('users', () => {
  test('are called as it stands there, also where YAML would read a number, a date or a truth', () => {
    const names = [
      '0123',
      '007',
      '1.10',
      '1_000',
      '1e3',
      '0x10',
      'no',
      'y',
      'true',
      '2024-01-01',
      '~',
    ]
    const { users } = parse(
      `basic_auth_users:\n${names.map((name) => `  ${name}: ${HASH_OF_ABC}\n`).join('')}`,
    )
    expect([...users.keys()].sort()).toEqual([...names].sort())
  })

  const rest = HASH_OF_ABC.slice('$2b'.length)

  test.each(['$2a', '$2b', '$2y'])('may have hashes that begin with %s', (version) => {
    const { users } = parse(
      `basic_auth_users: { alice: '${version}${rest}', '12': '${version}${rest}' }`,
    )
    expect(Object.fromEntries(users)).toEqual({ alice: version + rest, '12': version + rest })
  })

  test.each([
    ['a password that is not hashed', 'secret'],
    ['another kind of hash', '$1$abc$abc'],
    ['a hash that is cut off', HASH_OF_ABC.slice(0, -1)],
    ['a cost of 3', HASH_OF_ABC.replace('$04$', '$03$')],
    ['a cost of 32', HASH_OF_ABC.replace('$04$', '$32$')],
  ])('are refused with %s, which the error does not repeat', (_, hash) => {
    const message = errorOf(`basic_auth_users: { alice: '${hash}' }`)
    expect(message).toBe('basic_auth_users.alice: must be a bcrypt hash')
  })
})

describe('the rate limit', () => {
  test.each([
    ['1s', 1000],
    ['250ms', 250],
    ['1m', 60_000],
    ['1000000000', 1000],
  ])('of an interval of %s is one request in %d ms', (interval, intervalMs) => {
    expect(parse(`rate_limit: { interval: ${interval}, burst: 5 }`).rateLimit).toEqual({
      intervalMs,
      burst: 5,
    })
  })

  test('is off without an interval', () => {
    expect(parse('rate_limit: { burst: 5 }').rateLimit).toBeUndefined()
    expect(parse('rate_limit: { interval: 0s, burst: 5 }').rateLimit).toBeUndefined()
  })

  test.each([
    ['no burst', 'interval: 1s', 'rate_limit.burst: must be at least 1'],
    ['half a request', 'interval: 1s, burst: 1.5', 'rate_limit.burst'],
    ['no duration', 'interval: often, burst: 1', 'rate_limit.interval: "often" is no duration'],
    ['a negative one', 'interval: -5, burst: 1', 'rate_limit.interval'],
  ])('is refused with %s', (_, section, reason) => {
    expect(errorOf(`rate_limit: { ${section} }`)).toContain(reason)
  })
})

describe('the file as a whole', () => {
  test.each([
    ['an unknown key', 'basic_auth: {}', 'unknown key basic_auth'],
    ['several problems', 'a: 1\nb: 1', 'unknown key a, b'],
    ['a list', '- a', 'expected object'],
    ['a key twice', 'rate_limit: {}\nrate_limit: {}', 'it is no YAML in line 2, column 1'],
    ['a brace that is not closed', 'basic_auth_users: { alice: secret', 'it is no YAML in line'],
    ['two documents', '{}\n---\n{}\n', 'it is no YAML'],
  ])('is refused with %s', (_, content, reason) => {
    expect(errorOf(content)).toContain(reason)
    expect(errorOf(content)).not.toContain('secret')
  })

  test('is refused where its aliases would multiply without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 12; i++) {
      const last = `*a${i - 1}`
      lines.push(`a${i}: &a${i} [${Array(9).fill(last).join(', ')}]`)
    }
    expect(errorOf(lines.join('\n'))).toBe('it has too many aliases, or is nested too deeply')
  })

  test.each([
    ['brackets', '['.repeat(50_000)],
    ['lists', '- '.repeat(50_000)],
    ['keys', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ])('is refused where it is nested without end (%s)', (_, content) => {
    expect(errorOf(content)).toMatch(/^it is no YAML|nested too deeply$/)
  })

  test.each([
    'basic_auth_users: { __proto__: x }',
    'http_server_config: { headers: { "__proto__": x } }',
  ])('is refused with a key that objects have no place for (%s)', (content) => {
    expect(errorOf(content)).toBe('the key __proto__ cannot be used')
  })

  test('is never repeated on the console', () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    try {
      errorOf('basic_auth_users: { [secret, b]: c }')
      expect(warnings).not.toHaveBeenCalled()
    } finally {
      warnings.mockRestore()
    }
  })

  test('knows the booleans of YAML 1.1, as the original’s reader does, and no others', () => {
    expect(parse('http_server_config: { http2: no }').http2).toBe(false)
    expect(parse('http_server_config: { http2: on }').http2).toBe(true)
    expect(errorOf('http_server_config: { http2: 1 }')).toContain('"1" must be true or false')
  })
})
