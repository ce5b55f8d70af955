import { describe, expect, test } from '@jest/globals'
import { InvalidExposition, SluiceError } from '../../../../server/errors.ts'
import {
  parseOpenMetrics,
  type OpenMetricsParseOptions,
} from '../../../../server/exposition/openmetrics/parse.ts'
import { parseText } from '../../../../server/exposition/text/parse.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import * as text from '../text/cases.ts'
import { ACCEPTED } from './accepted-cases.ts'
import { REFUSED } from './refused-cases.ts'
import { show } from './show.ts'

const LENIENT: OpenMetricsParseOptions = { utf8Names: false, strict: false }

function parse(
  body: string | Buffer,
  options: Partial<OpenMetricsParseOptions> = {},
): MetricFamily[] {
  return parseOpenMetrics(Buffer.from(body), { ...LENIENT, ...options }).families
}

function failureOf(
  body: string | Buffer,
  options: Partial<OpenMetricsParseOptions> = {},
): InvalidExposition {
  try {
    parse(body, options)
  } catch (error) {
    if (error instanceof InvalidExposition) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(body.toString())}`)
}

describe('OpenMetrics accepts', () => {
  test.each(ACCEPTED.map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, shows, utf8Names = false }) => {
      expect(show(parse(body, { utf8Names }))).toBe(shows)
      expect(show(parse(`${body}# EOF\n`, { utf8Names }))).toBe(shows)
    },
  )
})

describe('OpenMetrics refuses', () => {
  test.each(REFUSED.map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, line, says, utf8Names = false }) => {
      const failure = failureOf(body, { utf8Names })
      expect(failure.line).toBe(line)
      expect(failure.message).toContain(`OpenMetrics parsing error in line ${line}: `)
      expect(failure.message).toContain(says)
      expect(failure.code).toBe('invalid_exposition')
    },
  )
})

describe('what the text format accepts is accepted as OpenMetrics, and means the same', () => {
  const options = { utf8Names: true, lenientNewlines: false }
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)

  test.each(text.ACCEPTED.map((row) => [row.what, row] as const))(
    '%s',
    (what, { body, utf8Names = false }) => {
      const asText = parseText(Buffer.from(body), options)
      // To OpenMetrics `h_sum` is another family than `h`, whatever that is.
      const lost = what === 'HELP of a part, which is HELP of its histogram' ? ['h'] : []
      const expected = asText.map((family) =>
        lost.includes(family.name) ? { ...family, help: undefined } : family,
      )
      const withoutUnits = parse(body, { utf8Names }).map((family) => ({
        ...family,
        unit: undefined,
      }))
      expect(withoutUnits.sort(byName)).toEqual(expected.sort(byName))
    },
  )
})

describe('what the text format refuses is refused as OpenMetrics', () => {
  /** What OpenMetrics has words for, and what it does not hold against the names of parts. */
  const allowed = [
    /expected integer as timestamp/,
    /^unknown metric type "(unknown|info|stateset)"/,
  ]
  const rows = text.REFUSED.map((row) => {
    const { body, utf8Names = false } = row
    return [row.what, row, { body, utf8Names }] as const
  })

  test.each(rows.filter(([, { says }]) => !allowed.some((pattern) => pattern.test(says))))(
    '%s',
    (what, { line }, { body, utf8Names }) => {
      if (what === 'TYPE of a part of a histogram') return expect(parse(body)).toEqual([])
      expect(failureOf(body, { utf8Names }).line).toBe(line)
    },
  )
})

test('a whole histogram is held with unit, HELP, buckets, exemplars and created', () => {
  const body = [
    '# TYPE h_seconds histogram',
    '# UNIT h_seconds seconds',
    '# HELP h_seconds Says \\"much\\".',
    'h_seconds_bucket{le="0.5",a="1"} 1 # {trace_id="x"} 0.25 1600000000.25',
    'h_seconds_bucket{le="+Inf",a="1"} 2',
    'h_seconds_sum{a="1"} 3.5',
    'h_seconds_count{a="1"} 2',
    'h_seconds_created{a="1"} 1600000000.5',
    '# EOF\n',
  ].join('\n')
  expect(parse(body)).toEqual([
    {
      name: 'h_seconds',
      type: 'histogram',
      help: 'Says "much".',
      unit: 'seconds',
      metrics: [
        {
          labels: [{ name: 'a', value: '1' }],
          buckets: [
            {
              upperBound: 0.5,
              cumulativeCount: 1,
              exemplar: {
                labels: [{ name: 'trace_id', value: 'x' }],
                value: 0.25,
                timestamp: { seconds: 1_600_000_000, nanos: 250_000_000 },
              },
            },
            { upperBound: Infinity, cumulativeCount: 2 },
          ],
          sum: 3.5,
          count: 2,
          created: { seconds: 1_600_000_000, nanos: 500_000_000 },
        },
      ],
    },
  ])
})

