import { describe, expect, test } from '@jest/globals'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseText } from '../../../../server/exposition/text/parse.ts'
import { renderFamily } from '../../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { ACCEPTED, REFUSED } from './cases.ts'

const STRICT = { utf8Names: false, lenientNewlines: false }
const LENIENT = { utf8Names: false, lenientNewlines: true }
const UTF8 = { utf8Names: true, lenientNewlines: false }

function parse(body: string | Buffer, options = STRICT): MetricFamily[] {
  return parseText(Buffer.from(body), options)
}

function canonical(body: string | Buffer, options = STRICT): string {
  return parse(body, options).map(renderFamily).join('')
}

function failureOf(body: string | Buffer, options = STRICT): InvalidExposition {
  try {
    parse(body, options)
  } catch (error) {
    if (error instanceof InvalidExposition) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(body.toString())}`)
}

describe('the text format accepts', () => {
  test.each(ACCEPTED.map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, canonical: expected, utf8Names = false }) => {
      expect(canonical(body, { ...STRICT, utf8Names })).toBe(expected)
    },
  )
})

describe('the text format refuses', () => {
  test.each(REFUSED.map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, line, says, utf8Names = false }) => {
      const failure = failureOf(body, { ...STRICT, utf8Names })
      expect(failure.line).toBe(line)
      expect(failure.message).toContain(`text format parsing error in line ${line}: `)
      expect(failure.message).toContain(says)
      expect(failure.code).toBe('invalid_exposition')
    },
  )
})

test.each(['gaugehistogram', 'GAUGE_HISTOGRAM'])(
  'the type %s is accepted, its samples being those of a histogram',
  (type) => {
    const [family, ...others] = parse(
      `# TYPE h ${type}\nh_bucket{le="1"} 1\nh_sum 3\nh_count 2\nh_gsum 4\n`,
    )
    expect(family).toMatchObject({
      name: 'h',
      metrics: [{ buckets: [{ upperBound: 1, cumulativeCount: 1 }], sum: 3, count: 2 }],
    })
    expect(others.map(({ name, type }) => [name, type])).toEqual([['h_gsum', 'untyped']])
  },
)

test('a whole family is held with its name, type, HELP, labels and values', () => {
  expect(parse('# HELP m x\n# TYPE m counter\nm{a="1",b=""} 2.5\nm +Inf\n')).toEqual([
    {
      name: 'm',
      type: 'counter',
      help: 'x',
      metrics: [
        {
          labels: [
            { name: 'a', value: '1' },
            { name: 'b', value: '' },
          ],
          value: 2.5,
        },
        { labels: [], value: Infinity },
      ],
    },
  ])
})

test('a family without HELP has none', () => {
  expect(parse('m 1\n')).toEqual([
    { name: 'm', type: 'untyped', help: undefined, metrics: [{ labels: [], value: 1 }] },
  ])
})

describe('a metric with a timestamp is marked, whatever part of it carries the timestamp', () => {
  test.each<[what: string, body: string]>([
    ['a counter', '# TYPE m counter\nm 1 1700000000000\n'],
    ['timestamp 0', 'm 1 0\n'],
    ['a quantile', '# TYPE m summary\nm{quantile="0.5"} 1 5\nm_sum 1\nm_count 1\n'],
    ['a sum', '# TYPE m histogram\nm_bucket{le="1"} 1\nm_sum 1 5\nm_count 1\n'],
  ])('%s', (_, body) => {
    const [family] = parse(body)
    expect(family?.metrics.map(({ hasTimestamp }) => hasTimestamp)).toEqual([true])
  })

  test('and others are not', () => {
    const metrics = parse('m{a="1"} 1\nm{a="2"} 1 5\nm{a="3"} 1\n')[0]?.metrics
    expect(metrics?.map(({ hasTimestamp = false }) => hasTimestamp)).toEqual([false, true, false])
  })
})

test('bytes of HELP that are not UTF-8 are replaced', () => {
  const body = Buffer.from('# HELP m a\xffb\nm{a="\xc3\xa9"} 1\n', 'latin1')
  expect(canonical(body)).toBe('# HELP m a\ufffdb\n# TYPE m untyped\nm{a="é"} 1\n')
})

test('metrics of a histogram are kept apart by their labels, whatever characters these hold', () => {
  const body = [
    '# TYPE h histogram',
    'h_count{a="x\u0000\u0000b\u0000y"} 1',
    'h_count{a="x",b="y"} 2',
    'h_count{a="x\\n",b="y"} 3',
    'h_count{a="x",b="\\ny"} 4',
    '',
  ].join('\n')
  const [family] = parse(body)
  expect(family?.metrics.map((metric) => ('buckets' in metric ? metric.count : NaN))).toEqual([
    1, 2, 3, 4,
  ])
})

