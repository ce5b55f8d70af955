/** From the bytes of a push to what is stored: the fast way and the plain one come to the same. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { InvalidExposition } from '../../../server/errors.ts'
import { parseBody } from '../../../server/exposition/parse-body.ts'
import { splitStored } from '../../../server/exposition/stored-family.ts'
import { renderFamily } from '../../../server/exposition/text/render.ts'
import { groupingKeyOf } from '../../../server/groups/grouping-key.ts'
import { preparePush } from '../../../server/groups/prepare.ts'
import type { Label } from '../../../server/metrics/metric-family.ts'
import { plainPrepare } from '../../support/oracle/plain-prepare.ts'
import { anyBody, anyEdits, anyFamily, edited } from '../exposition/text/arbitraries.ts'
import { plainParse } from '../exposition/text/plain-parser.ts'
import { groupingLabels } from './arbitraries.ts'

interface Push {
  readonly labels: readonly Label[]
  readonly checked: boolean
  readonly utf8Names: boolean
}

const anyPush: fc.Arbitrary<Push> = fc.record({
  labels: groupingLabels(
    fc.oneof(
      fc.constantFrom('a', 'b', 'instance', 'le', 'quantile', 'b.c'),
      fc.stringMatching(/^[a-z]{1,3}$/),
    ),
  ),
  checked: fc.boolean(),
  utf8Names: fc.boolean(),
})

/** What is stored of a push, or which line or rule is why nothing is. */
function stored(body: string, { labels, checked, utf8Names }: Push): unknown {
  const options = { utf8Names, lenientNewlines: false, strictOpenMetrics: false }
  let parsed
  try {
    parsed = parseBody(Buffer.from(body), 'text', { ...options, samplesMax: Infinity })
  } catch (error) {
    if (error instanceof InvalidExposition) return { kind: 'refused', line: error.line }
    throw error
  }
  const settings = { ownClaims: new Map<string, string>(), checked }
  const push = preparePush(groupingKeyOf(labels), parsed.families, settings)
  if (push.kind === 'rejected') return { kind: 'rejected', rule: push.rule }
  const families = push.families.map(({ name, claims, sampleCount, data }) => {
    const { text, full } = splitStored(data)
    return { name, claims, sampleCount, text: text.toString(), isBeyondText: full !== undefined }
  })
  return { kind: 'prepared', families, droppedDuplicates: push.droppedDuplicates }
}

function plainlyStored(body: string, { labels, checked, utf8Names }: Push): unknown {
  const parsed = plainParse(body, utf8Names)
  if (parsed.kind === 'refused') return parsed
  const push = plainPrepare(labels, parsed.families, checked)
  if (push.kind === 'rejected') return push
  const families = push.families.map(({ name, claims, sampleCount, text, isBeyondText }) => {
    return { name, claims, sampleCount, text, isBeyondText }
  })
  return { ...push, families }
}

function agree(body: string, push: Push): void {
  expect(stored(body, push)).toEqual(plainlyStored(body, push))
}

/** Numbers in many spellings, some of them Go's. */
const anyNumber = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      fc.nat(1e9),
      fc.constantFrom('', '.', '.0', '.50', '.000012', '.125'),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: 10n ** 18n }),
      fc.nat(20),
      fc.constantFrom('', '', 'e3', 'e+07', 'E-5'),
    )
    .map(([digits, point, exponent]) => {
      const text = String(digits).padStart(point + 1, '0')
      return `${text.slice(0, text.length - point)}.${text.slice(text.length - point)}${exponent}`
    }),
)

const labelValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'x', 'y', 'xy', 'a-b', 'é', '\uffff', '🚀') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\t', '\u0000', 'x\u0000', '\\n', 'a\\\\b', '\\"', '\u000b'),
  },
)

