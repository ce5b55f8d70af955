/** Which format a scraper gets, from what its Accept header says. */
import type { EscapingScheme } from '../metrics/names.ts'
import { parseRanges, type MediaRange } from './media-ranges.ts'

export type Syntax = 'text' | 'openmetrics' | 'protobuf'

/** How a page is written: two pages of one format and one state of the store have the same bytes. */
export interface ExpositionFormat {
  readonly syntax: Syntax
  /** How names that are not plain are written. */
  readonly escaping: EscapingScheme
}

export interface Negotiated extends ExpositionFormat {
  readonly contentType: string
}

interface Candidate {
  readonly syntax: Syntax
  readonly mediaType: string
}

const TEXT: Candidate = { syntax: 'text', mediaType: 'text/plain; version=0.0.4; charset=utf-8' }
const TEXT_1_0_0: Candidate = {
  syntax: 'text',
  mediaType: 'text/plain; version=1.0.0; charset=utf-8',
}
const PROTOBUF: Candidate = {
  syntax: 'protobuf',
  mediaType:
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
}
const SCHEMES: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values']

/**
 * Walks the scraper's wishes from the best down to the first that can be met, as the original does
 * (expfmt.Negotiate); the last known `escaping` on the way counts, also one that stands on a format that is not sent.
 * Where nothing can be met it is text 0.0.4.
 *
 * OpenMetrics is passed over where text is taken too, unless `preferOpenMetrics`: Prometheus' own wishes begin with
 * it, and who turned from the original to this gateway would find the types of counters changed.
 */
export function negotiate(
  accept: string | undefined,
  { preferOpenMetrics }: { readonly preferOpenMetrics: boolean },
): Negotiated {
  const ranges = parseRanges(accept ?? '').filter(({ quality }) => quality > 0)
  ranges.sort((a, b) => b.quality - a.quality)
  const sendsOpenMetrics = preferOpenMetrics || !ranges.some(takesText)
  let escaping: EscapingScheme = 'underscores'
  for (const range of ranges) {
    const wanted = range.parameters.get('escaping') ?? ''
    if (isEscapingScheme(wanted)) escaping = wanted
    const candidate = candidateFor(range)
    if (candidate === undefined) continue
    if (candidate.syntax === 'openmetrics' && !sendsOpenMetrics) continue
    return negotiated(candidate, escaping)
  }
  return negotiated(TEXT, escaping)
}

function negotiated({ syntax, mediaType }: Candidate, escaping: EscapingScheme): Negotiated {
  return { syntax, escaping, contentType: `${mediaType}; escaping=${escaping}` }
}

function candidateFor({ type, parameters }: MediaRange): Candidate | undefined {
  const version = parameters.get('version') ?? ''
  switch (type) {
    case 'text/plain':
      if (version === '1.0.0') return TEXT_1_0_0
      return version === '' || version === '0.0.4' ? TEXT : undefined
    case 'application/openmetrics-text':
      if (version !== '' && version !== '0.0.1' && version !== '1.0.0') return undefined
      return {
        syntax: 'openmetrics',
        mediaType: `${type}; version=${version === '0.0.1' ? version : '1.0.0'}; charset=utf-8`,
      }
    case 'application/vnd.google.protobuf':
      return parameters.get('proto') === 'io.prometheus.client.MetricFamily' &&
        parameters.get('encoding') === 'delimited'
        ? PROTOBUF
        : undefined
    default:
      return undefined
  }
}

function takesText(range: MediaRange): boolean {
  const { type } = range
  return type === 'text/*' || type === '*/*' || candidateFor(range)?.syntax === 'text'
}

function isEscapingScheme(text: string): text is EscapingScheme {
  return SCHEMES.includes(text)
}
