/** Which compression a scraper takes. */
import type { IncomingMessage } from 'node:http'
import { parseRanges } from '../exposition/media-ranges.ts'

/** True when the scraper takes gzip, by name or by `*`, and likes it no less than nothing at all. */
export function acceptsGzip({ headers }: IncomingMessage): boolean {
  const codings = parseRanges(String(headers['accept-encoding'] ?? ''))
  const qualityOf = (...names: string[]): number | undefined => {
    const named = codings.filter(({ type }) => names.includes(type))
    return named.length === 0 ? undefined : Math.max(...named.map(({ quality }) => quality))
  }
  const gzip = qualityOf('gzip', 'x-gzip') ?? qualityOf('*') ?? 0
  return gzip > 0 && gzip >= (qualityOf('identity') ?? 0)
}