/** Lines of a few families whose labels are mostly those of the line before, as a program writes them. */
const anyProgramBody = fc
  .tuple(
    fc.array(
      fc.record({
        name: fc.constantFrom('m', 'm2', '"é.m"', 'push_time_seconds'),
        type: fc.constantFrom('gauge', 'counter', 'histogram', 'summary', 'untyped'),
        help: fc.constantFrom('', 'x', 'a\\nb', 'é', 'a\\"b'),
        labels: fc.subarray(['a', 'b', 'c', 'instance', '"b.c"', 'job', 'z']),
        rows: fc.array(
          fc.tuple(fc.array(labelValue, { minLength: 7, maxLength: 7 }), anyNumber, fc.nat(8)),
          {
            maxLength: 6,
          },
        ),
      }),
      { maxLength: 3 },
    ),
    fc.boolean(),
    fc.infiniteStream(fc.nat(1000)),
  )
  .map(([families, isInterleaved, random]) => {
    const header: string[] = []
    const lines: string[] = []
    for (const { name, type, help, labels, rows } of families) {
      const isPart = type === 'histogram' || type === 'summary'
      const suffixed = (suffix: string): string =>
        name.endsWith('"') ? `${name.slice(0, -1)}${suffix}"` : name + suffix
      if (!header.includes(`# TYPE ${name} ${type}`))
        header.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const [values, number, part] of rows) {
        const pairs = labels.map((label, i) => `${label}="${values[i]!}"`)
        if (isPart && part < 4)
          pairs.push(`${type === 'histogram' ? 'le' : 'quantile'}="${number}"`)
        const comma = part === 7 ? ',' : ''
        const named =
          isPart && part >= 4
            ? suffixed(part === 4 ? '_sum' : '_count')
            : type === 'histogram'
              ? suffixed('_bucket')
              : name
        const inside = pairs.join(',') + comma
        lines.push(
          named.startsWith('"')
            ? `{${named}${inside === '' ? '' : `,${inside}`}} ${number}`
            : `${named}${inside === '' ? '' : `{${inside}}`} ${number}`,
        )
      }
    }
    if (isInterleaved) lines.sort(() => ((random.next().value as number) % 3) - 1)
    return [...header, ...lines, ''].join('\n')
  })

describe('a push is stored as the plain way has it', () => {
  test('on random bodies', () => {
    fc.assert(fc.property(anyBody, anyPush, agree), { numRuns: 2000 })
  })

  test('on bodies as programs write them', () => {
    fc.assert(fc.property(anyProgramBody, anyPush, agree), { numRuns: 3000 })
  })

  test('on bodies as programs write them, with small changes', () => {
    fc.assert(
      fc.property(anyProgramBody, anyEdits, anyPush, (body, edits, push) =>
        agree(edited(body, edits), push),
      ),
      { numRuns: 2000 },
    )
  })

  test('on rendered families of all types', () => {
    const families = fc.array(anyFamily({ utf8Names: true }), { maxLength: 3 })
    fc.assert(
      fc.property(families, anyPush, (all, push) => agree(all.map(renderFamily).join(''), push)),
      { numRuns: 1000 },
    )
  })

  test('and the bodies are worth it: many are stored, many are not', () => {
    const kinds = fc
      .sample(fc.tuple(anyProgramBody, anyPush), 1000)
      .map(([body, push]) => (stored(body, push) as { kind: string }).kind)
    const count = (kind: string): number => kinds.filter((one) => one === kind).length
    expect(count('prepared')).toBeGreaterThan(300)
    expect(count('refused')).toBeGreaterThan(200)
    expect(count('rejected')).toBeGreaterThan(5)
  })
})

describe('shapes are equal exactly where the plain identities are', () => {
  test('for families of one name', () => {
    const anyOther = fc.option(anyProgramBody, { nil: undefined })
    fc.assert(
      fc.property(anyProgramBody, anyOther, anyEdits, anyPush, (body, other, edits, push) => {
        const pushes = [body, other ?? edited(body, edits)].map((one) => shapesOf(one, push))
        fc.pre(pushes.every((shapes) => shapes !== undefined))
        for (const [name, here] of pushes[0]!) {
          const there = pushes[1]!.get(name)
          if (there !== undefined) {
            expect(here.shape === there.shape).toBe(here.identity === there.identity)
          }
        }
      }),
      { numRuns: 3000, maxSkipsPerRun: 1000 },
    )
  })
})

function shapesOf(
  body: string,
  { labels, checked }: Push,
): Map<string, { shape: string; identity: string }> | undefined {
  const parsed = plainParse(body, true)
  if (parsed.kind === 'refused') return undefined
  const plain = plainPrepare(labels, parsed.families, checked)
  const push = preparePush(groupingKeyOf(labels), parsed.families, {
    ownClaims: new Map(),
    checked,
  })
  if (push.kind === 'rejected' || plain.kind === 'rejected') return undefined
  return new Map(
    push.families.map(({ name, shape }, i) => [
      name,
      { shape, identity: plain.families[i]!.identity },
    ]),
  )
}
