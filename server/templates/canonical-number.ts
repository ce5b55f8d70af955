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

/**
 * The value in `text` from `start` to `end` as a page spells it; undefined when it is none.
 *
 * @param text bytes as latin1
 */
export function spellValue(text: string, start: number, end: number): string | undefined {
  const length = spelledLength(text, start, end)
  if (length > 0) return text.slice(start, start + length)
  return respell(text, start, end, -Infinity)
}

/** The same for a count; undefined also for what is no plain non-negative number. */
export function spellCount(text: string, start: number, end: number): string | undefined {
  if (text.charCodeAt(start) === MINUS) return undefined
  const length = spelledLength(text, start, end)
  return length > 0 ? text.slice(start, start + length) : respell(text, start, end, 0)
}

/** The same for a count that is kept as a whole number; undefined also for those that would have to be made one. */
export function spellWholeCount(text: string, start: number, end: number): string | undefined {
  const value = wholeNumber(text, start, end)
  if (value === undefined) return undefined
  return end - start <= PLAIN_DIGITS ? text.slice(start, end) : formatFloat64(value)
}

function respell(text: string, start: number, end: number, min: number): string | undefined {
  const value = parseFloat64(text.slice(start, end))
  if (value === undefined || (min === 0 && !(value >= 0))) return undefined
  // As in the renderer: a negative zero is shown without its sign.
  return value === 0 ? '0' : formatFloat64(value)
}

/** Digits alone, without a zero before others. */
function wholeNumber(text: string, start: number, end: number): number | undefined {
  if (end === start || end - start > SAFE_DIGITS) return undefined
  if (text.charCodeAt(start) === ZERO && end - start > 1) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (!isDigit(code)) return undefined
    value = value * 10 + code - ZERO
  }
  return value
}

/**
 * How much of a value Go would write, where that is digit for digit what stands there: plain decimals below a million,
 * but for zeros at their end, and numbers with an exponent as Go writes it. 0 for all others.
 */
function spelledLength(text: string, start: number, end: number): number {
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start
  const first = at
  while (at < end && isDigit(text.charCodeAt(at))) at++
  const whole = at - first
  if (whole === 0 || whole > PLAIN_DIGITS) return 0
  const leadsWithZero = text.charCodeAt(first) === ZERO
  if (leadsWithZero && whole > 1) return 0
  // A bare zero has no sign.
  if (at === end) return leadsWithZero && first > start ? 0 : at - start
  if (text.charCodeAt(at) !== DOT) return 0
  const point = at++
  let zeros = 0
  if (leadsWithZero) while (text.charCodeAt(point + 1 + zeros) === ZERO) zeros++
  while (at < end && isDigit(text.charCodeAt(at))) at++
  const fraction = at - point - 1
  if (fraction === 0 || whole + fraction > SAFE_DIGITS || zeros > LEADING_ZEROS_MAX) return 0
  if (at < end) {
    const isSpelled =
      whole === 1 && !leadsWithZero && text.charCodeAt(at - 1) !== ZERO && isExponent(text, at, end)
    return isSpelled ? end - start : 0
  }
  while (text.charCodeAt(at - 1) === ZERO) at--
  // Nothing but zeros behind the point.
  if (at === point + 1) return leadsWithZero && first > start ? 0 : point - start
  return at - start
}

/** An exponent of two digits from which on Go writes one: `e+06` and more. */
function isExponent(text: string, at: number, end: number): boolean {
  if (end - at !== 4 || text.charCodeAt(at) !== LOWER_E || text.charCodeAt(at + 1) !== PLUS) {
    return false
  }
  const tens = text.charCodeAt(at + 2)
  const ones = text.charCodeAt(at + 3)
  return isDigit(tens) && isDigit(ones) && (tens > ZERO || ones >= SIX)
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}
