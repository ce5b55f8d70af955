import { describe, expect, test } from '@jest/globals'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseOpenMetrics } from '../../../../server/exposition/openmetrics/parse.ts'
import { ALLOWED } from './allowed-cases.ts'
import { FORBIDDEN_LINES } from './forbidden-lines.ts'
import { FORBIDDEN_VALUES } from './forbidden-values.ts'
import { REFUSED } from './refused-cases.ts'

function parse(body: string | Buffer, strict: boolean): unknown {
  return parseOpenMetrics(Buffer.from(body), { utf8Names: false, strict })
}

function failureOf(body: string | Buffer): InvalidExposition {
  try {
    parse(body, true)
  } catch (error) {
    if (error instanceof InvalidExposition) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(body.toString())}`)
}

describe('OpenMetrics 1.0 allows, and strict reading gives what lenient reading does', () => {
  test.each(ALLOWED.map(({ what, body }) => [what, body]))('%s', (_, body) => {
    expect(parse(body, true)).toEqual(parse(body, false))
  })
})

describe('OpenMetrics 1.0 forbids, and only lenient reading accepts', () => {
  test.each([...FORBIDDEN_LINES, ...FORBIDDEN_VALUES].map((row) => [row.what, row] as const))(
    '%s',
    (_, { body, line, says }) => {
      parse(body, false)
      const failure = failureOf(body)
      expect(failure.line).toBe(line)
      expect(failure.message).toContain(`OpenMetrics parsing error in line ${line}: `)
      expect(failure.message).toContain(says)
      expect(failure.code).toBe('invalid_exposition')
    },
  )

  test('bytes of HELP that are not UTF-8, wherever they stand', () => {
    const body = Buffer.from('# HELP x \xc3\xa9\n# HELP y \xff\n# EOF\n', 'latin1')
    parse(body, false)
    expect(failureOf(body)).toMatchObject({ line: 2 })
    expect(failureOf(body).message).toContain('the line is not valid UTF-8')
  })
})

test('what lenient reading refuses, strict reading refuses in the same words', () => {
  for (const { body, line, says, utf8Names = false } of REFUSED) {
    if (utf8Names) continue
    expect(failureOf(body)).toMatchObject({ line })
    expect(failureOf(body).message).toContain(says)
  }
})

test('names in UTF-8, which came later than the standard, are read strictly too', () => {
  const body =
    '# TYPE "a.b" counter\n{"a.b_total","c.d"="1"} 1\n{"a.b_created","c.d"="1"} 5\n# EOF\n'
  const options = { utf8Names: true, strict: true }
  const { families } = parseOpenMetrics(Buffer.from(body), options)
  expect(families).toMatchObject([
    { name: 'a.b_total', metrics: [{ value: 1, created: { seconds: 5 } }] },
  ])
  const twice = body.replace('# EOF', '{"a.b_total","c.d"="1"} 2\n# EOF')
  expect(() => parseOpenMetrics(Buffer.from(twice), options)).toThrow('given twice')
})

test('a line of many megabytes is read strictly too, and is not repeated in an error', () => {
  const failure = failureOf(`x{a="${'v'.repeat(10_000_000)}"} \t1\n# EOF\n`)
  expect(failure.message).toContain('is no sample')
  expect(failure.message.length).toBeLessThan(500)
})
