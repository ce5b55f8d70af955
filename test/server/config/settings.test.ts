import { describe, expect, test } from '@jest/globals'
import { parseFlags, UsageError } from '../../../server/config/parse-flags.ts'
import { parseListenAddress, settingsFrom, type Settings } from '../../../server/config/settings.ts'

function settings(argv: string[], environment: Record<string, string> = {}): Settings {
  return settingsFrom(parseFlags(argv, environment))
}

function usageErrorOf(argv: string[]): string {
  try {
    settings(argv)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error(`accepted: ${argv.join(' ')}`)
}

test('without flags: port 9091 on all addresses, no prefix, a file beside the program, no warning', () => {
  expect(settings([])).toMatchObject({
    listenAddresses: [{ host: undefined, port: 9091 }],
    routePrefix: '',
    externalPrefix: '',
    telemetryPath: '/metrics',
    storageUrl: 'sqlite:sluice.db',
    warnings: [],
  })
})

describe('a listen address', () => {
  test.each<[text: string, host: string | undefined, port: number]>([
    [':9091', undefined, 9091],
    [':0', undefined, 0],
    [':65535', undefined, 65535],
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['0.0.0.0:9091', '0.0.0.0', 9091],
    ['localhost:9091', 'localhost', 9091],
    ['gateway.example.org:9091', 'gateway.example.org', 9091],
    ['[::1]:9091', '::1', 9091],
    ['[::]:0', '::', 0],
    ['[2001:db8::7]:9091', '2001:db8::7', 9091],
    ['[::ffff:127.0.0.1]:9091', '::ffff:127.0.0.1', 9091],
  ])('%s is understood', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ kind: 'tcp', host, port })
  })

  test.each([
    ['unix:/run/sluice/sluice.sock', '/run/sluice/sluice.sock'],
    ['unix:sluice.sock', 'sluice.sock'],
    ['unix:/with:colon:9091', '/with:colon:9091'],
  ])('%s is a socket in the file system', (text, path) => {
    expect(parseListenAddress(text)).toEqual({ kind: 'unix', path })
  })

  test.each<[what: string, text: string]>([
    ['nothing', ''],
    ['a colon', ':'],
    ['a port alone', '9091'],
    ['a host alone', 'localhost'],
    ['a host with a colon', 'localhost:'],
    ['a port too large', ':65536'],
    ['a port of six digits', ':123456'],
    ['a negative port', 'localhost:-1'],
    ['a named port', ':http'],
    ['a blank behind the port', ':9091 '],
    ['an IPv6 address without brackets', '::1:9091'],
    ['an IPv6 address without a port', '[::1]'],
    ['empty brackets', '[]:9091'],
    ['a name in brackets', '[localhost]:9091'],
    ['a URL', 'http://localhost:9091'],
    ['a path', 'localhost:9091/metrics'],
    ['a socket without a name', 'unix:'],
    ['a socket of another kind', 'vsock://:9091'],
  ])('is refused for %s', (_, text) => {
    expect(() => parseListenAddress(text)).toThrow(UsageError)
    expect(usageErrorOf([`--web.listen-address=${text}`])).toContain('--web.listen-address')
  })

  test('may be one of several, which keep their order', () => {
    const { listenAddresses } = settings([
      '--web.listen-address=:2',
      '--web.listen-address=unix:a',
      '--web.listen-address=[::1]:1',
    ])
    expect(listenAddresses).toEqual([
      { kind: 'tcp', host: undefined, port: 2 },
      { kind: 'unix', path: 'a' },
      { kind: 'tcp', host: '::1', port: 1 },
    ])
  })

  test('there must be', () => {
    expect(() => settings([], { SLUICE_WEB_LISTEN_ADDRESS: ' , ' })).toThrow(/listen-address/)
  })
})

