import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseOpenMetrics } from '../../../../server/exposition/openmetrics/parse.ts'
import { parseText } from '../../../../server/exposition/text/parse.ts'
import { renderFamily } from '../../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { anyBody, anyEdits, edited } from '../text/arbitraries.ts'
import { anyOpenMetricsBody } from './arbitrary-bodies.ts'
import { anyRichFamily, wellFormedFamilies } from './arbitrary-families.ts'
import { renderPage } from './page.ts'
import { plainParse, type PlainResult } from './plain-parser.ts'

const LEGACY = { utf8Names: false, strict: false }
const UTF8 = { utf8Names: true, strict: false }

/** What parsing ends in; anything but an InvalidExposition is thrown on. */
function outcome(body: Buffer, options: typeof UTF8): PlainResult {
  try {
    return { kind: 'families', ...parseOpenMetrics(body, options) }
  } catch (error) {
    if (error instanceof InvalidExposition) return { kind: 'refused', line: error.line }
    throw error
  }
}

/** What a page in OpenMetrics does not say of a family: see the rules in naming.ts. */
function asShown(family: MetricFamily): MetricFamily {
  if (family.type === 'gaugehistogram') {
    const metrics = family.metrics.map(({ created: _, ...metric }) => metric)
    return { ...family, type: 'histogram', metrics }
  }
  return family
}

describe('a family that is rendered and parsed again is the same family', () => {
  test.each([
    ['with legacy names', LEGACY],
    ['with names in UTF-8', UTF8],
  ])('%s', (_, options) => {
    fc.assert(
      fc.property(anyRichFamily(options), (family) => {
        fc.pre(family.name !== '_total')
        const { families, hasEof } = parseOpenMetrics(Buffer.from(renderPage([family])), options)
        expect(families).toEqual([asShown(family)])
        expect(hasEof).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('also together with other families, when no names collide', () => {
    fc.assert(
      fc.property(wellFormedFamilies, (families) => {
        const seen = parseOpenMetrics(Buffer.from(renderPage(families)), LEGACY).families
        expect(seen.map(renderFamily)).toEqual(families.map(asDeclared).map(renderFamily))
      }),
      { numRuns: 300 },
    )
  })
})

/** With the type and HELP that come back. */
function asDeclared(family: MetricFamily): MetricFamily {
  const help = family.help?.replace(/^[ \t]+/, '')
  const shown = { ...asShown(family), help: help === '' ? undefined : help }
  return shown.type === 'counter' && !shown.name.endsWith('_total')
    ? { ...shown, type: 'untyped' }
    : shown
}

test('strict reading has nothing against a page of well-formed families', () => {
  fc.assert(
    fc.property(wellFormedFamilies, (families) => {
      const page = Buffer.from(renderPage(families))
      expect(parseOpenMetrics(page, { utf8Names: false, strict: true })).toEqual(
        parseOpenMetrics(page, LEGACY),
      )
    }),
    { numRuns: 500 },
  )
})

describe('the plain parser comes to the same result', () => {
  const agree = (body: string, options: typeof UTF8): void => {
    expect(outcome(Buffer.from(body), options)).toEqual(plainParse(body, options.utf8Names))
  }

  test.each([
    ['on random bodies', anyOpenMetricsBody, LEGACY],
    ['on random bodies with names in UTF-8', anyOpenMetricsBody, UTF8],
    ['on random bodies of text', anyBody, UTF8],
  ])('%s', (_, bodies, options) => {
    fc.assert(
      fc.property(bodies, (body) => agree(body, options)),
      { numRuns: 1500 },
    )
  })

  test('on random bodies with small changes', () => {
    fc.assert(
      fc.property(anyOpenMetricsBody, anyEdits, (body, edits) => agree(edited(body, edits), UTF8)),
      { numRuns: 500 },
    )
  })

  test('on rendered families with small changes', () => {
    fc.assert(
      fc.property(anyRichFamily(UTF8), anyEdits, (family, edits) =>
        agree(edited(renderPage([family]), edits), UTF8),
      ),
      { numRuns: 1500 },
    )
  })

  test('and the random bodies are worth it: many are accepted, many have exemplars or are refused', () => {
    const results = fc.sample(anyOpenMetricsBody, 1000).map((body) => plainParse(body, true))
    const accepted = results.filter(({ kind }) => kind === 'families')
    expect(accepted.length).toBeGreaterThan(150)
    expect(accepted.length).toBeLessThan(850)
    const shown = JSON.stringify(accepted)
    expect(shown.split('"exemplar":').length).toBeGreaterThan(10)
    expect(shown.split('"created":').length).toBeGreaterThan(5)
  })
})

describe('what is text is accepted as OpenMetrics', () => {
  // By this suffix OpenMetrics knows the count of a gauge histogram, which may not be below 0; text does not.
  const isText = (body: string): boolean => !/gcount|gsum/.test(body)

  test.each([
    ['of any kind', anyBody],
    ['of a kind that OpenMetrics has words for', anyOpenMetricsBody],
  ])('%s', (_, bodies) => {
    fc.assert(
      fc.property(bodies.filter(isText), fc.boolean(), (body, utf8Names) => {
        try {
          parseText(Buffer.from(body), { utf8Names, lenientNewlines: false })
        } catch {
          return
        }
        expect(outcome(Buffer.from(body), { utf8Names, strict: false }).kind).toBe('families')
      }),
      { numRuns: 1500 },
    )
  })

  test('and means the same, where its metadata stands first and names no part of a family', () => {
    fc.assert(
      fc.property(anyRichFamily(UTF8), (family) => {
        const body = Buffer.from(renderFamily(family))
        const asText = parseText(body, { utf8Names: true, lenientNewlines: false })
        expect(parseOpenMetrics(body, UTF8)).toEqual({ families: asText, hasEof: false })
      }),
      { numRuns: 500 },
    )
  })
})

describe('parsing, strict or not, ends in families or in an error that names a line of the body', () => {
  const check = (body: Buffer, options: typeof UTF8): void => {
    const result = outcome(body, options)
    if (result.kind === 'families') return
    expect(result.line).toBeGreaterThanOrEqual(1)
    expect(result.line).toBeLessThanOrEqual(body.toString('latin1').split('\n').length)
  }
  const anyOptions = fc.record({ utf8Names: fc.boolean(), strict: fc.boolean() })

  test('for any bytes of those that the format gives a meaning', () => {
    const bytes = fc.array(fc.constantFrom(...Buffer.from('c_"\\{},=# \t\n1.eTYPE\r\xc3')), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(bytes, anyOptions, (body, options) => check(Buffer.from(body), options)),
      { numRuns: 800 },
    )
  })

  test('for random bodies with small changes', () => {
    fc.assert(
      fc.property(anyOpenMetricsBody, anyEdits, anyOptions, (body, edits, options) =>
        check(Buffer.from(edited(body, edits)), options),
      ),
      { numRuns: 1500 },
    )
  })

  test('and what strict reading accepts means what it means leniently', () => {
    fc.assert(
      fc.property(anyOpenMetricsBody, (body) => {
        const strict = outcome(Buffer.from(body), { utf8Names: true, strict: true })
        if (strict.kind === 'refused') return
        expect(strict).toEqual(outcome(Buffer.from(body), UTF8))
        expect(strict.hasEof).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })
})
