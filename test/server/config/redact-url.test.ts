import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { redactArguments, redactUrl } from '../../../server/config/redact-url.ts'

describe('a storage URL is shown without its password', () => {
  test.each([
    ['redis://user:secret@host:6379/0', 'redis://user:***@host:6379/0'],
    ['redis://:secret@host', 'redis://:***@host'],
    ['rediss://user:secret@[::1]:6380/1?prefix=a', 'rediss://user:***@[::1]:6380/1?prefix=a'],
    ['redis+sentinel://u:secret@a:1,b:2/main/0', 'redis+sentinel://u:***@a:1,b:2/main/0'],
    ['redis+unix://u:secret@/run/redis.sock', 'redis+unix://u:***@/run/redis.sock'],
    ['REDIS://u:secret@host', 'REDIS://u:***@host'],
    ['redis://u:se@cr@et@host', 'redis://u:***@host'],
    ['redis://u:se/cr?et#@host', 'redis://u:***@host'],
    ['redis://u:se:cr:et@host', 'redis://u:***@host'],
    ['redis://u:se\ncret@host', 'redis://u:***@host'],
    ['redis://u:@host', 'redis://u:***@host'],
  ])('%j as %j', (url, shown) => {
    expect(redactUrl(url)).toBe(shown)
  })

  test('whatever user, password and rest are', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(word, fc.string({ minLength: 1 }), word, (user, password, rest) => {
        const shown = redactUrl(`redis://${user}:${password}@${rest}`)
        expect(shown).toBe(`redis://${user}:***@${rest}`)
      }),
    )
  })
})

test.each([
  'memory:',
  'sqlite:sluice.db',
  'sqlite:/a:b@c/groups.db?synchronous=normal',
  'redis://host:6379/0',
  'redis://user@host:6379/0?prefix=a:b',
  'redis+unix:///run/a:b@c.sock',
  '',
])('%j has no password and stays as it is', (url) => {
  expect(redactUrl(url)).toBe(url)
})

test('of a command line only passwords of URLs are hidden', () => {
  const words = ['--storage.url=redis://u:secret@h/0', '--storage.url', 'redis://:secret@h', '-h']
  const others = ['--web.external-url=https://h/x:y@z', '--push.lenient-newlines', 'a b', '']
  expect(redactArguments([...words, ...others])).toEqual([
    '--storage.url=redis://u:***@h/0',
    '--storage.url',
    'redis://:***@h',
    '-h',
    ...others,
  ])
})
