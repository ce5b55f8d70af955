import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readSpelledNumber, spellNumber } from '../../../../server/exposition/spelled/number.ts'
import { formatFloat64, parseFloat64 } from '../../../../server/metrics/numbers.ts'

/** As it stands in a body, with something before and behind it. */
function spell(token: string): string | undefined {
  const text = `m ${token}\n9`
  return spellNumber(Buffer.from(text, 'latin1'), text, 2, 2 + token.length)
}

function plainly(token: string): string | undefined {
  const value = parseFloat64(token)
  return value === undefined ? undefined : formatFloat64(value)
}

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'000123456789'), maxLength })

const anyToken = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '', '-', '+', '--', ' '),
      digits(20),
      fc.constantFrom('', '.', '..'),
      digits(20),
      fc.constantFrom('', '', '', 'e', 'e5', 'e+06', 'e-05', 'E400', 'x', '_1'),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('', '-'), digits(4), digits(4))
    .map(([sign, a, b]) => `${sign}${a}.${b}`),
  fc.double().map(String),
  fc.double().map(formatFloat64),
  fc.integer().map(String),
  fc.constantFrom('', 'NaN', 'nan', '+Inf', '-inf', 'Infinity', '-', '.', '-.', '0x1', '1e'),
)

describe('a number is spelled as Go spells it', () => {
  test('whichever way it was written', () => {
    fc.assert(
      fc.property(anyToken, (token) => {
        expect(spell(token)).toBe(plainly(token))
      }),
      { numRuns: 20_000 },
    )
  })

  test.each([
    ['0', '0'],
    ['-0', '-0'],
    ['00', '0'],
    ['5.0', '5'],
    ['0.5', '0.5'],
    ['.5', '0.5'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['0.000', '0'],
    ['-0.000', '-0'],
    ['999999', '999999'],
    ['999999.5', '999999.5'],
    ['1000000', '1e+06'],
    ['-1234567', '-1.234567e+06'],
    ['1712345678.125', '1.712345678125e+09'],
    ['10000000000', '1e+10'],
    ['999999999999999', '9.99999999999999e+14'],
    ['9007199254740993', '9.007199254740992e+15'],
    ['0.1000000000000000055511151231257827', '0.1'],
    ['1e400', undefined],
  ])('%s as %s', (token, spelled) => {
    expect(spell(token)).toBe(spelled)
  })

  test('and read back as the same double', () => {
    const anyDouble = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1e6, -1e21))
    fc.assert(
      fc.property(anyDouble, (value) => {
        expect(readSpelledNumber(spell(formatFloat64(value))!)).toBe(value)
      }),
    )
  })
})