test('a family without HELP and unit has neither', () => {
  expect(parse('x 1\n')).toEqual([
    { name: 'x', type: 'untyped', help: undefined, metrics: [{ labels: [], value: 1 }] },
  ])
})

test('metrics and families whose lines take turns are put together', () => {
  const body = [
    '# TYPE h histogram',
    '# TYPE c counter',
    'h_count{a="1"} 1',
    'c_total{a="1"} 2',
    'h_count{a="2"} 3',
    'c_created{a="1"} 4',
    'h_bucket{a="1",le="1"} 5',
    '# HELP h late',
    'h_created{a="2"} 6',
    'c_total{a="2"} 7\n',
  ].join('\n')
  expect(show(parse(body))).toBe(
    '# HELP h late\n# TYPE h histogram\nh_bucket{a="1",le="1"} 5\nh_sum{a="1"} 0\nh_count{a="1"} 1\n' +
      'h_sum{a="2"} 0\nh_count{a="2"} 3\n# created 6s + 0ns\n' +
      '# TYPE c_total counter\nc_total{a="1"} 2\n# created 4s + 0ns\nc_total{a="2"} 7\n',
  )
})

describe('the end mark', () => {
  test.each<[what: string, body: string, hasEof: boolean]>([
    ['is seen at the end', 'x 1\n# EOF\n', true],
    ['is seen with blank lines and blanks behind it', 'x 1\n# EOF\n\n \t\n ', true],
    ['is seen however the comment is spaced', 'x 1\n #\tEOF\n', true],
    ['is seen without anything before it', '# EOF\n', true],
    ['is missed in an empty body', '', false],
    ['is missed behind the last sample', 'x 1\n', false],
    ['is missed when samples follow it', '# EOF\nx 1\n', false],
    ['is missed when metadata follows it', '# EOF\n# TYPE x gauge\n', false],
    ['is missed when a comment follows it', '# EOF\n# bye\n', false],
    ['is none with a word behind it', 'x 1\n# EOF really\n', false],
    ['is none with a blank behind it', 'x 1\n# EOF \n', false],
    ['is none with a carriage return behind it', 'x 1\n# EOF\r\n', false],
    ['is none in lower case', 'x 1\n# eof\n', false],
  ])('%s', (_, body, hasEof) => {
    expect(parseOpenMetrics(Buffer.from(body), LENIENT).hasEof).toBe(hasEof)
  })

  test('does not end the reading', () => {
    expect(parse('x 1\n# EOF\ny 2\n').map(({ name }) => name)).toEqual(['x', 'y'])
  })
})

describe('a limit of samples', () => {
  const body = '# TYPE c counter\nc_total 1\nc_created 2\n# TYPE s stateset\ns{s="a"} 1\n'

  test('counts every sample line, created ones too', () => {
    expect(parse(body, { samplesMax: 3 })).toHaveLength(2)
    let failure: unknown
    try {
      parse(body, { samplesMax: 2 })
    } catch (error) {
      failure = error
    }
    expect(failure).toBeInstanceOf(SluiceError)
    expect(failure).toMatchObject({ code: 'body_too_large' })
  })
})

test('a body of many created lines is put together without looking through all for each', () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, i) => `c_total{a="${i}"} 1\nc_created{a="${i}"} ${i}`,
  )
  const begun = performance.now()
  const [family] = parse(`# TYPE c counter\n${lines.join('\n')}\n`)
  expect(family?.metrics.map(({ created }) => created?.seconds)).toEqual(lines.map((_, i) => i))
  expect(performance.now() - begun).toBeLessThan(3_000)
})

test('a UNIT line of many megabytes says nothing of a unit, and does no harm', () => {
  const name = '\\n'.repeat(4_000_000)
  expect(show(parse(`# UNIT "${name}" s\nx 1\n`))).toBe('# TYPE x untyped\nx 1\n')
})
