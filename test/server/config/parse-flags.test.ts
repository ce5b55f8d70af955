import { describe, expect, test } from '@jest/globals'
import { environmentName, FLAG_NAMES, FLAGS } from '../../../server/config/flags.ts'
import { parseFlags, showFlagValue, UsageError } from '../../../server/config/parse-flags.ts'

function usageErrorOf(argv: string[], environment: Record<string, string> = {}): string {
  try {
    parseFlags(argv, environment)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error(`accepted: ${argv.join(' ')}`)
}

test('without arguments and variables every flag has its default, and none was given', () => {
  const { values, given, help, version, unknownVariables } = parseFlags([], {})
  expect(values).toEqual(Object.fromEntries(FLAG_NAMES.map((name) => [name, FLAGS[name].default])))
  expect([...given]).toEqual([])
  expect({ help, version, unknownVariables }).toEqual({
    help: false,
    version: false,
    unknownVariables: [],
  })
})

describe('a flag is read', () => {
  test.each<[what: string, argv: string[], name: keyof typeof FLAGS, value: unknown]>([
    ['as a text behind an equals sign', ['--storage.url=memory:'], 'storage.url', 'memory:'],
    ['as a text of its own argument', ['--storage.url', 'memory:'], 'storage.url', 'memory:'],
    ['as an empty text', ['--persistence.file='], 'persistence.file', ''],
    ['as a text with an equals sign', ['--storage.url=sqlite:a=b'], 'storage.url', 'sqlite:a=b'],
    ['as a text that begins with a dash', ['--storage.url=-x'], 'storage.url', '-x'],
    ['as one of several choices', ['--log.level=debug'], 'log.level', 'debug'],
    ['as a switch', ['--web.enable-lifecycle'], 'web.enable-lifecycle', true],
    ['as a switch turned off', ['--no-web.enable-lifecycle'], 'web.enable-lifecycle', false],
    ['as a duration', ['--storage.timeout=1m30s'], 'storage.timeout', 90_000],
    ['as a duration of nothing', ['--web.shutdown-delay=0'], 'web.shutdown-delay', 0],
    ['as a whole number', ['--web.max-requests=17'], 'web.max-requests', 17],
    ['as the least number that is allowed', ['--push.max-body-bytes=1'], 'push.max-body-bytes', 1],
    ['as a list of one', ['--web.listen-address=:1'], 'web.listen-address', [':1']],
    [
      'as a list in the order given',
      ['--web.listen-address=:2', '--web.listen-address', ':1'],
      'web.listen-address',
      [':2', ':1'],
    ],
  ])('%s', (_, argv, name, value) => {
    const { values, given } = parseFlags(argv, {})
    expect(values[name]).toEqual(value)
    expect([...given]).toEqual([name])
  })
})

describe('an environment variable is read', () => {
  test.each<
    [what: string, variable: string, text: string, name: keyof typeof FLAGS, value: unknown]
  >([
    ['as a text', 'SLUICE_STORAGE_URL', 'memory:', 'storage.url', 'memory:'],
    ['as a duration', 'SLUICE_STORAGE_TIMEOUT', '250ms', 'storage.timeout', 250],
    ['as a whole number', 'SLUICE_WEB_MAX_REQUESTS', '3', 'web.max-requests', 3],
    ['as one of several choices', 'SLUICE_LOG_FORMAT', 'json', 'log.format', 'json'],
    ['as a switch: true', 'SLUICE_LOG_REQUESTS', 'true', 'log.requests', true],
    ['as a switch: 1', 'SLUICE_LOG_REQUESTS', '1', 'log.requests', true],
    ['as a switch: YES', 'SLUICE_LOG_REQUESTS', 'YES', 'log.requests', true],
    ['as a switch: On', 'SLUICE_LOG_REQUESTS', 'On', 'log.requests', true],
    ['as a switch: false', 'SLUICE_LOG_REQUESTS', 'false', 'log.requests', false],
    ['as a switch: 0', 'SLUICE_LOG_REQUESTS', '0', 'log.requests', false],
    ['as a switch: no', 'SLUICE_LOG_REQUESTS', 'no', 'log.requests', false],
    ['as a switch: OFF', 'SLUICE_LOG_REQUESTS', 'OFF', 'log.requests', false],
    [
      'as a list with commas',
      'SLUICE_WEB_LISTEN_ADDRESS',
      ':1,:2',
      'web.listen-address',
      [':1', ':2'],
    ],
    [
      'as a list with commas and blanks',
      'SLUICE_WEB_LISTEN_ADDRESS',
      ' :1, :2 ',
      'web.listen-address',
      [':1', ':2'],
    ],
  ])('%s', (_, variable, text, name, value) => {
    const { values, given } = parseFlags([], { [variable]: text })
    expect(values[name]).toEqual(value)
    expect([...given]).toEqual([name])
  })

  test('not when it is empty', () => {
    const { values, given } = parseFlags([], { SLUICE_STORAGE_URL: '' })
    expect(values['storage.url']).toBe(FLAGS['storage.url'].default)
    expect([...given]).toEqual([])
  })

  test('not when the command line says otherwise', () => {
    const environment = {
      SLUICE_STORAGE_URL: 'memory:',
      SLUICE_LOG_REQUESTS: 'true',
      SLUICE_WEB_LISTEN_ADDRESS: ':1',
    }
    const argv = ['--storage.url=sqlite:x', '--no-log.requests', '--web.listen-address=:2']
    const { values } = parseFlags(argv, environment)
    expect(values['storage.url']).toBe('sqlite:x')
    expect(values['log.requests']).toBe(false)
    expect(values['web.listen-address']).toEqual([':2'])
  })

  test('not even when it is wrong, if the command line says otherwise', () => {
    expect(parseFlags(['--log.level=warn'], { SLUICE_LOG_LEVEL: 'x' }).values['log.level']).toBe(
      'warn',
    )
  })
})

test('each flag has a variable of its own, in capitals behind SLUICE_', () => {
  const variables = FLAG_NAMES.map(environmentName)
  expect(new Set(variables).size).toBe(FLAG_NAMES.length)
  expect(variables.every((variable) => /^SLUICE_[A-Z0-9]+(_[A-Z0-9]+)*$/.test(variable))).toBe(true)
  expect(environmentName('web.listen-address')).toBe('SLUICE_WEB_LISTEN_ADDRESS')
  expect(environmentName('push.enable-utf8-names')).toBe('SLUICE_PUSH_ENABLE_UTF8_NAMES')
})

test('variables that look like settings and are none are listed, others are not', () => {
  const { unknownVariables } = parseFlags([], {
    SLUICE_STORAGE_URI: 'x',
    SLUICE_: '',
    SLUICE_LOG_LEVEL: 'warn',
    PATH: '/bin',
    MY_SLUICE_LOG_LEVEL: 'x',
  })
  expect(unknownVariables).toEqual(['SLUICE_STORAGE_URI', 'SLUICE_'])
})

test.each([['--help'], ['-h']])('%s asks for help', (argument) => {
  expect(parseFlags([argument], {})).toMatchObject({ help: true, version: false })
})

test('--version asks for the version', () => {
  expect(parseFlags(['--version'], {})).toMatchObject({ help: false, version: true })
})

describe('a command line is refused for', () => {
  test.each<[what: string, argv: string[], names: string]>([
    ['an unknown flag', ['--web.listen-adress=:1'], '--web.listen-adress'],
    ['an unknown flag turned off', ['--no-web.enable-life'], 'web.enable-life'],
    ['the beginning of a flag', ['--web.enable'], '--web.enable'],
    ['an unknown letter', ['-x'], '-x'],
    ['a known letter with an unknown one', ['-hx'], '-x'],
    ['a flag in other letters', ['--Log.Level=warn'], '--Log.Level'],
    ['a stray argument', ['serve'], 'serve'],
    ['a stray argument behind the flags', ['--log.level=warn', 'serve'], 'serve'],
    ['a stray argument behind two dashes', ['--', 'serve'], 'serve'],
    ['a value for a switch', ['--web.enable-lifecycle=true'], '--web.enable-lifecycle'],
    ['a value behind a switch', ['--web.enable-lifecycle', 'true'], 'true'],
    ['a value for a switch turned off', ['--no-web.enable-lifecycle=true'], 'web.enable-lifecycle'],
    ['no value', ['--storage.url'], '--storage.url'],
    ['another flag in place of a value', ['--storage.url', '--log.requests'], '--storage.url'],
    ['a flag with a value, turned off', ['--no-storage.url'], 'storage.url'],
    ['a text given twice', ['--storage.url=a', '--storage.url=b'], '--storage.url'],
    ['a text given twice the same', ['--log.level=info', '--log.level=info'], '--log.level'],
    ['a switch given twice', ['--log.requests', '--log.requests'], '--log.requests'],
    ['a switch turned on and off', ['--log.requests', '--no-log.requests'], '--log.requests'],
    ['a value that is none of the choices', ['--log.level=trace'], '--log.level=trace'],
    ['a choice in capitals', ['--log.format=JSON'], '--log.format=JSON'],
    ['an empty choice', ['--log.level='], '--log.level='],
    ['a duration without a unit', ['--storage.timeout=5'], '--storage.timeout=5'],
    ['an empty duration', ['--storage.timeout='], '--storage.timeout='],
    ['a negative duration', ['--storage.timeout=-5s'], '--storage.timeout=-5s'],
    ['a number that is too small', ['--web.max-requests=0'], '--web.max-requests=0'],
    ['a negative number', ['--web.max-requests=-1'], '--web.max-requests=-1'],
    ['a fraction', ['--web.max-requests=1.5'], '--web.max-requests=1.5'],
    ['a number with an exponent', ['--web.max-requests=1e3'], '--web.max-requests=1e3'],
    ['a number with a unit', ['--push.max-body-bytes=1MB'], '--push.max-body-bytes=1MB'],
    [
      'a number too large to be exact',
      ['--push.max-body-bytes=99999999999999999999'],
      '--push.max-body-bytes',
    ],
    ['an empty number', ['--web.max-requests='], '--web.max-requests='],
  ])('%s, which the message names', (_, argv, names) => {
    expect(usageErrorOf(argv)).toContain(names)
  })

  test('what can be said on one line', () => {
    expect(usageErrorOf(['--storage.url', '--log.requests'])).not.toContain('\n')
  })
})

describe('a variable is refused for', () => {
  test.each<[what: string, variable: string, text: string]>([
    ['a switch that is neither on nor off', 'SLUICE_LOG_REQUESTS', 'maybe'],
    ['a value that is none of the choices', 'SLUICE_LOG_LEVEL', 'trace'],
    ['a duration without a unit', 'SLUICE_STORAGE_TIMEOUT', '5'],
    ['a number that is too small', 'SLUICE_WEB_MAX_REQUESTS', '0'],
  ])('%s, and the message names variable and value', (_, variable, text) => {
    expect(usageErrorOf([], { [variable]: text })).toContain(`${variable}=${text}: must be`)
  })
})

describe('the status API shows', () => {
  const { values } = parseFlags(
    [
      '--web.listen-address=:1',
      '--web.listen-address=:2',
      '--storage.timeout=90s',
      '--log.requests',
    ],
    {},
  )

  test.each<[what: string, name: keyof typeof FLAGS, shown: string]>([
    ['a list, an item a line', 'web.listen-address', ':1\n:2'],
    ['a duration as Go writes it', 'storage.timeout', '1m30s'],
    ['the default of a duration', 'persistence.interval', '5m0s'],
    ['a switch that is on', 'log.requests', 'true'],
    ['a switch that is off', 'web.enable-lifecycle', 'false'],
    ['a number', 'web.max-requests', '4096'],
    ['a text', 'web.telemetry-path', '/metrics'],
    ['an empty text', 'persistence.file', ''],
  ])('%s', (_, name, shown) => {
    expect(showFlagValue(name, values)).toBe(shown)
  })
})

test('help and version are given whatever else is wrong', () => {
  expect(parseFlags(['--help', '--log.level=loud'], {}).help).toBe(true)
  expect(parseFlags(['--version'], { SLUICE_LOG_LEVEL: 'loud' }).version).toBe(true)
})

test('a duration that no timer can wait is refused', () => {
  expect(() => parseFlags(['--web.shutdown-delay=600h'], {})).toThrow(/--web.shutdown-delay=600h/)
})

describe('passwords of the store', () => {
  const variables = {
    SLUICE_STORAGE_PASSWORD: 'secret',
    SLUICE_STORAGE_SENTINEL_PASSWORD: 'other secret',
  }

  test('come from two variables, which no flag stands for', () => {
    const { storageSecrets, unknownVariables, given } = parseFlags([], variables)
    expect(storageSecrets).toEqual({ password: 'secret', sentinelPassword: 'other secret' })
    expect(unknownVariables).toEqual([])
    expect([...given]).toEqual([])
    expect(() => parseFlags(['--storage.password=secret'], {})).toThrow(UsageError)
  })

  test('are not there when the variables are empty or missing', () => {
    const none = { password: undefined, sentinelPassword: undefined }
    expect(parseFlags([], {}).storageSecrets).toEqual(none)
    expect(parseFlags([], { SLUICE_STORAGE_PASSWORD: '' }).storageSecrets).toEqual(none)
  })

  test('are no part of any value that is shown', () => {
    const argv = ['--storage.url=redis://user:in-the-url@host/0']
    const { values } = parseFlags(argv, variables)
    const shown = FLAG_NAMES.map((name) => showFlagValue(name, values)).join('\n')
    expect(shown).toContain('redis://user:***@host/0')
    expect(shown).not.toMatch(/secret|in-the-url/)
  })

  test('are no part of what is said of a stray argument', () => {
    const message = usageErrorOf(['--storage.url=', 'redis://user:secret@host/0'])
    expect(message).toBe('unexpected argument redis://user:***@host/0')
  })
})
