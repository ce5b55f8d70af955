/** Moments as OpenMetrics writes them: seconds since 1970, with a fraction. */
import type { Timestamp } from '../../metrics/metric-family.ts'
import { parseFloat64 } from '../../metrics/numbers.ts'

const NANOS = 1_000_000_000

/** To the nanosecond; undefined for what is no finite number, or beyond all years that matter. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const decimal = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text)
  if (decimal === null) {
    const value = parseFloat64(text)
    return value === undefined ? undefined : fromNumber(value)
  }
  const [, sign, whole = '', fraction = ''] = decimal
  const seconds = Number(whole)
  if (!Number.isSafeInteger(seconds)) return undefined
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? negative(seconds, nanos) : { seconds, nanos }
}

/** Seconds, without an exponent and without zeros at the end. */
export function renderTimestamp({ seconds, nanos }: Timestamp): string {
  if (nanos === 0) return String(seconds)
  // Nanoseconds count forwards, also before 1970.
  const [whole, fraction] = seconds < 0 ? [seconds + 1, NANOS - nanos] : [seconds, nanos]
  const sign = seconds < 0 && whole === 0 ? '-' : ''
  return `${sign}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
}

function fromNumber(value: number): Timestamp | undefined {
  const seconds = Math.floor(value)
  if (!Number.isSafeInteger(seconds)) return undefined
  const nanos = Math.round((value - seconds) * NANOS)
  return nanos === NANOS ? { seconds: seconds + 1, nanos: 0 } : { seconds, nanos }
}

function negative(seconds: number, nanos: number): Timestamp {
  // `0 -` rather than `-`: there is no second minus zero.
  return nanos === 0
    ? { seconds: 0 - seconds, nanos: 0 }
    : { seconds: 0 - seconds - 1, nanos: NANOS - nanos }
}
