import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { renderFamily } from '../../../server/exposition/text/render.ts'
import { groupingKeyOf } from '../../../server/groups/grouping-key.ts'
import type { PreparedPush } from '../../../server/groups/prepare.ts'
import { PushReader, type ReadPush } from '../../../server/read-push.ts'
import { buildTemplate } from '../../../server/templates/build-template.ts'
import { findValues } from '../../../server/templates/find-values.ts'
import { TemplateCache } from '../../../server/templates/template-cache.ts'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { preparePush } from '../../../server/groups/prepare.ts'
import { anyFamily } from '../exposition/text/arbitraries.ts'
import { groupingLabels, labelName } from '../groups/arbitraries.ts'

const PARSING = {
  utf8Names: true,
  lenientNewlines: false,
  strictOpenMetrics: false,
  samplesMax: 10_000,
}
const PREPARING = { ownClaims: new Map<string, string>(), checked: true }

type Labels = Readonly<Record<string, string>>

const groupOf = (labels: Labels) =>
  groupingKeyOf(Object.entries(labels).map(([name, value]) => ({ name, value })))

const HOST = groupOf({ job: 'backup', instance: 'host-1' })

/** What a reader that has no templates makes of a body. */
function plainly(body: string, grouping = HOST): ReadPush['push'] {
  return preparePush(grouping, parseText(Buffer.from(body), PARSING), PREPARING)
}

/** What tells two pushes apart. */
function shown(push: ReadPush['push']): unknown {
  if (push.kind === 'rejected') return push
  const { kind, grouping, shape, droppedDuplicates, packed } = push
  const families = push.families.map((family) => {
    const { name, claims, shape, sampleCount, data } = family
    const texts = family.series().map(({ labelText }) => labelText)
    return { name, claims, shape, sampleCount, data: data.toString('latin1'), texts }
  })
  if (packed !== undefined) {
    // In one piece it is the same.
    expect(packed.families).toMatchObject(
      push.families.map(({ name, claims, shape, sampleCount }) => ({
        name,
        claims,
        shape,
        sampleCount,
      })),
    )
    const data = push.families.map((family) => family.data)
    expect(packed.data).toEqual(Buffer.concat(data))
    expect(packed.ends.map((end, i) => end - (packed.ends[i - 1] ?? 0))).toEqual(
      data.map(({ length }) => length),
    )
  }
  return { kind, grouping, shape, droppedDuplicates, families }
}

function understand(body: Buffer, grouping = HOST) {
  const families = parseText(body, PARSING)
  const push = preparePush(grouping, families, PREPARING)
  return push.kind === 'prepared' ? { families, push } : undefined
}

function templateOf(body: string, grouping = HOST) {
  const push = plainly(body, grouping)
  if (push.kind === 'rejected') throw new Error(push.reason)
  return buildTemplate(Buffer.from(body), grouping, push, understand)
}

const parse = (body: Buffer, grouping = HOST) => plainly(body.toString(), grouping) as PreparedPush

/** The push by its template; undefined where the template does not fit. */
function fill(template: ReturnType<typeof templateOf>, body: string, grouping = HOST) {
  return template?.fill(Buffer.from(body), grouping, parse)
}

const TYPICAL = `# HELP backup_seconds How long it took.
# TYPE backup_seconds gauge
backup_seconds 12.5
# TYPE backup_files_total counter
backup_files_total{outcome="ok"} 5
backup_files_total{outcome="failed"} 0
# TYPE backup_size summary
backup_size{quantile="0.5"} 3
backup_size_sum 17
backup_size_count 4
# TYPE backup_step histogram
backup_step_bucket{step="copy",le="1"} 2
backup_step_bucket{step="copy",le="+Inf"} 3
backup_step_sum{step="copy"} 4.5
backup_step_count{step="copy"} 3
`

