/** What a scraper asked for: escaping of names, and compression. */
import type { IncomingMessage } from 'node:http'
import type { EscapingScheme } from '../metrics/names.ts'

const SCHEMES: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values']

interface MediaRange {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

/** The escaping scheme of the text range that the scraper likes best; by default underscores. */
export function acceptedEscaping({ headers }: IncomingMessage): EscapingScheme {
  const ranges = parseRanges(headers.accept ?? '')
    .filter(
      ({ type, quality }) =>
        quality > 0 && (type === 'text/plain' || type === 'text/*' || type === '*/*'),
    )
    .sort((a, b) => b.quality - a.quality)
  for (const { parameters } of ranges) {
    const scheme = parameters.get('escaping')
    const version = parameters.get('version')
    // Names are quoted in 1.0.0 too, but that version is not what is sent.
    if (scheme !== undefined && version !== '1.0.0' && SCHEMES.includes(scheme))
      return scheme as EscapingScheme
  }
  return 'underscores'
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
