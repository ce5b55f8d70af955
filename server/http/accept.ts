/** Which compression a scraper takes. */
import type { IncomingMessage } from 'node:http'
import { parseRanges } from '../exposition/media-ranges.ts'

/** True when the scraper takes gzip, by name or by `*`, and does not rule it out. */
export function acceptsGzip({ headers }: IncomingMessage): boolean {
  const codings = parseRanges(String(headers['accept-encoding'] ?? ''))
  const named = codings.find(({ type }) => type === 'gzip' || type === 'x-gzip')
  const chosen = named ?? codings.find(({ type }) => type === '*')
  return chosen !== undefined && chosen.quality > 0
}