describe('a template', () => {
  test('makes of a body with other values what parsing makes of it', () => {
    const template = templateOf(TYPICAL)
    const body = TYPICAL.replace('12.5', '0.00001')
      .replace('17', '-1e9')
      .replace(/ 5\n/, ' 1234567\n')
    expect(shown(fill(template, body)!)).toEqual(shown(plainly(body)))
  })

  test('serves groups whose grouping labels have the same names', () => {
    const template = templateOf(TYPICAL)
    const grouping = groupOf({ job: 'other "job"\n', instance: 'é\\' })
    expect(shown(fill(template, TYPICAL, grouping)!)).toEqual(shown(plainly(TYPICAL, grouping)))
  })

  test('overrides labels by grouping labels, and adds an empty instance where there is none', () => {
    for (const labels of [{ job: 'j', outcome: 'x' }, { job: 'j', instance: '' }, { job: 'j' }]) {
      const body = 'm{outcome="ok",a="1",instance="i",z="2"} 5\nn{z="é"} 7\n'
      const template = templateOf(body, groupOf(labels))
      const other = groupOf({ ...labels, job: 'k' })
      expect(shown(fill(template, body, other)!)).toEqual(shown(plainly(body, other)))
    }
  })

  test.each([
    ['another text', TYPICAL.replace('copy', 'move')],
    ['another HELP', TYPICAL.replace('How long', 'How very long')],
    ['a line more', `${TYPICAL}x 1\n`],
    ['a line less', TYPICAL.slice(0, TYPICAL.trimEnd().lastIndexOf('\n') + 1)],
    ['a timestamp', TYPICAL.replace(' 12.5\n', ' 12.5 1700000000\n')],
    ['no line feed at its end', TYPICAL.trimEnd()],
    ['a value that is none', TYPICAL.replace('12.5', 'twelve')],
    ['an empty value', TYPICAL.replace('12.5', '')],
    ['a hexadecimal value', TYPICAL.replace('12.5', '0x10')],
    ['carriage returns', TYPICAL.replaceAll('\n', '\r\n')],
    ['a bucket below zero', TYPICAL.replace('le="1"} 2', 'le="1"} -2')],
    ['a bucket that is no number', TYPICAL.replace('le="1"} 2', 'le="1"} NaN')],
    ['a count of a summary that is not whole', TYPICAL.replace('_count 4', '_count 4.5')],
    ['a count of a summary below zero', TYPICAL.replace('_count 4', '_count -4')],
    ['nothing at all', ''],
  ])('does not fit a body with %s', (_, body) => {
    const template = templateOf(TYPICAL)
    expect(template).toBeDefined()
    expect(fill(template, body)).toBeUndefined()
  })

  test.each([
    ['no samples', '# TYPE m gauge\n'],
    ['a value that is not stored', 'push_time_seconds 5\nm 1\n'],
    ['a value that is overwritten', '# TYPE s summary\ns_sum 1\ns_sum 2\ns_count 1\n'],
    ['an order that depends on the group', 'm{a="1"} 1\nm{z="1"} 2\n'],
    ['a name that needs quotes', '{"é"} 1\n'],
    ['what text cannot carry', '# TYPE s summary\ns{quantile="NaN"} 1\ns_sum 1\ns_count 1\n'],
    ['control characters that mark gaps', 'm{a="\u0001"} 1\n'],
  ])('is not made of a body with %s', (_, body) => {
    expect(templateOf(body)).toBeUndefined()
  })
})

/** Spellings of numbers, as clients write them. */
const number = fc.oneof(
  fc.nat(2_000_000).map(String),
  fc.nat(100).map((n) => String(n / 8)),
  fc.tuple(fc.nat(9_999_999), fc.nat(9_999_999)).map(([a, b]) => `${a}.${b}`),
  fc.nat(9_999_999).map((n) => `1.7${n}e+09`),
  fc.constantFrom('0', '0.0', '007', '1e5', '5.', '.5', '+5', '0.00010', '0.00001'),
)
const anyValue = fc.oneof(
  number,
  fc.double().map(String),
  fc.integer({ min: -2_000_000, max: -1 }).map(String),
  fc.constantFrom(
    'NaN',
    '+Inf',
    '-Inf',
    '-0',
    '',
    'x',
    '1_0',
    '0x1',
    ' 5',
    '5 ',
    '5 6',
    '--1',
    '1e999',
    '\t',
  ),
)

const lengths = { minLength: 1, maxLength: 20 }
/** Also where counts have to be whole. */
const whole = fc.array(fc.nat(2_000_000).map(String), lengths)

/** Families under names of their own, so that they make one body. */
const anyBody = fc
  .array(anyFamily({ utf8Names: false }), { minLength: 1, maxLength: 4 })
  .map((families) =>
    families.map((family, i) => renderFamily({ ...family, name: `${family.name}_${i}` })).join(''),
  )

function verdictOf(read: () => ReadPush['push']): unknown {
  try {
    return shown(read())
  } catch (error) {
    return String(error)
  }
}

