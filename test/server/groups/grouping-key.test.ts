import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SluiceError } from '../../../server/errors.ts'
import {
  compareUtf8,
  decodeGroupKey,
  groupingKeyOf,
  groupPath,
  parseGroupingPath,
} from '../../../server/groups/grouping-key.ts'
import type { Label } from '../../../server/metrics/metric-family.ts'
import { anyText, groupingLabels, labelName } from './arbitraries.ts'

function asObject(labels: readonly Label[]): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

function asLabels(labels: Readonly<Record<string, string>>): Label[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value }))
}

function sorted(labels: readonly Label[]): Label[] {
  return [...labels].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function failureOf(path: string, utf8Names = false): SluiceError {
  try {
    parseGroupingPath(path, utf8Names)
  } catch (error) {
    if (error instanceof SluiceError) return error
    throw error
  }
  throw new Error(`accepted: ${path}`)
}

describe('a path names the group of', () => {
  test.each<[what: string, path: string, labels: Record<string, string>]>([
    ['a job', 'job/j', { job: 'j' }],
    ['a job and labels', 'job/j/instance/i/a/1', { job: 'j', instance: 'i', a: '1' }],
    ['a job with a trailing slash', 'job/j/', { job: 'j' }],
    ['a job in base64 with a trailing slash', 'job@base64/Zm9v/', { job: 'foo' }],
    ['a label without a value', 'job/j/a/', { job: 'j', a: '' }],
    ['a last label without a value', 'job/j/a/1/b/', { job: 'j', a: '1', b: '' }],
    ['a label named like the job', 'job/j/j/1', { job: 'j', j: '1' }],
    ['the last of a repeated label', 'job/j/a/1/b/2/a/3', { job: 'j', a: '3', b: '2' }],
    ['the last of a label repeated in base64', 'job/j/a/1/a@base64/Mg', { job: 'j', a: '2' }],
    ['the first job where there are two', 'job/j/job/k/a/1', { job: 'j', a: '1' }],
    ['the first job where the second is in base64', 'job/j/job@base64/c2Vjb25k', { job: 'j' }],
    ['the first job where the second is empty', 'job/j/job/', { job: 'j' }],
    // Percent-encoding
    ['a plus, which is no blank', 'job/a+b', { job: 'a+b' }],
    ['an encoded plus', 'job/a%2Bb', { job: 'a+b' }],
    ['an encoded blank', 'job/a%20b', { job: 'a b' }],
    [
      'an encoded slash, which is one',
      'job/a%2Fb/path/%2Fvar%2ftmp',
      { job: 'a/b', path: '/var/tmp' },
    ],
    ['an encoded percent sign, decoded once', 'job/%2541', { job: '%41' }],
    ['UTF-8', 'job/%C3%A9%f0%9f%9a%80', { job: 'é🚀' }],
    ['encoded letters in a name', 'job/j/%61b/1', { job: 'j', ab: '1' }],
    ['an encoded question mark and hash', 'job/a%3Fb%23c', { job: 'a?b#c' }],
    ['an encoded NUL', 'job/a%00', { job: 'a\u0000' }],
    ['an encoded line feed', 'job/a%0A', { job: 'a\n' }],
    ['an encoded job', '%6Aob/j', { job: 'j' }],
    [
      'what a path may hold bare',
      "job/a;b,c=d&e~f:g@h!$'()*-._",
      { job: "a;b,c=d&e~f:g@h!$'()*-._" },
    ],
    ['dots that are part of a value', 'job/a.b/k/.../l/.x', { job: 'a.b', k: '...', l: '.x' }],
    // base64
    ['a job in base64', 'job@base64/bXkgam9i', { job: 'my job' }],
    ['a job whose @ is encoded', 'job%40base64/bXkgam9i', { job: 'my job' }],
    ['a slash in base64', 'job/j/path@base64/L3Zhci90bXA', { job: 'j', path: '/var/tmp' }],
    ['base64 with its padding', 'job/j/a@base64/eA==', { job: 'j', a: 'x' }],
    ['base64 with half of its padding', 'job/j/a@base64/eA=', { job: 'j', a: 'x' }],
    ['base64 with too much padding', 'job/j/a@base64/eA====', { job: 'j', a: 'x' }],
    ['base64 with encoded padding', 'job/j/a@base64/eA%3D%3D', { job: 'j', a: 'x' }],
    ['an equals sign, the empty value', 'job/j/a@base64/=', { job: 'j', a: '' }],
    ['equals signs, the empty value', 'job/j/a@base64/====', { job: 'j', a: '' }],
    ['an encoded equals sign, the empty value', 'job/j/a@base64/%3D', { job: 'j', a: '' }],
    ['nothing at the end, the empty value', 'job/j/a@base64/', { job: 'j', a: '' }],
    ['the URL-safe letters', 'job/j/a@base64/Pz8-Pz8_', { job: 'j', a: '??>???' }],
    ['UTF-8 in base64', 'job/j/a@base64/8J-agA', { job: 'j', a: '🚀' }],
    ['base64 whose last bits are not zero', 'job/j/a@base64/eB', { job: 'j', a: 'x' }],
    ['base64 with line breaks', 'job/j/a@base64/Zm9%0Av%0D', { job: 'j', a: 'foo' }],
    ['a plain value that looks like base64', 'job/j/a/eA==', { job: 'j', a: 'eA==' }],
    ['a value that is the suffix', 'job/j/a/@base64', { job: 'j', a: '@base64' }],
    // Names
    ['an underscore for a name', 'job/j/_/1', { job: 'j', _: '1' }],
    ['le and quantile as names', 'job/j/le/1/quantile/2', { job: 'j', le: '1', quantile: '2' }],
    ['a name in U__ form, which is not decoded', 'job/j/U__a_2e_b/1', { job: 'j', U__a_2e_b: '1' }],
  ])('%s', (_, path, labels) => {
    const grouping = parseGroupingPath(path, false)
    expect(asObject(grouping.labels)).toEqual(labels)
    expect(grouping.labels).toEqual(sorted(asLabels(labels)))
    expect(grouping.job).toBe(labels.job)
  })
})

describe('with names in UTF-8, a path names the group of', () => {
  test.each<[what: string, path: string, labels: Record<string, string>]>([
    ['a name in U__ form', 'job/j/U__a_2e_b/1', { job: 'j', 'a.b': '1' }],
    [
      'a name in U__ form and a value in base64',
      'job/j/U__a_2e_b@base64/eA',
      { job: 'j', 'a.b': 'x' },
    ],
    ['a name in U__ form that is not valid', 'job/j/U__a_zz_/1', { job: 'j', U__a_zz_: '1' }],
    ['the prefix itself in U__ form', 'job/j/U__U____a/1', { job: 'j', U__a: '1' }],
    ['a surrogate in U__ form', 'job/j/U__a_d800_/1', { job: 'j', U__a_d800_: '1' }],
    ['a percent-encoded name', 'job/j/%C3%A9/1', { job: 'j', é: '1' }],
    ['a name with a blank', 'job/j/a%20b/1', { job: 'j', 'a b': '1' }],
    ['a name that begins with a digit', 'job/j/1x/1', { job: 'j', '1x': '1' }],
    ['a name with a colon', 'job/j/a:b/1', { job: 'j', 'a:b': '1' }],
    ['a name beyond the basic plane', 'job/j/U___1f680_/1', { job: 'j', '🚀': '1' }],
    ['a job named in U__ form, of which the first counts', 'job/j/U__job/k', { job: 'j' }],
    ['the last of a label named in two ways', 'job/j/U__a_2e_b/1/a.b/2', { job: 'j', 'a.b': '2' }],
  ])('%s', (_, path, labels) => {
    expect(asObject(parseGroupingPath(path, true).labels)).toEqual(labels)
  })
})

describe('a path is refused for', () => {
  test.each<[what: string, path: string, says: string]>([
    ['an empty job', 'job//a/1', 'job name is required'],
    ['an empty job and nothing else', 'job/', 'job name is required'],
    ['an empty job in base64', 'job@base64/=', 'job name is required'],
    ['an odd number of parts', 'job/j/a', 'odd number of components in label string "/a"'],
    ['an odd number of parts behind others', 'job/j/a/1/b', 'odd number of components'],
    ['an empty name', 'job/j//1', 'empty path segment'],
    ['an empty value in the middle', 'job/j/a//b/2', 'empty path segment'],
    ['two slashes at the end', 'job/j//', 'empty path segment'],
    ['two slashes behind a value', 'job/j/a/1//', 'empty path segment'],
    ['a dot', 'job/j/a/.', 'would be cleaned away'],
    ['a dot for a job', 'job/.', 'would be cleaned away'],
    ['two dots', 'job/j/../k', 'would be cleaned away'],
    ['two dots for a job', 'job/../a/b', 'would be cleaned away'],
    ['an encoded dot', 'job/j/a/%2e', 'would be cleaned away'],
    ['two encoded dots', 'job/j/a/%2E.', 'would be cleaned away'],
    ['a reserved name', 'job/j/__a/1', 'improper label name "__a"'],
    ['the name of names', 'job/j/__name__/m', 'improper label name'],
    ['a reserved name before a value in base64', 'job/j/__a@base64/eA', 'improper label name'],
    ['a name that begins with a digit', 'job/j/1a/1', 'improper label name "1a"'],
    ['a name with a dash', 'job/j/a-b/1', 'improper label name'],
    ['a name with a colon', 'job/j/a:b/1', 'improper label name'],
    ['a name with a slash', 'job/j/a%2Fb/1', 'improper label name'],
    ['a name beyond ASCII', 'job/j/%C3%A9/1', 'improper label name'],
    ['the suffix alone for a name', 'job/j/@base64/eA', 'improper label name'],
    ['the suffix twice', 'job/j/a@base64@base64/eA', 'improper label name'],
    ['a bad escape', 'job/a%zz', 'bad percent escape'],
    ['half an escape', 'job/a%2', 'bad percent escape'],
    ['a percent sign at the end', 'job/j/a/1%', 'bad percent escape'],
    ['a value that is not UTF-8', 'job/j/a/%FF', 'valid UTF-8'],
    ['a value that breaks off within a character', 'job/j/a/%E2%82', 'valid UTF-8'],
    ['a surrogate in UTF-8', 'job/j/a/%ED%A0%80', 'valid UTF-8'],
    ['an overlong form', 'job/j/a/%C0%AF', 'valid UTF-8'],
    ['base64 that is not UTF-8', 'job/j/a@base64/_w', 'valid UTF-8'],
    ['a plus in base64', 'job/j/a@base64/Pz8+', 'invalid base64'],
    ['a slash in base64', 'job/j/a@base64/Pz8%2F', 'invalid base64'],
    ['padding within base64', 'job/j/a@base64/eA=B', 'invalid base64'],
    ['a blank in base64', 'job/j/a@base64/e%20A', 'invalid base64'],
    ['a letter too many in base64', 'job/j/a@base64/abcde', 'invalid base64'],
    ['one letter of base64', 'job/j/a@base64/e', 'invalid base64'],
    ['an equals sign before a line break in base64', 'job/j/a@base64/=%0A', 'invalid base64'],
    ['a job in base64 that is none', 'job@base64/a%25', 'invalid base64'],
    ['base64 of a job that is not UTF-8', 'job@base64/_w==', 'valid UTF-8'],
  ])('%s', (_, path, says) => {
    const failure = failureOf(path)
    expect(failure.code).toBe('invalid_path')
    expect(failure.message).toContain(says)
  })

  test.each<[what: string, path: string]>([
    ['a reserved name', 'job/j/__a/1'],
    ['a reserved name in U__ form', 'job/j/U___5f__5f_a/1'],
    ['a reserved name of doubled underscores in U__ form', 'job/j/U______a/1'],
    ['an empty name in U__ form', 'job/j/U__/1'],
    ['the suffix alone for a name', 'job/j/@base64/eA'],
  ])('%s, also with names in UTF-8', (_, path) => {
    expect(failureOf(path, true).message).toContain('improper label name')
  })
})

test.each(['', 'job', 'jobs/j', 'JOB/j', 'instance/i', '/job/j', 'job@Base64/eA', 'metrics/job/j'])(
  'the path %j leads to no group',
  (path) => {
    expect(failureOf(path).code).toBe('not_found')
  },
)

test('any path names a group or is refused with a code', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...['job', 'a', 'U__a_2e_', '@base64', '/', '/', '//', '.', '%', '%2', '%FF', '='],
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.boolean(), (pieces, utf8Names) => {
      const path = `job/j/${pieces.join('')}`
      try {
        const { key, labels, job } = parseGroupingPath(path, utf8Names)
        expect(decodeGroupKey(key)).toEqual({ key, labels, job })
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError)
        expect((error as SluiceError).code).toBe('invalid_path')
      }
    }),
    { numRuns: 2000 },
  )
})

