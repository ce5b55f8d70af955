/**
 * Sample values as they stand in a pushed body, spelled as a page shows them. Most are spelled like that already, and
 * then nothing has to be read: `parseFloat64` and `formatFloat64` cost ten times as much.
 */
import { isDigit, PLAIN_DIGITS, SAFE_DIGITS, spelledLength } from '../exposition/spelled/number.ts'
import { formatFloat64, parseFloat64 } from '../metrics/numbers.ts'

const ZERO = 0x30
const MINUS = 0x2d

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