describe('a reader that learns', () => {
  test('makes of any body, however often its kind was pushed, what parsing makes of it', () => {
    let filled = 0
    fc.assert(
      fc.property(
        anyBody,
        fc.array(groupingLabels(labelName), { minLength: 1, maxLength: 2 }),
        fc.array(fc.oneof(whole, fc.array(number, lengths), fc.array(anyValue, lengths)), {
          minLength: 1,
          maxLength: 6,
        }),
        (body, groups, pushes) => {
          const reader = new PushReader(PARSING, PREPARING)
          const spans = findValues(body) ?? []
          const push = (text: string): void => {
            for (const labels of groups) {
              const grouping = groupingKeyOf(labels)
              const learnt = verdictOf(() => reader.read(Buffer.from(text), 'text', grouping).push)
              expect(learnt).toEqual(verdictOf(() => plainly(text, grouping)))
            }
          }
          push(body)
          push(body)
          for (const values of pushes) {
            let text = ''
            let at = 0
            for (const [i, { start, end }] of spans.entries()) {
              text += body.slice(at, start) + (values[i % values.length] ?? '')
              at = end
            }
            push(text + body.slice(at))
          }
          filled += reader.filled
        },
      ),
      { numRuns: 300 },
    )
    // Else this would have tested nothing.
    expect(filled).toBeGreaterThan(40)
  })

  test('still refuses what the rules refuse', () => {
    const reader = new PushReader(PARSING, PREPARING)
    for (let i = 0; i < 4; i++) reader.read(Buffer.from(TYPICAL), 'text', HOST)
    expect(reader.filled).toBe(2)
    const twice = `${TYPICAL}backup_seconds 1\n`
    expect(reader.read(Buffer.from(twice), 'text', HOST).push).toEqual(plainly(twice))
    expect(() => reader.read(Buffer.from(TYPICAL.replace('12.5', 'x')), 'text', HOST)).toThrow(
      'line 3',
    )
  })

  test('reads bodies in other formats as before', () => {
    const reader = new PushReader(PARSING, PREPARING)
    for (let i = 0; i < 4; i++) reader.read(Buffer.from('m 1\n# EOF\n'), 'openmetrics', HOST)
    expect(reader.filled).toBe(0)
  })
})

describe('the cache of templates', () => {
  const push = (cache: TemplateCache, body: string, grouping = HOST): boolean => {
    const pushed = plainly(body, grouping)
    if (pushed.kind === 'rejected') throw new Error(pushed.reason)
    if (cache.find(Buffer.from(body), grouping) !== undefined) return true
    cache.learn(Buffer.from(body), grouping, pushed)
    return false
  }

  test('learns a kind of body when it comes for the second time', () => {
    const cache = new TemplateCache(understand, parse)
    expect([1, 2, 3, 4].map(() => push(cache, TYPICAL))).toEqual([false, false, true, true])
  })

  test('keeps bodies apart that begin alike', () => {
    const cache = new TemplateCache(understand, parse)
    const bodies = ['a', 'b', 'c'].map((label) => `# TYPE m gauge\nm{l="${label}"} 1\n`)
    for (const body of [...bodies, ...bodies]) push(cache, body)
    expect(bodies.map((body) => push(cache, body))).toEqual([true, true, true])
  })

  test('keeps groups apart whose labels have other names', () => {
    const cache = new TemplateCache(understand, parse)
    for (let i = 0; i < 3; i++) push(cache, TYPICAL)
    expect(push(cache, TYPICAL, groupOf({ job: 'j', zone: 'z' }))).toBe(false)
  })

  test('keeps label names apart that would look alike side by side', () => {
    const cache = new TemplateCache(understand, parse)
    const [one, two] = [groupOf({ job: 'j', 'a\nb': '1' }), groupOf({ job: 'j', a: '1', b: '2' })]
    const [blank, blanks] = [
      groupOf({ job: 'j', 'a 1 b': '1' }),
      groupOf({ job: 'j', a: '1', b: '2' }),
    ]
    for (let i = 0; i < 3; i++) push(cache, TYPICAL, one)
    expect(push(cache, TYPICAL, two)).toBe(false)
    for (let i = 0; i < 3; i++) push(cache, TYPICAL, blank)
    expect(push(cache, TYPICAL, blanks)).toBe(false)
  })

  test('does not remember label names that take up a whole URL', () => {
    const cache = new TemplateCache(understand, parse)
    const grouping = groupOf({ job: 'j', ['l'.repeat(2000)]: '1' })
    for (let i = 0; i < 4; i++) expect(push(cache, TYPICAL, grouping)).toBe(false)
  })

  test('stays within its bytes, and forgets what was used least lately', () => {
    const cost = templateOf(TYPICAL)!.byteCost
    const cache = new TemplateCache(understand, parse, {
      bytesMax: 2.5 * cost,
      bodyBytesMax: 10_000,
    })
    const bodies = ['a', 'b', 'c'].map((name) => `# HELP ${name} begins alike\n${TYPICAL}`)
    for (const body of bodies) for (let i = 0; i < 2; i++) push(cache, body)
    expect(bodies.map((body) => push(cache, body))).toEqual([false, true, true])
    expect(cache.byteCount).toBeLessThanOrEqual(2.5 * cost)
  })

  test('does not learn bodies that are too large', () => {
    const cache = new TemplateCache(understand, parse, {
      bytesMax: 1e6,
      bodyBytesMax: TYPICAL.length - 1,
    })
    for (let i = 0; i < 4; i++) expect(push(cache, TYPICAL)).toBe(false)
  })

  test('gives up learning where texts differ though they mean the same', () => {
    let builds = 0
    const cache = new TemplateCache((body, grouping) => {
      builds++
      return understand(body, grouping)
    }, parse)
    for (let i = 0; i < 100; i++) push(cache, `# TYPE m gauge\n${' '.repeat(i)}m 1\n`)
    expect(builds).toBeLessThan(10)
  })
})