describe('prefixes follow from the external URL and the route prefix', () => {
  test.each<[argv: string, route: string, external: string]>([
    ['', '', ''],
    ['--web.route-prefix=/x', '/x', '/x'],
    ['--web.route-prefix=x', '/x', '/x'],
    ['--web.route-prefix=/x/y/', '/x/y', '/x/y'],
    ['--web.route-prefix=//x//', '/x', '/x'],
    ['--web.route-prefix=/', '', ''],
    ['--web.external-url=http://h', '', ''],
    ['--web.external-url=http://h/', '', ''],
    ['--web.external-url=https://h:9091/p', '/p', '/p'],
    ['--web.external-url=http://h/p/q/', '/p/q', '/p/q'],
    ['--web.external-url=http://h/p?x=1#y', '/p', '/p'],
    ['--web.external-url=http://h/p --web.route-prefix=/', '', '/p'],
    ['--web.external-url=http://h/p --web.route-prefix=/x', '/x', '/p'],
    ['--web.external-url=http://h/ --web.route-prefix=/x', '/x', ''],
    // As in the original, an empty route prefix is none.
    ['--web.route-prefix=', '', ''],
    ['--web.external-url=http://h/p --web.route-prefix=', '/p', '/p'],
  ])('%j', (line, route, external) => {
    const { routePrefix, externalPrefix } = settings(line.split(' ').filter((text) => text !== ''))
    expect({ routePrefix, externalPrefix }).toEqual({
      routePrefix: route,
      externalPrefix: external,
    })
  })

  test.each([
    ['no URL', 'not a url'],
    ['another scheme', 'ftp://h/p'],
    ['a host without a scheme', 'gateway.example.org/p'],
    ['a host and port without a scheme', 'localhost:9091/p'],
  ])('unless it is %s, which is refused', (_, url) => {
    expect(usageErrorOf([`--web.external-url=${url}`])).toContain(`--web.external-url=${url}`)
  })
})

describe('the telemetry path', () => {
  test('is taken as it is', () => {
    expect(settings(['--web.telemetry-path=/tele/metry']).telemetryPath).toBe('/tele/metry')
  })

  test.each(['', '/', 'metrics'])('is refused when it is %j', (text) => {
    expect(usageErrorOf([`--web.telemetry-path=${text}`])).toContain('--web.telemetry-path')
  })
})

describe('the store', () => {
  test.each<[what: string, argv: string[], url: string]>([
    ['is a file by default', [], 'sqlite:sluice.db'],
    ['is what the storage URL says', ['--storage.url=memory:'], 'memory:'],
    ['is the persistence file', ['--persistence.file=/var/lib/x.db'], 'sqlite:/var/lib/x.db'],
    ['is a persistence file in this folder', ['--persistence.file=x'], 'sqlite:x'],
    ['is memory for an empty persistence file', ['--persistence.file='], 'memory:'],
  ])('%s', (_, argv, url) => {
    const { storageUrl, warnings } = settings(argv)
    expect(storageUrl).toBe(url)
    expect(warnings).toEqual([])
  })

  test('is that of the storage URL when both are given, with a warning that names both flags', () => {
    const { storageUrl, warnings } = settings(['--persistence.file=a', '--storage.url=sqlite:b'])
    expect(storageUrl).toBe('sqlite:b')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/--storage\.url.*--persistence\.file/)
  })

  test('is also warned about when the persistence file is empty, or comes from the environment', () => {
    expect(settings(['--persistence.file=', '--storage.url=sqlite:b']).warnings).toHaveLength(1)
    const environment = { SLUICE_PERSISTENCE_FILE: 'a', SLUICE_STORAGE_URL: 'sqlite:b' }
    expect(settings([], environment)).toMatchObject({
      storageUrl: 'sqlite:b',
      warnings: [expect.stringContaining('--persistence.file')],
    })
  })

  test('cannot be a persistence file with a question mark, which would begin options', () => {
    expect(usageErrorOf(['--persistence.file=a?b'])).toContain('--persistence.file=a?b')
  })
})

