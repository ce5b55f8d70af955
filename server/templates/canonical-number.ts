/**
 * Sample values as they stand in a pushed body, spelled as a page shows them. Most are spelled like that already, and
 * then nothing has to be read: `parseFloat64` and `formatFloat64` cost ten times as much (test/bench/README.md).
 */
import { formatFloat64, parseFloat64 } from '../metrics/numbers.ts'

const ZERO = 0x30
const NINE = 0x39
const SIX = 0x36
const DOT = 0x2e
const PLUS = 0x2b
const LOWER_E = 0x65
const MINUS = 0x2d

/** So many digits always survive the way through a float64. */
const SAFE_DIGITS = 15
/** From here on Go writes an exponent. */
const PLAIN_DIGITS = 6
/** Zeros behind the point that Go still writes out. */
const LEADING_ZEROS_MAX = 3

/** What a value has to be for the parser to take it, and for its canonical form to be its number alone. */
export type ValueKind = 'number' | 'count' | 'whole count'

/**
 * How many of the bytes from `start` to `end` a page shows, where it shows them as they stand there; 0 where it does
 * not, or where they are no value of the kind.
 */
export function shownLength(bytes: Buffer, start: number, end: number, kind: ValueKind): number {
  if (kind === 'number') return spelledLength(bytes, start, end)
  if (bytes[start] === MINUS) return 0
  if (kind === 'count') return spelledLength(bytes, start, end)
  return end - start <= PLAIN_DIGITS && wholeNumber(bytes, start, end) !== undefined
    ? end - start
    : 0
}

/** A value as a page shows it, by reading it; undefined when it is none of the kind, or the parser has to say. */
export function respell(
  bytes: Buffer,
  start: number,
  end: number,
  kind: ValueKind,
): string | undefined {
  const value =
    kind === 'whole count'
      ? wholeNumber(bytes, start, end)
      : parseFloat64(bytes.toString('latin1', start, end))
  if (value === undefined || (kind === 'count' && !(value >= 0))) return undefined
  // As in the renderer: a negative zero is shown without its sign.
  return value === 0 ? '0' : formatFloat64(value)
}

/** Digits alone, without a zero before others. */
function wholeNumber(bytes: Buffer, start: number, end: number): number | undefined {
  if (end === start || end - start > SAFE_DIGITS) return undefined
  if (bytes[start] === ZERO && end - start > 1) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (!isDigit(byte)) return undefined
    value = value * 10 + byte - ZERO
  }
  return value
}

/**
 * How much of a value Go would write, where that is digit for digit what stands there: plain decimals below a million,
 * but for zeros at their end, and numbers with an exponent as Go writes it. 0 for all others.
 */
function spelledLength(bytes: Buffer, start: number, end: number): number {
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

/** An exponent of two digits from which on Go writes one: `e+06` and more. */
function isExponent(bytes: Buffer, at: number, end: number): boolean {
  if (end - at !== 4 || bytes[at]! !== LOWER_E || bytes[at + 1]! !== PLUS) {
    return false
  }
  const tens = bytes[at + 2]!
  const ones = bytes[at + 3]!
  return isDigit(tens) && isDigit(ones) && (tens > ZERO || ones >= SIX)
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}
