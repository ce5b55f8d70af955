import { describe, expect, test } from '@jest/globals'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { createLogger, type LogFields, type Logger } from '../../../server/telemetry/logger.ts'

interface TestLog {
  readonly logger: Logger
  /** What was written so far. */
  readonly text: () => string
}

function createTestLog(format: 'logfmt' | 'json', level = 'debug'): TestLog {
  let written = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString()
      done()
    },
  })
  return { logger: createLogger({ level, format, stream }), text: () => written }
}

/** The line that a message makes, without its line feed. */
function lineOf(format: 'logfmt' | 'json', message: string, fields?: LogFields): string {
  const { logger, text } = createTestLog(format)
  logger.info(message, fields)
  expect(text().endsWith('\n')).toBe(true)
  return text().slice(0, -1)
}

/** A reader of logfmt: key=value, values in quotes being JSON strings. */
function readLogfmt(line: string): Record<string, string> {
  const entry: Record<string, string> = {}
  const pair = /(?:^| )([a-zA-Z_]+)=(?:("(?:[^"\\]|\\.)*")|([^\s"=\\]+))/gy
  let end = 0
  for (const [whole, key = '', quoted, bare = ''] of line.matchAll(pair)) {
    entry[key] = quoted === undefined ? bare : (JSON.parse(quoted) as string)
    end += whole.length
  }
  expect(end).toBe(line.length)
  return entry
}

test('a line of logfmt has time, level and message, then the fields in their order', () => {
  const line = lineOf('logfmt', 'hello', { group: 'x', count: 3, ok: true, ratio: 0.5 })
  expect(line).toMatch(
    /^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg=hello group=x count=3 ok=true ratio=0\.5$/,
  )
})

describe('a value in logfmt is in quotes exactly when it needs them', () => {
  test.each<[what: string, value: string, shown: string]>([
    ['a word', 'word', 'word'],
    ['a path', '/a/b-c_d.e:9', '/a/b-c_d.e:9'],
    ['a URL without a query', 'http://[::1]:9091/', 'http://[::1]:9091/'],
    ['letters beyond ASCII', 'é日本🚀', 'é日本🚀'],
    ['labels', '{job}', '{job}'],
    ['nothing', '', '""'],
    ['a blank', 'a b', '"a b"'],
    ['an equals sign', 'a=b', '"a=b"'],
    ['a quote', 'a"b', '"a\\"b"'],
    ['a backslash', 'a\\b', '"a\\\\b"'],
    ['a line feed', 'a\nb', '"a\\nb"'],
    ['a carriage return', 'a\rb', '"a\\rb"'],
    ['a tab', 'a\tb', '"a\\tb"'],
    ['a NUL', 'a\u0000b', '"a\\u0000b"'],
    ['an escape for terminals', '\u001b[31m', '"\\u001b[31m"'],
    ['a no-break space', 'a\u00a0b', '"a\u00a0b"'],
  ])('%s', (_, value, shown) => {
    expect(lineOf('logfmt', 'm', { field: value }).split(' field=')[1]).toBe(shown)
  })
})

test('no control character reaches the log as it is, nor a separator of lines', () => {
  for (let code = 0; code < 0xa0; code++) {
    const character = String.fromCharCode(code)
    const line = lineOf('logfmt', `a${character}b`, { field: `x${character}` })
    expect({ code, raw: /\p{Cc}/u.test(line) }).toEqual({ code, raw: false })
    const { msg, field } = readLogfmt(line)
    expect({ msg, field }).toEqual({ msg: `a${character}b`, field: `x${character}` })
  }
  for (const separator of ['\u2028', '\u2029']) {
    expect(lineOf('logfmt', `a${separator}b`)).not.toContain(separator)
  }
})

const anyFields = fc.dictionary(
  fc.constantFrom('group', 'reason', 'peer', 'stack'),
  fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean()),
)

test('any message and fields can be read back from their line of logfmt', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), anyFields, (message, fields) => {
      const line = lineOf('logfmt', message, fields)
      expect(line).not.toContain('\n')
      const { ts, level, msg, ...rest } = readLogfmt(line)
      expect({ level, msg }).toEqual({ level: 'info', msg: message })
      expect(Number.isNaN(Date.parse(ts ?? ''))).toBe(false)
      expect(rest).toEqual(
        Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)])),
      )
    }),
    { numRuns: 300 },
  )
})

test('any message and fields can be read back from their line of JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), anyFields, (message, fields) => {
      const line = lineOf('json', message, fields)
      expect(line).not.toContain('\n')
      const { ts, ...rest } = JSON.parse(line) as Record<string, unknown>
      expect(rest).toEqual({ level: 'info', msg: message, ...fields })
      expect(typeof ts).toBe('string')
    }),
    { numRuns: 300 },
  )
})

test.each(['logfmt', 'json'] as const)('fields that are undefined are left out of %s', (format) => {
  expect(lineOf(format, 'm', { a: undefined, b: 1 })).not.toMatch(/a"?[=:]|undefined/)
})

test('a field cannot pass for the level or the message', () => {
  const { logger, text } = createTestLog('logfmt')
  logger.error('real', { level: 'debug', message: 'fake' })
  const { level, msg } = readLogfmt(text().trimEnd())
  expect({ level, msg }).toEqual({ level: 'error', msg: 'real' })
})

test('a message is not a format string', () => {
  expect(readLogfmt(lineOf('logfmt', '%s %d %j %%', { a: 1 })).msg).toBe('%s %d %j %%')
})

describe('what is less severe than the level is not logged', () => {
  test.each([
    ['debug', 'debug info warn error'],
    ['info', 'info warn error'],
    ['warn', 'warn error'],
    ['error', 'error'],
  ])('%s: %s', (level, expected) => {
    const { logger, text } = createTestLog('logfmt', level)
    logger.debug('m')
    logger.info('m')
    logger.warn('m')
    logger.error('m')
    const levels = text()
      .trimEnd()
      .split('\n')
      .map((line) => readLogfmt(line).level)
    expect(levels.join(' ')).toBe(expected)
  })
})

test('each event is one line, in the order of the events', () => {
  const { logger, text } = createTestLog('json')
  for (let i = 0; i < 50; i++) logger.info(`line ${i}\n`, { i })
  const lines = text().split('\n')
  expect(lines.pop()).toBe('')
  expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  )
})
