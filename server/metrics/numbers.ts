/**
 * Numbers as Go's strconv reads and writes them, because the original's pages, its JSON API and
 * every `le` label are spelled that way.
 */

const CHAR_PLUS = 0x2b
const CHAR_MINUS = 0x2d
const CHAR_DOT = 0x2e

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Skips decimal digits from `at` and returns the index of the first other character. */
function skipDigits(text: string, at: number): number {
  while (at < text.length && isDigit(text.charCodeAt(at))) at++
  return at
}

/** True for `[+-]digits[.digits][e[+-]digits]` with at least one digit in the mantissa. */
function isDecimal(text: string): boolean {
  const first = text.charCodeAt(0)
  const start = first === CHAR_PLUS || first === CHAR_MINUS ? 1 : 0
  let at = skipDigits(text, start)
  let digits = at - start
  if (text.charCodeAt(at) === CHAR_DOT) {
    const fraction = skipDigits(text, at + 1)
    digits += fraction - at - 1
    at = fraction
  }
  if (digits === 0) return false
  if (at === text.length) return true
  if ((text.charCodeAt(at) | 0x20) !== 0x65) return false // 'e' or 'E'
  at++
  const sign = text.charCodeAt(at)
  if (sign === CHAR_PLUS || sign === CHAR_MINUS) at++
  const end = skipDigits(text, at)
  return end > at && end === text.length
}

/**
 * Reads a sample value, bucket bound or quantile as the original does (Go's ParseFloat without
 * hexadecimal and underscores): NaN without a sign, infinities with one, in any case.
 * Returns undefined for anything else, and for values too large for a float64.
 */
export function parseFloat64(text: string): number | undefined {
  if (isDecimal(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  switch (text.toLowerCase()) {
    case 'nan':
      return NaN
    case 'inf':
    case '+inf':
    case 'infinity':
    case '+infinity':
      return Infinity
    case '-inf':
    case '-infinity':
      return -Infinity
    default:
      return undefined
  }
}

/**
 * Writes a float64 as Go's FormatFloat(v, 'g', -1, 64): the shortest digits that read back as the
 * same number, below 1e-4 and from 1e6 on with an exponent of at least two digits.
 */
export function formatFloat64(value: number): string {
  const magnitude = value < 0 ? -value : value
  if (magnitude < 1e6 && magnitude >= 1e-4) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (value !== value) return 'NaN'
  if (magnitude === Infinity) return value > 0 ? '+Inf' : '-Inf'
  const text = value.toExponential()
  const mark = text.length - 2
  // JavaScript writes 1e+6 where Go writes 1e+06.
  return text.charCodeAt(mark) === CHAR_PLUS || text.charCodeAt(mark) === CHAR_MINUS
    ? `${text.slice(0, mark + 1)}0${text.slice(mark + 1)}`
    : text
}

/** Writes a count as the original's JSON API does: a uint64 in full, other numbers like values. */
export function formatCount(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 64) return formatFloat64(value)
  return String(Number.isSafeInteger(value) ? value : BigInt(value))
}
