/** Durations as Go writes and reads them: `5m`, `1h30m`, `90s`, `250ms`. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  // The micro sign, and the Greek letter that looks like it.
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds, or undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0' || text === '+0') return 0
  if (!/^\+?((\d+\.?\d*|\.\d+)(ns|us|[\u00b5\u03bc]s|ms|s|m|h))+$/.test(text)) return undefined
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g)) {
    totalMs += Number(amount) * UNITS_MS[unit!]!
  }
  return totalMs
}

/** As Go's Duration.String: `5m0s`, `1h0m0s`, `1.5s`, `20ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1e-3) return `${Math.round(ms * 1e6)}ns`
  if (ms < 1) return `${Number((ms * 1000).toFixed(3))}µs`
  if (ms < 1000) return `${Number(ms.toFixed(6))}ms`
  const seconds = Number(((ms % 60_000) / 1000).toFixed(9))
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${seconds}s`
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`
}