test('a name after a comment about it is looked up anew', () => {
  const body = 'h_count 1\n# HELP h_count x\nh_count 2\n# TYPE h histogram\nh_count 3\nh_sum 4\n'
  expect(canonical(body)).toBe(
    '# HELP h_count x\n# TYPE h_count untyped\nh_count 1\nh_count 2\nh_count 3\n' +
      '# TYPE h histogram\nh_sum 4\nh_count 0\n',
  )
})

test('a body of many lines whose names take turns is read whole', () => {
  const lines: string[] = []
  for (let i = 0; i < 20_000; i++) lines.push(`m${i % 100}{a="${i}",b="x"} ${i}`)
  const families = parse(`# TYPE h histogram\n${lines.join('\n')}\n`)
  expect(families).toHaveLength(100)
  expect(families.every(({ metrics }) => metrics.length === 200)).toBe(true)
})

test('a line of very many labels does not stop everything else for seconds', () => {
  const labels = Array.from({ length: 40_000 }, (_, i) => `l${i}="x"`)
  const body = `m{${labels.join(',')}} 1\n`
  const begun = performance.now()
  expect(parse(body)[0]?.metrics[0]?.labels).toHaveLength(40_000)
  expect(performance.now() - begun).toBeLessThan(1_000)
})

describe('with names in UTF-8 allowed', () => {
  test('bare names keep to the characters they have without', () => {
    expect(canonical('m{a="1"} 1\n', UTF8)).toBe('# TYPE m untyped\nm{a="1"} 1\n')
    expect(failureOf('é 1\n', UTF8).line).toBe(1)
  })

  test('a quoted name and the same name without quotes are one family', () => {
    expect(canonical('{"m"} 1\nm{a="1"} 2\n"m"{a="2"} 3\n', UTF8)).toBe(
      '# TYPE m untyped\nm 1\nm{a="1"} 2\nm{a="2"} 3\n',
    )
  })

  test('names that hold each other are told apart', () => {
    expect(parse('{"a.b"} 1\n{"a"} 2\n{"a.b.c"} 3\n', UTF8).map(({ name }) => name)).toEqual([
      'a.b',
      'a',
      'a.b.c',
    ])
  })
})

describe('lenient about line ends', () => {
  test.each<[what: string, body: string, expected: string]>([
    ['CRLF lines are read like LF lines', '# TYPE m gauge\r\nm 1\r\n', '# TYPE m gauge\nm 1\n'],
    [
      'CRLF does not become part of HELP',
      '# HELP m x\r\nm 1\r\n',
      '# HELP m x\n# TYPE m untyped\nm 1\n',
    ],
    ['a last line without line feed is read', 'm 1', '# TYPE m untyped\nm 1\n'],
    ['a last comment without line feed is read', 'm 1\n# x', '# TYPE m untyped\nm 1\n'],
    [
      'lines may end differently',
      'm{a="1"} 1\r\nm{a="2"} 2\nm{a="3"} 3',
      '# TYPE m untyped\nm{a="1"} 1\nm{a="2"} 2\nm{a="3"} 3\n',
    ],
    ['an empty body stays empty', '', ''],
    ['empty lines stay empty', '\r\n\r\n', ''],
    ['blanks for a last line are no line', 'm 1\r\n  ', '# TYPE m untyped\nm 1\n'],
    [
      'a carriage return inside a value stays',
      'm{a="x\ry"} 1\r\n',
      '# TYPE m untyped\nm{a="x\ry"} 1\n',
    ],
    ['UTF-8 comes through', 'm{a="é🚀"} 1\r\n', '# TYPE m untyped\nm{a="é🚀"} 1\n'],
  ])('%s', (_, body, expected) => {
    expect(canonical(body, LENIENT)).toBe(expected)
  })

  test.each<[what: string, body: string, line: number]>([
    ['the line of an error is that of the body', 'm 1\r\nm 2\r\n1m\r\n', 3],
    ['a carriage return alone ends no line', 'm 1\rm 2\r\n', 1],
    ['a value that is not closed is refused', 'm{a="1', 1],
    ['a blank behind a value is refused', 'm 1 \r\n', 1],
  ])('%s', (_, body, line) => {
    expect(failureOf(body, LENIENT).line).toBe(line)
  })

  test('what is accepted strictly means the same', () => {
    for (const { body, canonical: expected, utf8Names = false } of ACCEPTED) {
      if (body.includes('\r\n')) continue
      expect(canonical(body, { utf8Names, lenientNewlines: true })).toBe(expected)
    }
  })

  test('the body is left as it was', () => {
    const body = Buffer.from('m 1\r\nm 2')
    parseText(body, LENIENT)
    expect(body.toString()).toBe('m 1\r\nm 2')
  })
})

test('a count of a summary that is cut down to nothing is zero, not negative zero', () => {
  const [family] = parse('# TYPE s summary\ns_count -0.5\n')
  expect(family?.metrics).toEqual([{ labels: [], quantiles: [], sum: 0, count: 0 }])
})
