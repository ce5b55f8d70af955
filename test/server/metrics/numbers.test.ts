import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { formatCount, formatFloat64, parseFloat64 } from '../../../server/metrics/numbers.ts'

const anyDouble = fc.double({ noNaN: true })
const finiteDouble = fc.double({ noNaN: true, noDefaultInfinity: true })

describe('formatFloat64 writes numbers as Go writes them with %g', () => {
  test.each<[what: string, value: number, text: string]>([
    ['zero', 0, '0'],
    ['negative zero', -0, '-0'],
    ['one', 1, '1'],
    ['a negative number', -7.25, '-7.25'],
    ['not a number', NaN, 'NaN'],
    ['positive infinity', Infinity, '+Inf'],
    ['negative infinity', -Infinity, '-Inf'],
    ['the last integer without an exponent', 999_999, '999999'],
    ['one hundred thousand', 100_000, '100000'],
    ['the first integer with an exponent', 1_000_000, '1e+06'],
    ['its negative', -1_000_000, '-1e+06'],
    ['the largest double below a million', 999_999.9999999999, '999999.9999999999'],
    ['a large integer with many digits', 123_456_789, '1.23456789e+08'],
    ['a million and one', 1_000_001, '1.000001e+06'],
    ['the least number without an exponent', 0.0001, '0.0001'],
    ['the next number below it', 0.00009999999999999999, '9.999999999999999e-05'],
    ['a small number', 0.00001, '1e-05'],
    ['a small negative number with digits', -0.0000125, '-1.25e-05'],
    ['an exponent of two digits', 1e21, '1e+21'],
    ['an exponent of three digits', 1e100, '1e+100'],
    ['a negative exponent of two digits', 1.5e-10, '1.5e-10'],
    ['a negative exponent of three digits', 2.5e-100, '2.5e-100'],
    ['the least subnormal number', 5e-324, '5e-324'],
    ['the least normal number', 2.2250738585072014e-308, '2.2250738585072014e-308'],
    ['the largest number', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['a sum that shows rounding', 0.1 + 0.2, '0.30000000000000004'],
    ['2^53', 2 ** 53, '9.007199254740992e+15'],
    ['2^64', 2 ** 64, '1.8446744073709552e+19'],
    ['a Unix time in seconds', 1_700_000_000.125, '1.700000000125e+09'],
  ])('%s', (_, value, text) => {
    expect(formatFloat64(value)).toBe(text)
  })

  test('every double reads back as itself', () => {
    fc.assert(
      fc.property(finiteDouble, (value) => {
        expect(Object.is(Number(formatFloat64(value)), value)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('the exponent alone decides the form, and the digits are the shortest', () => {
    const around = fc
      .tuple(
        fc.double({ min: 1, max: 10, noNaN: true, maxExcluded: true }),
        fc.integer({ min: -8, max: 9 }),
      )
      .map(([mantissa, exponent]) => Number(`${mantissa}e${exponent}`))
    fc.assert(
      fc.property(fc.oneof(finiteDouble, around), (value) => {
        fc.pre(value !== 0)
        const [digits = '', exponent = ''] = value.toExponential().split('e')
        const power = Number(exponent)
        const text = formatFloat64(value)
        if (power >= -4 && power < 6) {
          expect(text).toMatch(/^-?\d+(\.\d*[1-9])?$/)
          expect(Number(text).toExponential()).toBe(value.toExponential())
        } else {
          const sign = power < 0 ? '-' : '+'
          expect(text).toBe(`${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('parseFloat64 reads what the original takes as a value', () => {
  test.each<[text: string, value: number]>([
    ['0', 0],
    ['-0', -0],
    ['+0', 0],
    ['42', 42],
    ['+3', 3],
    ['-7.25', -7.25],
    ['.5', 0.5],
    ['5.', 5],
    ['-.5e1', -5],
    ['5.e1', 50],
    ['1e3', 1000],
    ['1E3', 1000],
    ['1e+05', 100_000],
    ['2E-3', 0.002],
    ['0e0', 0],
    ['000001', 1],
    ['1e-400', 0],
    ['-1e-400', -0],
    ['1e-99999999999999999999', 0],
    ['0e99999999999999999999', 0],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['1.797693134862315807e308', Number.MAX_VALUE],
    ['4.9e-324', 5e-324],
    ['2e-324', 0],
    ['9007199254740993', 9007199254740992],
    ['0.1234567890123456789', 0.12345678901234568],
    ['100000000000000000000000000000', 1e29],
    ['nan', NaN],
    ['NaN', NaN],
    ['NAN', NaN],
    ['inf', Infinity],
    ['Inf', Infinity],
    ['+Inf', Infinity],
    ['+INF', Infinity],
    ['infinity', Infinity],
    ['+iNfInItY', Infinity],
    ['-inf', -Infinity],
    ['-Infinity', -Infinity],
  ])('%j', (text, value) => {
    expect(parseFloat64(text)).toBe(value)
  })
})

describe('parseFloat64 refuses', () => {
  test.each<[what: string, text: string]>([
    ['nothing', ''],
    ['a sign alone', '-'],
    ['a point alone', '.'],
    ['a signed point', '+.'],
    ['two signs', '+-1'],
    ['a signed NaN', '+nan'],
    ['a negative NaN', '-NaN'],
    ['half of infinity', 'infi'],
    ['words', 'abc'],
    ['an exponent without digits', '1e'],
    ['an exponent with only a sign', '1e+'],
    ['an exponent without a mantissa', 'e5'],
    ['a point and an exponent', '.e5'],
    ['a fractional exponent', '1e1.5'],
    ['two points', '1.2.3'],
    ['a comma', '1,5'],
    ['hexadecimal digits', '0x10'],
    ['a hexadecimal float', '0X1P-2'],
    ['octal digits', '0o17'],
    ['binary digits', '0b1'],
    ['a binary exponent', '1p3'],
    ['underscores', '1_000'],
    ['overflow', '1e400'],
    ['negative overflow', '-1e400'],
    ['the least text that overflows', '1.797693134862315808e308'],
    ['a huge exponent', '1e99999999999999999999'],
    ['a leading blank', ' 1'],
    ['a trailing blank', '1 '],
    ['a trailing carriage return', '1\r'],
    ['a NUL', '1\u0000'],
    ['quotes', '"1"'],
    ['a suffix', '1f'],
    ['Arabic digits', '١'],
    ['fullwidth digits', '１'],
    ['a dotless i', 'ınf'],
    ['a dotted capital I', 'İnf'],
    ['a Unicode minus', '−1'],
  ])('%s', (_, text) => {
    expect(parseFloat64(text)).toBeUndefined()
  })
})

test('what formatFloat64 writes, parseFloat64 reads', () => {
  fc.assert(
    fc.property(anyDouble, (value) => {
      expect(Object.is(parseFloat64(formatFloat64(value)), value)).toBe(true)
    }),
    { numRuns: 2000 },
  )
  expect(parseFloat64(formatFloat64(NaN))).toBe(NaN)
})

test('parseFloat64 takes a text exactly when it is a decimal number in range or a name', () => {
  const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
  const name = /^(nan|[+-]?inf|[+-]?infinity)$/i
  const pieces = fc.constantFrom(
    ...['0', '1', '9', '308', '.', 'e', 'E', '+', '-', 'x', '_', 'inf', 'Infinity', 'nan', ' '],
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
      const text = parts.join('')
      const accepted = (decimal.test(text) && Number.isFinite(Number(text))) || name.test(text)
      expect(parseFloat64(text) !== undefined).toBe(accepted)
    }),
    { numRuns: 3000 },
  )
})

describe("formatCount writes counts as the original's JSON API does", () => {
  test.each<[what: string, value: number, text: string]>([
    ['zero', 0, '0'],
    ['negative zero', -0, '0'],
    ['a small count', 7, '7'],
    ['a count that a value would show with an exponent', 1_234_567, '1234567'],
    ['2^53', 2 ** 53, '9007199254740992'],
    ['a count beyond 2^53', 1e19, '10000000000000000000'],
    ['the largest double below 2^64', 18446744073709549568, '18446744073709549568'],
    ['2^64, which fits no integer there', 2 ** 64, '1.8446744073709552e+19'],
    ['a count beyond 2^64', 1e20, '1e+20'],
    ['a fraction', 2.5, '2.5'],
    ['a large fraction', 1_234_567.5, '1.2345675e+06'],
    ['infinity', Infinity, '+Inf'],
  ])('%s', (_, value, text) => {
    expect(formatCount(value)).toBe(text)
  })
})