test('variables that are no settings are warned about by name', () => {
  const { warnings } = settings([], { SLUICE_STORAGE_URI: 'x', SLUICE_LOG_LEVEL: 'warn' })
  expect(warnings).toEqual([expect.stringContaining('SLUICE_STORAGE_URI')])
})

test('the values of all flags come along', () => {
  const { flags } = settings(['--log.level=warn', '--storage.timeout=1s'])
  expect(flags).toMatchObject({ 'log.level': 'warn', 'storage.timeout': 1000 })
})

describe('the origins of pushes from browsers', () => {
  test('are matched as a whole, and none is by default', () => {
    expect(settings([]).corsOrigin).toBeUndefined()
    const { corsOrigin } = settings(['--web.cors.origin=https://a|https://b'])
    const origins = ['https://a', 'https://b', 'https://a.evil', 'x https://b']
    expect(origins.map((origin) => corsOrigin?.test(origin))).toEqual([true, true, false, false])
  })

  test('are no pattern: refused', () => {
    expect(usageErrorOf(['--web.cors.origin=('])).toMatch(
      /^--web\.cors\.origin=\(: is no regular expression: /,
    )
  })
})

describe('own metrics are on the page that is scraped', () => {
  test.each([
    ['with memory:', ['--storage.url=memory:'], 'page'],
    ['with a file', ['--storage.url=sqlite:redis.db'], 'page'],
    ['with a file named as in the original', ['--persistence.file=x'], 'page'],
    ['not with Redis', ['--storage.url=redis://h/0'], 'separate'],
    ['not with Redis over TLS', ['--storage.url=rediss://h/0'], 'separate'],
    ['not with Sentinel', ['--storage.url=redis+sentinel://h/m'], 'separate'],
    ['not with a cluster over TLS', ['--storage.url=rediss+cluster://h'], 'separate'],
    ['not with a socket of Redis', ['--storage.url=redis+unix:///run/r.sock'], 'separate'],
    ['with Redis when asked for', ['--storage.url=redis://h', '--web.own-metrics=page'], 'page'],
    ['not with memory: when asked for', ['--web.own-metrics=separate'], 'separate'],
  ] as const)('%s', (_, argv, place) => {
    expect(settings([...argv]).ownMetrics).toBe(place)
  })

  test('or on /-/metrics alone, which then cannot be the page that is scraped', () => {
    const telemetry = '--web.telemetry-path=/-/metrics'
    expect(usageErrorOf([telemetry, '--web.own-metrics=separate'])).toContain('/-/metrics')
    expect(settings([telemetry]).telemetryPath).toBe('/-/metrics')
  })
})

test('passwords from the environment go to the store', () => {
  const { storageSecrets } = settings([], { SLUICE_STORAGE_PASSWORD: 'secret' })
  expect(storageSecrets).toEqual({ password: 'secret', sentinelPassword: undefined })
})

describe('a password in the storage URL', () => {
  test.each(['se/cret', 'se?cret', 'se#cret', 'se%cret', 'secret%', '%zz', '1234567/x'])(
    '%s has to be encoded; the refusal does not show it',
    (password) => {
      const message = usageErrorOf([`--storage.url=redis://u:${password}@host/0`])
      expect(message).toMatch(/^--storage\.url=redis:\/\/u:\*\*\*@host\/0: /)
      expect(message).not.toMatch(/cret|zz|1234567/)
    },
  )

  test.each([
    'redis://u:se%2Fcret@host/0',
    'redis://u:se:c,ret!@host/0',
    'redis://u:@host',
    'redis://host:6379/0?password_file=/run/a@b',
    'redis+sentinel://a:26379,b:26379/main/0?password_file=/run/a@b',
    'sqlite:/var/a:b@c/100%.db',
  ])('%s is taken as it is', (url) => {
    expect(settings([`--storage.url=${url}`]).storageUrl).toBe(url)
  })
})
