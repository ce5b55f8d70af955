import { describe, expect, test } from '@jest/globals'
import { environmentName, FLAG_NAMES, FLAGS } from '../../../server/config/flags.ts'
import { helpText, spellFlag } from '../../../server/config/help.ts'

const LINES = helpText().split('\n')

/** The lines about one flag, joined. */
function entryOf(name: string): string {
  const begin = LINES.findIndex((line) => new RegExp(`^ +--(\\[no-\\])?${name}(=|$)`).test(line))
  if (begin < 0) throw new Error(`--${name} is not in the help`)
  const length = LINES.slice(begin + 1).findIndex((line) => !line.startsWith(' '.repeat(10)))
  return LINES.slice(begin, begin + 1 + length)
    .map((line) => line.trim())
    .join(' ')
}

describe('--help says of each flag how it is spelled, what it does and its variable', () => {
  test.each(FLAG_NAMES)('--%s', (name) => {
    const entry = entryOf(name)
    expect(entry.startsWith(spellFlag(name, FLAGS[name]))).toBe(true)
    expect(entry).toContain(FLAGS[name].help)
    expect(entry).toContain(`[${environmentName(name)}]`)
  })
})

describe('a flag is spelled with its default', () => {
  test.each<[name: keyof typeof FLAGS, spelling: string]>([
    ['web.listen-address', '--web.listen-address=:9091 ...'],
    ['web.enable-lifecycle', '--[no-]web.enable-lifecycle'],
    ['web.external-url', '--web.external-url=""'],
    ['web.max-requests', '--web.max-requests=4096'],
    ['persistence.interval', '--persistence.interval=5m0s'],
    ['log.format', '--log.format=logfmt'],
  ])('%s', (name, spelling) => {
    expect(spellFlag(name, FLAGS[name])).toBe(spelling)
  })
})

test('--help mentions itself and --version', () => {
  expect(helpText()).toMatch(/^ +-h, --help$/m)
  expect(helpText()).toMatch(/^ +--version$/m)
})

test('no line of the help is too wide for a terminal of 100 columns, none ends in blanks', () => {
  expect(LINES.filter((line) => line.length > 100)).toEqual([])
  expect(LINES.filter((line) => / $/.test(line))).toEqual([])
})

test('the help ends with a line feed', () => {
  expect(helpText().endsWith('\n')).toBe(true)
})
