/**
 * Numbers of a body in the spelling that is stored, Go's, without making a number of them where that can be seen from
 * the digits alone: up to 15 digits stand for themselves, since no two numbers of so few digits are the same double.
 */
import { formatFloat64, parseFloat64 } from '../../metrics/numbers.ts'

const ZERO = 0x30
const SIX = 0x36
const NINE = 0x39
const DOT = 0x2e
const PLUS = 0x2b
const MINUS = 0x2d
const LOWER_E = 0x65

/** So many digits always survive the way through a float64. */
export const SAFE_DIGITS = 15
/** With more digits before the point Go writes an exponent. */
export const PLAIN_DIGITS = 6
/** Zeros behind the point that Go still writes out. */
const LEADING_ZEROS_MAX = 3

/**
 * The spelling of the number in `bytes` from `start` to before `end`, a negative zero with its sign; undefined where
 * there is none. It reads back as the same double.
 *
 * @param text the same bytes as a byte string
 */
export function spellNumber(
  bytes: Buffer,
  text: string,
  start: number,
  end: number,
): string | undefined {
  const length = spelledLength(bytes, start, end)
  if (length > 0) return text.slice(start, start + length)
  return spellMillions(bytes, text, start, end) ?? respell(text.slice(start, end))
}

/** Plain decimals from a million on; undefined for others, and for those of many digits. */
function spellMillions(
  bytes: Buffer,
  text: string,
  start: number,
  end: number,
): string | undefined {
  const whole = bytes[start] === MINUS ? start + 1 : start
  let at = whole
  while (at < end && isDigit(bytes[at]!)) at++
  const wholeDigits = at - whole
  if (wholeDigits <= PLAIN_DIGITS || bytes[whole] === ZERO) return undefined
  if (at === end) {
    return wholeDigits <= SAFE_DIGITS ? withExponent(text, start, whole, end, '') : undefined
  }
  if (bytes[at] !== DOT) return undefined
  const fraction = at + 1
  at = fraction
  while (at < end && isDigit(bytes[at]!)) at++
  if (at < end || at === fraction || wholeDigits + at - fraction > SAFE_DIGITS) return undefined
  return withExponent(text, start, whole, fraction - 1, text.slice(fraction, at))
}

/**
 * How much of a value Go would write, where that is digit for digit what stands there: plain decimals below a million,
 * but for zeros at their end, and numbers with an exponent as Go writes it. 0 for all others.
 */
export function spelledLength(bytes: Buffer, start: number, end: number): number {
  let at = bytes[start]! === MINUS ? start + 1 : start
  const first = at
  while (at < end && isDigit(bytes[at]!)) at++
  const whole = at - first
  if (whole === 0 || whole > PLAIN_DIGITS) return 0
  const leadsWithZero = bytes[first]! === ZERO
  if (leadsWithZero && whole > 1) return 0
  // A bare zero has no sign.
  if (at === end) return leadsWithZero && first > start ? 0 : at - start
  if (bytes[at]! !== DOT) return 0
  const point = at++
  let zeros = 0
  if (leadsWithZero) while (bytes[point + 1 + zeros]! === ZERO) zeros++
  while (at < end && isDigit(bytes[at]!)) at++
  const fraction = at - point - 1
  if (fraction === 0 || whole + fraction > SAFE_DIGITS || zeros > LEADING_ZEROS_MAX) return 0
  if (at < end) {
    const isSpelled =
      whole === 1 && !leadsWithZero && bytes[at - 1]! !== ZERO && isExponent(bytes, at, end)
    return isSpelled ? end - start : 0
  }
  while (bytes[at - 1]! === ZERO) at--
  // Nothing but zeros behind the point.
  if (at === point + 1) return leadsWithZero && first > start ? 0 : point - start
  return at - start
}

/** What spellNumber gives for a number. */
export function spelledNumber(value: number): string {
  return formatFloat64(value)
}

/** The number that spellNumber gave this text for. */
export function readSpelledNumber(text: string): number {
  const value = Number(text)
  if (value === value) return value
  return text === 'NaN' ? NaN : text === '-Inf' ? -Infinity : Infinity
}

function respell(text: string): string | undefined {
  const value = parseFloat64(text)
  return value === undefined ? undefined : formatFloat64(value)
}

/** @param wholeEnd behind the digits before the point, of which there are more than one and the first is no zero */
function withExponent(
  text: string,
  start: number,
  whole: number,
  wholeEnd: number,
  fraction: string,
): string {
  let digits = text.slice(whole + 1, wholeEnd) + fraction
  let last = digits.length
  while (last > 0 && digits.charCodeAt(last - 1) === ZERO) last--
  digits = digits.slice(0, last)
  const exponent = wholeEnd - whole - 1
  return (
    text.slice(start, whole + 1) +
    (digits === '' ? 'e+' : `.${digits}e+`) +
    (exponent < 10 ? `0${exponent}` : String(exponent))
  )
}

/** An exponent of two digits from which on Go writes one: `e+06` and more. */
function isExponent(bytes: Buffer, at: number, end: number): boolean {
  if (end - at !== 4 || bytes[at]! !== LOWER_E || bytes[at + 1]! !== PLUS) {
    return false
  }
  const tens = bytes[at + 2]!
  const ones = bytes[at + 3]!
  return isDigit(tens) && isDigit(ones) && (tens > ZERO || ones >= SIX)
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}