describe('groupPath writes a path that parseGroupingPath reads back', () => {
  test('for legacy names', () => {
    fc.assert(
      fc.property(groupingLabels(labelName), (labels) => {
        const grouping = groupingKeyOf(labels)
        expect(parseGroupingPath(groupPath(grouping, false), false)).toEqual(grouping)
      }),
      { numRuns: 1000 },
    )
  })

  test.each<[what: string, name: string]>([
    ['a dot', 'a.b'],
    ['a slash', 'a/b'],
    ['a blank', 'a b'],
    ['letters beyond ASCII', 'é🚀'],
    ['nothing but a dot', '.'],
    ['nothing but two dots', '..'],
    ['the suffix of base64 at its end', 'a@base64'],
  ])('for a name in UTF-8 with %s', (_, name) => {
    const grouping = groupingKeyOf(asLabels({ job: 'j', [name]: 'x' }))
    expect(asObject(parseGroupingPath(groupPath(grouping, true), true).labels)).toEqual({
      job: 'j',
      [name]: 'x',
    })
  })

  test('for any names in UTF-8', () => {
    // Code points of six digits have no U__ form that can be read back; for U__ itself see below.
    const pieces = fc.constantFrom(...['U_', '_2e_', '__', '@base64', '.', '..', 'a', '/', '%2F'])
    const composed = fc.array(pieces, { minLength: 1, maxLength: 3 }).map((all) => all.join(''))
    const names = fc
      .oneof(composed, anyText)
      .filter((text) => !/^U__|[\u{100000}-\u{10ffff}]/u.test(text))
    fc.assert(
      fc.property(groupingLabels(names), (labels) => {
        const grouping = groupingKeyOf(labels)
        expect(parseGroupingPath(groupPath(grouping, true), true)).toEqual(grouping)
      }),
      { numRuns: 1000 },
    )
  })

  test.each(['U__a_2e_b', 'U__a', 'U__'])(
    'for the legacy name %s where names are decoded, which it looks like',
    (name) => {
      const grouping = groupingKeyOf(asLabels({ job: 'j', [name]: 'x' }))
      expect(asObject(parseGroupingPath(groupPath(grouping, true), true).labels)).toEqual({
        job: 'j',
        [name]: 'x',
      })
    },
  )

  test('with letters that every client and proxy leaves alone', () => {
    fc.assert(
      fc.property(groupingLabels(labelName), (labels) => {
        expect(groupPath(groupingKeyOf(labels), false)).toMatch(/^[A-Za-z0-9_~:@=/-]+$/)
      }),
    )
  })

  test('with plain values left readable', () => {
    const grouping = groupingKeyOf(asLabels({ job: 'batch', b: 'x', a: '1-2_3', c: '' }))
    expect(groupPath(grouping, true)).toBe('job/batch/a/1-2_3/b/x/c@base64/=')
  })
})

