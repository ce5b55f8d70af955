/** Random families, and random bodies that come close to being expositions. */
import fc from 'fast-check'
import type { Label, MetricFamily } from '../../../../server/metrics/metric-family.ts'

/** Any Unicode, with what the format gives a meaning in good supply. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...['"', '\\', '\n', 'n', '{', '}', ',', '=', ' ', '\t', '\r', '#', 'é', '🚀']),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 10,
})

const metricName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,6}$/)
const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/)
const anyName = anyText.filter((text) => text !== '')

/** -0 is left out: the page shows it as 0. */
const value = fc
  .oneof(fc.double(), fc.constantFrom(0, 1, -1, Infinity, -Infinity, NaN, 1e6, 1e-5))
  .map((number) => number + 0)
const count = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 53, 1e19))
const bound = fc.double({ noNaN: true }).map((number) => number + 0)

function labelsWithout(special: string, names: fc.Arbitrary<string>): fc.Arbitrary<Label[]> {
  return fc
    .uniqueArray(fc.record({ name: names, value: anyText }), {
      maxLength: 3,
      selector: ({ name }) => name,
    })
    .filter((labels) => labels.every(({ name }) => name !== special && name !== '__name__'))
}

/** Families of all types, each with its metrics' label sets all different. */
export function anyFamily({ utf8Names }: { utf8Names: boolean }): fc.Arbitrary<MetricFamily> {
  const names = utf8Names ? fc.oneof(metricName, anyName) : metricName
  const labelNames = utf8Names ? fc.oneof(labelName, anyName) : labelName
  // What a parser drops cannot come back: blanks before a HELP, an empty one.
  const help = fc
    .option(
      anyText.map((text) => text.replace(/^[ \t]+/, '')),
      { nil: undefined },
    )
    .map((text) => (text === '' ? undefined : text))
  const distinct = <Metric extends { labels: Label[] }>(metric: fc.Arbitrary<Metric>) =>
    fc.uniqueArray(metric, {
      minLength: 1,
      maxLength: 4,
      selector: ({ labels }) =>
        JSON.stringify(labels.map((label) => [label.name, label.value]).sort()),
    })
  return fc.oneof(
    fc.record({
      name: names,
      help,
      type: fc.constantFrom('counter' as const, 'gauge' as const, 'untyped' as const),
      metrics: distinct(fc.record({ labels: labelsWithout('', labelNames), value })),
    }),
    fc.record({
      name: names,
      help,
      type: fc.constant('summary' as const),
      metrics: distinct(
        fc.record({
          labels: labelsWithout('quantile', labelNames),
          quantiles: fc.array(fc.record({ quantile: bound, value }), { maxLength: 3 }),
          sum: value,
          count,
        }),
      ),
    }),
    fc.record({
      name: names,
      help,
      type: fc.constant('histogram' as const),
      metrics: distinct(
        fc.record({
          labels: labelsWithout('le', labelNames),
          buckets: fc.array(fc.record({ upperBound: bound, cumulativeCount: count }), {
            maxLength: 3,
          }),
          sum: value,
          count,
        }),
      ),
    }),
  )
}

export const often = <T>(usual: readonly T[], rare: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...rare) },
  )

