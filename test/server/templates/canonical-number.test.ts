import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { formatFloat64, parseFloat64 } from '../../../server/metrics/numbers.ts'
import { respell, shownLength, type ValueKind } from '../../../server/templates/canonical-number.ts'

/** As the parser and the renderer spell it together. */
function plainly(text: string): string | undefined {
  const value = parseFloat64(text)
  return value === undefined ? undefined : value === 0 ? '0' : formatFloat64(value)
}

/** What a page shows of a value that stands between others. */
function spelling(text: string, kind: ValueKind = 'number'): string | undefined {
  const bytes = Buffer.from(`1${text}1`, 'latin1')
  const end = 1 + text.length
  const length = shownLength(bytes, 1, end, kind)
  return length > 0 ? bytes.toString('latin1', 1, 1 + length) : respell(bytes, 1, end, kind)
}

const digits = fc.stringMatching(/^[0-9]{0,17}$/)
const decimal = fc
  .tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits)
  .map((parts) => parts.join(''))
const anyNumber = fc.oneof(
  decimal,
  fc
    .tuple(
      decimal,
      fc.constantFrom('e', 'E'),
      fc.constantFrom('', '-', '+'),
      fc.nat(400).map(String),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^[0-9]{1,13}$/), fc.nat(99))
    .map(
      ([whole, fraction, exponent]) => `${whole}.${fraction}e+${String(exponent).padStart(2, '0')}`,
    ),
  fc.double().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toFixed(3)),
  fc.constantFrom(
    'NaN',
    'nan',
    '+Inf',
    '-inf',
    '',
    ' ',
    '.',
    '-',
    '-0',
    '-0.0',
    '0.0',
    '00',
    '1e6',
    '1.0e+06',
    '0x1',
  ),
)

describe('a value', () => {
  test('is spelled as if it had been read and written again', () => {
    fc.assert(
      fc.property(anyNumber, (text) => {
        expect(spelling(text)).toBe(plainly(text))
      }),
      { numRuns: 20_000 },
    )
  })

  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['12.500', '12.5'],
    ['5.000', '5'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['999999', '999999'],
    ['1000000', '1e+06'],
    ['1.7e+09', '1.7e+09'],
    ['1.70e+09', '1.7e+09'],
    ['1.7e+05', '170000'],
    ['0.1234567890123456', '0.1234567890123456'],
    ['9007199254740993', '9.007199254740992e+15'],
  ])('%s is shown as %s', (text, shown) => {
    expect(spelling(text)).toBe(shown)
  })
})

describe('a count', () => {
  test('is spelled like a value, unless it is none', () => {
    fc.assert(
      fc.property(anyNumber, (text) => {
        const value = parseFloat64(text)
        const shown = spelling(text, 'count')
        if (value === undefined || !(value >= 0)) expect(shown).toBeUndefined()
        else expect(shown).toBe(plainly(text))
      }),
      { numRuns: 5000 },
    )
  })

  test('that is kept as a whole number is spelled where digits are all there is', () => {
    fc.assert(
      fc.property(anyNumber, (text) => {
        const shown = spelling(text, 'whole count')
        const isPlain = /^(0|[1-9][0-9]{0,14})$/.test(text)
        expect(shown).toBe(isPlain ? plainly(text) : undefined)
      }),
      { numRuns: 5000 },
    )
  })
})
