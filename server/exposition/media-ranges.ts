/** Reads headers that list things with parameters and qualities: Accept and Accept-Encoding. */

export interface MediaRange {
  /** In lower case. */
  readonly type: string
  /** Names in lower case, values without quotes. */
  readonly parameters: ReadonlyMap<string, string>
  /** 1 where nothing is said, 0 where it is no number. */
  readonly quality: number
}

/** No scraper has as many wishes; a header may be a quarter of a megabyte. */
const RANGES_MAX = 100

/** The ranges in the order of the header. */
export function parseRanges(header: string): MediaRange[] {
  const parts = header.split(',', RANGES_MAX).filter((part) => part.trim() !== '')
  return parts.map((part) => {
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