describe('a group key', () => {
  const anyLabels = groupingLabels(anyText)

  test('holds the labels it was made of, sorted by the bytes of their names', () => {
    fc.assert(
      fc.property(anyLabels, (labels) => {
        const { key, job } = groupingKeyOf(labels)
        expect(decodeGroupKey(key)).toEqual({ key, job, labels: sorted(labels) })
      }),
      { numRuns: 1000 },
    )
  })

  test('is the same for the same labels in any order', () => {
    const inTwoOrders = anyLabels.chain((labels) =>
      fc.tuple(fc.constant(labels), fc.shuffledSubarray(labels, { minLength: labels.length })),
    )
    fc.assert(
      fc.property(inTwoOrders, ([a, b]) => {
        expect(groupingKeyOf(a).key.equals(groupingKeyOf(b).key)).toBe(true)
      }),
    )
  })

  test('differs for different labels', () => {
    const canonical = (labels: readonly Label[]): string =>
      JSON.stringify(sorted(labels).map(({ name, value }) => [name, value]))
    fc.assert(
      fc.property(anyLabels, anyLabels, (a, b) => {
        expect(groupingKeyOf(a).key.equals(groupingKeyOf(b).key)).toBe(
          canonical(a) === canonical(b),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('is not confused by values that look like other labels, lengths or separators', () => {
    const lookalikes: Record<string, string>[] = [
      { job: 'j', a: '1', b: '2' },
      { job: 'j', a: '1\u0000b\u00002' },
      { job: 'j', a: '1\u0001b\u00012' },
      { job: 'j', a: '1,b=2' },
      { job: 'j', a: '1/b/2' },
      { job: 'j', a: '1",b="2' },
      { job: 'j', a: '1\nb\n2' },
      { job: 'j', a: '1\u00ffb\u00ff2' },
      { job: 'j', a: '1\u0001b\u00012', b: '' },
      { job: 'j', a1: 'b2' },
      { job: 'j', a: '1b2' },
      { job: 'j', a: '1', b2: '' },
      { job: 'j', a: '', '1b': '2' },
      { job: 'j\u0001a\u00011\u0001b\u00012' },
      { job: 'ja1b2' },
      { job: 'j', a: '1', b: '2', instance: '' },
    ]
    const keys = lookalikes.map((labels) => groupingKeyOf(asLabels(labels)).key.toString('hex'))
    expect(new Set(keys).size).toBe(lookalikes.length)
  })

  test.each([0, 1, 127, 128, 129, 16_383, 16_384, 2_097_152])(
    'holds a value of %d bytes',
    (length) => {
      const value = 'x'.repeat(length)
      const { key } = groupingKeyOf(asLabels({ job: 'j', a: value }))
      expect(asObject(decodeGroupKey(key).labels)).toEqual({ job: 'j', a: value })
    },
  )

  test('that breaks off is not read', () => {
    const { key } = groupingKeyOf(asLabels({ job: 'j', a: 'x'.repeat(200) }))
    const whole = [0, ...lengthsOfPrefixes(key)]
    for (let length = 0; length < key.length; length++) {
      if (whole.includes(length)) continue
      expect(() => decodeGroupKey(key.subarray(0, length))).toThrow(RangeError)
    }
  })

  test('needs a job', () => {
    expect(() => groupingKeyOf(asLabels({ a: '1' }))).toThrow(TypeError)
  })
})

/** After how many bytes a key holds one label, two, … */
function lengthsOfPrefixes(key: Buffer): number[] {
  const { labels } = decodeGroupKey(key)
  return labels.map((_, i) =>
    labels.slice(0, i + 1).reduce((total, { name, value }) => {
      const size = (text: string): number => Buffer.byteLength(text)
      return (
        total + size(name) + size(value) + (size(name) > 127 ? 2 : 1) + (size(value) > 127 ? 2 : 1)
      )
    }, 0),
  )
}

test('compareUtf8 orders strings as their UTF-8 bytes are ordered', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('a', '\u0000', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000'),
      fc.constantFrom('\uffff', '\u{10000}', '\u{10ffff}', '🚀'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 4,
  })
  fc.assert(
    fc.property(text, text, text, (a, b, prefix) => {
      for (const [x, y] of [
        [a, b],
        [prefix + a, prefix + b],
        [a, a + b],
      ] as const) {
        expect(Math.sign(compareUtf8(x, y))).toBe(Buffer.compare(Buffer.from(x), Buffer.from(y)))
      }
    }),
    { numRuns: 3000 },
  )
})
