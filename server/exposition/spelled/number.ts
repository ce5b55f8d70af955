/**
 * Numbers of a body in the spelling that is stored, Go's, without making a number of them where that can be seen from
 * the digits alone: up to 15 digits stand for themselves, since no two numbers of so few digits are the same double.
 */
import { formatFloat64, parseFloat64 } from '../../metrics/numbers.ts'

const ZERO = 0x30
const NINE = 0x39
const DOT = 0x2e
const MINUS = 0x2d

const DIGITS_MAX = 15
/** From here on numbers are shown with an exponent. */
const WHOLE_DIGITS_MAX = 6
/** A fraction that begins with so many zeros is shown with an exponent. */
const LEADING_ZEROS = '0000'

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
  const whole = bytes[start] === MINUS ? start + 1 : start
  let at = whole
  while (at < end && isDigit(bytes[at]!)) at++
  const wholeDigits = at - whole
  if (wholeDigits > 0 && (wholeDigits === 1 || bytes[whole] !== ZERO)) {
    if (at === end) {
      if (wholeDigits <= WHOLE_DIGITS_MAX) {
        if (whole === start || bytes[whole] !== ZERO) return text.slice(start, end)
      } else if (wholeDigits <= DIGITS_MAX) {
        return withExponent(text, start, whole, end, '')
      }
    } else if (bytes[at] === DOT) {
      const fraction = at + 1
      at = fraction
      while (at < end && isDigit(bytes[at]!)) at++
      const digits = wholeDigits + at - fraction
      if (at === end && at > fraction && digits <= DIGITS_MAX) {
        while (at > fraction && bytes[at - 1] === ZERO) at--
        if (wholeDigits > WHOLE_DIGITS_MAX) {
          return withExponent(text, start, whole, fraction - 1, text.slice(fraction, at))
        }
        if (bytes[whole] !== ZERO) {
          return text.slice(start, at === fraction ? fraction - 1 : at)
        }
        if (at > fraction && !text.startsWith(LEADING_ZEROS, fraction)) {
          return text.slice(start, at)
        }
      }
    }
  }
  return respell(text.slice(start, end))
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

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}
