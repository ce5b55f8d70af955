/**
 * Sample values as they stand in a pushed body, spelled as a page shows them. Most are spelled like that already, and
 * then nothing has to be read: `parseFloat64` and `formatFloat64` cost ten times as much (test/bench/README.md).
 */
import { formatFloat64, parseFloat64 } from '../metrics/numbers.ts'

const ZERO = 0x30
const NINE = 0x39
const DOT = 0x2e
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
  if (isSpelled(text, start, end)) return text.slice(start, end)
  const token = text.slice(start, end)
  const value = parseFloat64(token)
  if (value === undefined) return undefined
  // As in the renderer: a negative zero is shown without its sign.
  return value === 0 ? '0' : formatFloat64(value)
}

/** The same for a count; undefined also for what is no plain non-negative number. */
export function spellCount(text: string, start: number, end: number): string | undefined {
  if (text.charCodeAt(start) !== MINUS && isSpelled(text, start, end)) return text.slice(start, end)
  const value = parseFloat64(text.slice(start, end))
  if (value === undefined || !(value >= 0)) return undefined
  return value === 0 ? '0' : formatFloat64(value)
}

/** The same for a count that is kept as a whole number; undefined also for those that would have to be made one. */
export function spellWholeCount(text: string, start: number, end: number): string | undefined {
  const value = parseFloat64(text.slice(start, end))
  if (value === undefined || !(value >= 0) || !Number.isSafeInteger(value)) return undefined
  return value === 0 ? '0' : formatFloat64(value)
}

/** True for plain decimals below a million that Go would write digit for digit like this. */
function isSpelled(text: string, start: number, end: number): boolean {
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start
  const first = at
  while (at < end && isDigit(text.charCodeAt(at))) at++
  const whole = at - first
  if (whole === 0 || whole > PLAIN_DIGITS) return false
  const leadsWithZero = text.charCodeAt(first) === ZERO
  if (leadsWithZero && whole > 1) return false
  // A bare zero has no sign.
  if (at === end) return !leadsWithZero || first === start
  if (text.charCodeAt(at) !== DOT) return false
  const point = at++
  let zeros = 0
  if (leadsWithZero) while (text.charCodeAt(point + 1 + zeros) === ZERO) zeros++
  while (at < end && isDigit(text.charCodeAt(at))) at++
  const fraction = at - point - 1
  return (
    at === end &&
    fraction > 0 &&
    text.charCodeAt(end - 1) !== ZERO &&
    zeros <= LEADING_ZEROS_MAX &&
    whole + fraction <= SAFE_DIGITS
  )
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}