export const blank = often([''], [' ', '\t', ' \t '])
export const gap = often([' '], ['', '\t', '  '])
const someName = often(
  ['m', 'h', 'h_sum', 'h_count', 'h_bucket'],
  [
    '_',
    'h_sum_count',
    '_count',
    '"m"',
    '"a.b"',
    '"a.b_sum"',
    '"h_count"',
    '""',
    'é',
    '1m',
    '"a\\nb"',
  ],
)
const someLabelName = often(
  ['a', 'b', 'le', 'quantile'],
  ['"a"', '"b.c"', '"le"', '__name__', '""', '1a', 'é', ''],
)
const someLabelValue = often(
  ['', 'x', '0.5', '1', '+Inf'],
  ['NaN', '1e6', 'x\\"y', 'x\\\\y', 'x\\ny', 'x\\ty', 'é🚀', '}', ',', '#', '\u0000', '\\', '"'],
)
export const someValue = often(
  ['1', '2', '2.5', '1e6'],
  [
    'NaN',
    '-1',
    '+Inf',
    '.5',
    '5.',
    '1e400',
    '1e-400',
    '+nan',
    '0x1',
    '1_0',
    '',
    '1e19',
    '1e20',
    '-0.5',
  ],
)
const someTail = often(
  [''],
  [' 5', ' -5', '\t+7', ' ', ' 2.5', ' 5 6', ' 9223372036854775808', ' x'],
)
const someType = often(
  ['counter', 'gauge', 'untyped', 'summary', 'histogram', 'histogram'],
  ['SUMMARY', 'unknown', '', 'gauge ', 'gauge counter'],
)
export const someHelp = often(
  ['text', ''],
  ['a\\nb', 'a\\\\b', 'a\\"b', 'a\\tb', '"', 'x\r', ' x ', 'é\\'],
)

const label = fc
  .tuple(blank, someLabelName, blank, blank, someLabelValue, blank)
  .map(([a, name, b, c, text, d]) => `${a}${name}${b}=${c}"${text}"${d}`)
export const labels = fc
  .tuple(fc.array(label, { maxLength: 3 }), often([''], [',', ' ', ', ', ',,']))
  .map(([all, end]) => all.join(',') + end)

const sample = fc
  .tuple(blank, someName, blank, fc.option(labels), gap, someValue, someTail)
  .map(([a, name, b, inside, c, number, tail]) => {
    const braces = inside === null ? '' : `{${inside}}`
    return `${a}${name}${b}${braces}${c}${number}${tail}`
  })
const bracedSample = fc
  .tuple(blank, blank, someName, blank, fc.option(labels), gap, someValue, someTail)
  .map(([a, b, name, c, inside, d, number, tail]) => {
    const rest = inside === null ? '' : `,${inside}`
    return `${a}{${b}${name}${c}${rest}}${d}${number}${tail}`
  })
const typeLine = fc
  .tuple(blank, blank, gap, someName, gap, someType)
  .map(([a, b, c, name, d, type]) => `${a}#${b}TYPE${c}${name}${d}${type}`)
const helpLine = fc
  .tuple(blank, blank, gap, someName, gap, someHelp)
  .map(([a, b, c, name, d, text]) => `${a}#${b}HELP${c}${name}${d}${text}`)
const otherLine = fc.constantFrom('', ' ', '#', '# x', '# TYPE', '# HELP m', '# TYPE m ', '# EOF')

const line = fc.oneof(
  { weight: 5, arbitrary: sample },
  { weight: 1, arbitrary: bracedSample },
  { weight: 3, arbitrary: typeLine },
  { weight: 1, arbitrary: helpLine },
  { weight: 1, arbitrary: otherLine },
)

/** Bodies of which about a third can be read. */
export const anyBody = fc
  .tuple(fc.array(line, { maxLength: 6 }), often(['\n'], ['', ' ', '\n \t', '\r\n']))
  .map(([lines, end]) => lines.join('\n') + end)

export interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

/** A few small changes, their places given as parts of the length. */
export const anyEdits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat({ max: 3 }),
    insert: fc.constantFrom(
      ...['', '', '"', '\\', '\n', ' ', '{', '}', ',', '=', '#', '1', 'e', '_', 'TYPE ', '\r'],
    ),
  }),
  { minLength: 1, maxLength: 3 },
)

export function edited(text: string, edits: readonly Edit[]): string {
  const characters = [...text]
  for (const { at, remove, insert } of edits) {
    characters.splice(Math.floor(at * characters.length), remove, insert)
  }
  return characters.join('')
}
