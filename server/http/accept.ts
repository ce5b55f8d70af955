/** What a scraper asked for: escaping of names, and compression. */
import type { IncomingMessage } from 'node:http'
import type { EscapingScheme } from '../metrics/names.ts'

const SCHEMES: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values']

interface MediaRange {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

/**
 * How names are escaped for a scraper, found as the original does (expfmt.Negotiate): walking its
 * wishes from the best down to plain text 0.0.4, the last known `escaping` on the way counts, also
 * one that stands on a format that is not sent. So Prometheus 3 gets UTF-8 names as they are.
 */
export function acceptedEscaping({ headers }: IncomingMessage): EscapingScheme {
  const ranges = parseRanges(headers.accept ?? '').filter(({ quality }) => quality > 0)
  ranges.sort((a, b) => b.quality - a.quality)
  let scheme: EscapingScheme = 'underscores'
  for (const { type, parameters } of ranges) {
    const wanted = parameters.get('escaping') ?? ''
    if (isEscapingScheme(wanted)) scheme = wanted
    const version = parameters.get('version') ?? ''
    if (type === 'text/plain' && (version === '' || version === '0.0.4')) break
  }
  return scheme
}

function isEscapingScheme(text: string): text is EscapingScheme {
  return SCHEMES.includes(text)
}

/** True when the scraper takes gzip, by name or by `*`, and does not rule it out. */
export function acceptsGzip({ headers }: IncomingMessage): boolean {
  const codings = parseRanges(String(headers['accept-encoding'] ?? ''))
  const named = codings.find(({ type }) => type === 'gzip' || type === 'x-gzip')
  const chosen = named ?? codings.find(({ type }) => type === '*')
  return chosen !== undefined && chosen.quality > 0
}

function parseRanges(header: string): MediaRange[] {
  if (header.trim() === '') return []
  return header.split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim())
    const parameters = new Map<string, string>()
    for (const piece of rest) {
      const [name = '', value = ''] = piece.split('=')
      parameters.set(name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, ''))
    }
    const quality = Number(parameters.get('q') ?? 1)
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality }
  })
}
