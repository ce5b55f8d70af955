import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseText, type TextParseOptions } from '../../../../server/exposition/text/parse.ts'
import { renderFamily } from '../../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { anyBody, anyEdits, anyFamily, edited } from './arbitraries.ts'
import { ACCEPTED } from './cases.ts'
import { plainParse, type PlainResult } from './plain-parser.ts'

const STRICT = { utf8Names: false, lenientNewlines: false }
const UTF8 = { utf8Names: true, lenientNewlines: false }

/** What parsing ends in; anything but an InvalidExposition is thrown on. */
function outcome(body: Buffer, options: TextParseOptions): PlainResult {
  try {
    return { kind: 'families', families: parseText(body, options) }
  } catch (error) {
    if (error instanceof InvalidExposition) return { kind: 'refused', line: error.line }
    throw error
  }
}

function lineCount(body: Buffer): number {
  return body.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 1)
}

describe('a family that is rendered and parsed again is the same family', () => {
  test.each([
    ['with legacy names', STRICT],
    ['with names in UTF-8', UTF8],
  ])('%s', (_, options) => {
    fc.assert(
      fc.property(anyFamily(options), (family) => {
        const [parsed, ...others] = parseText(Buffer.from(renderFamily(family)), options)
        expect(parsed).toEqual(family)
        expect(others).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('also together with other families', () => {
    const families = fc.uniqueArray(anyFamily({ utf8Names: true }), {
      maxLength: 4,
      selector: ({ name }) => name,
    })
    fc.assert(
      fc.property(families, (all) => {
        fc.pre(all.every(({ name }) => !/_(sum|count|bucket)$/.test(name)))
        expect(parseText(Buffer.from(all.map(renderFamily).join('')), UTF8)).toEqual(all)
      }),
      { numRuns: 200 },
    )
  })
})

test('rendering is canonical: what is parsed from it renders to the same bytes', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      const result = outcome(Buffer.from(body), UTF8)
      fc.pre(result.kind === 'families')
      for (const family of result.families) {
        const text = renderFamily(family)
        const again = parseText(Buffer.from(text), UTF8)
        // A family named like a part of another has no business of its own, but keeps its text.
        expect(again.map(renderFamily).join('')).toBe(text)
      }
    }),
    { numRuns: 500 },
  )
})

describe('the plain parser comes to the same result', () => {
  const agree = (body: string, options: TextParseOptions): void => {
    expect(outcome(Buffer.from(body), options)).toEqual(plainParse(body, options.utf8Names))
  }

  test.each([
    ['on random bodies', STRICT, 2000],
    ['on random bodies with names in UTF-8', UTF8, 2000],
  ])('%s', (_, options, numRuns) => {
    fc.assert(
      fc.property(anyBody, (body) => agree(body, options)),
      { numRuns },
    )
  })

  test('on random bodies with small changes', () => {
    fc.assert(
      fc.property(anyBody, anyEdits, (body, edits) => agree(edited(body, edits), UTF8)),
      { numRuns: 1500 },
    )
  })

  test('on rendered families with small changes', () => {
    fc.assert(
      fc.property(anyFamily(UTF8), anyEdits, (family, edits) =>
        agree(edited(renderFamily(family), edits), UTF8),
      ),
      { numRuns: 1500 },
    )
  })

  test('and the random bodies are worth it: many are accepted, many are refused', () => {
    const kinds = fc.sample(anyBody, 1000).map((body) => plainParse(body, true).kind)
    const accepted = kinds.filter((kind) => kind === 'families').length
    expect(accepted).toBeGreaterThan(150)
    expect(accepted).toBeLessThan(850)
  })
})

describe('parsing ends in families or in an error that names a line of the body', () => {
  const check = (body: Buffer, options: TextParseOptions): void => {
    const result = outcome(body, options)
    if (result.kind === 'families') return
    expect(result.line).toBeGreaterThanOrEqual(1)
    expect(result.line).toBeLessThanOrEqual(lineCount(body))
  }
  const anyOptions = fc.record({ utf8Names: fc.boolean(), lenientNewlines: fc.boolean() })

  test('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), anyOptions, (bytes, options) =>
        check(Buffer.from(bytes), options),
      ),
      { numRuns: 1500 },
    )
  })

  test('for any bytes of those that the format gives a meaning', () => {
    const bytes = fc.array(fc.constantFrom(...Buffer.from('m_"\\{},=# \t\n1.eTYPE\r\xc3')), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(bytes, anyOptions, (body, options) => check(Buffer.from(body), options)),
      { numRuns: 1500 },
    )
  })

  test('for good bodies with bytes changed, dropped, doubled and cut off', () => {
    const good = fc.constantFrom(...ACCEPTED.map(({ body }) => Buffer.from(body)))
    const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
    const change = fc.tuple(fc.constantFrom('set', 'drop', 'double', 'cut'), place, fc.nat(255))
    fc.assert(
      fc.property(good, fc.array(change, { maxLength: 4 }), anyOptions, (body, all, options) => {
        let bytes: Buffer = Buffer.from(body.subarray(0, 400))
        for (const [kind, part, byte] of all) {
          const at = Math.floor(part * bytes.length)
          const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)]
          if (kind === 'set') bytes = Buffer.concat([before, Buffer.from([byte]), after])
          else if (kind === 'drop') bytes = Buffer.concat([before, after])
          else if (kind === 'double')
            bytes = Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)])
          else bytes = before
        }
        check(bytes, options)
      }),
      { numRuns: 1500 },
    )
  })
})

test('an error is reported for the line that is wrong, wherever it stands', () => {
  const bad = fc.constantFrom(
    ...['!', '1m 1', 'm', 'm x', 'm{a="1" 1', 'm{a="1', 'm 1 2 3', '# TYPE m none', 'm{a="\\t"} 1'],
  )
  const family = anyFamily({ utf8Names: false }).filter(({ name }) => name !== 'm')
  fc.assert(
    fc.property(family, bad, fc.nat(), (good: MetricFamily, line, where) => {
      const lines = renderFamily(good).split('\n')
      const at = where % lines.length
      lines.splice(at, 0, line)
      expect(outcome(Buffer.from(lines.join('\n')), STRICT)).toEqual({
        kind: 'refused',
        line: at + 1,
      })
    }),
    { numRuns: 300 },
  )
})

test('a body means the same whether its lines end in LF or, leniently, in CRLF', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      fc.pre(!body.includes('\r'))
      const crlf = Buffer.from(body.replaceAll('\n', '\r\n'))
      const lenient = { ...UTF8, lenientNewlines: true }
      expect(outcome(crlf, lenient)).toEqual(outcome(Buffer.from(body), lenient))
    }),
    { numRuns: 500 },
  )
})
