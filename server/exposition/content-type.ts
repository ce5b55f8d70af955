/** Which format the body of a push is read in, from its Content-Type. */
import type { Syntax } from './negotiate.ts'

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"'
const MEDIA_TYPE = new RegExp(`^\\s*(${TOKEN}/${TOKEN})\\s*((?:;.*)?)$`)
const PARAMETER = new RegExp(`\\s*;\\s*(${TOKEN})\\s*=\\s*(${TOKEN}|${QUOTED})\\s*`, 'y')

/**
 * As the original decides it: delimited protobuf when the header says exactly that, else text, whatever it says;
 * curl says it is a form, HTTPie that it is JSON. OpenMetrics is read as such, which the original does not do.
 */
export function syntaxOfBody(contentType = ''): Syntax {
  let syntax = decided.get(contentType)
  if (syntax === undefined) {
    syntax = decide(contentType)
    if (decided.size < DECIDED_MAX) decided.set(contentType, syntax)
  }
  return syntax
}

/** Clients are of a few kinds, and say the same each time. */
const decided = new Map<string, Syntax>()
const DECIDED_MAX = 100

function decide(contentType: string): Syntax {
  const parsed = parseMediaType(contentType)
  if (parsed?.type === 'application/openmetrics-text') return 'openmetrics'
  return parsed?.type === 'application/vnd.google.protobuf' &&
    parsed.parameters.get('proto') === 'io.prometheus.client.MetricFamily' &&
    parsed.parameters.get('encoding') === 'delimited'
    ? 'protobuf'
    : 'text'
}

/** Undefined for what is no media type, also one that says a parameter twice. */
function parseMediaType(
  header: string,
): { type: string; parameters: ReadonlyMap<string, string> } | undefined {
  const match = MEDIA_TYPE.exec(header)
  if (match === null) return undefined
  const [, type = '', rest = ''] = match
  const parameters = new Map<string, string>()
  const trimmed = rest.trim()
  const text = trimmed.endsWith(';') ? trimmed.slice(0, -1) : trimmed
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < text.length) {
    const [, name = '', value = ''] = PARAMETER.exec(text) ?? []
    const key = name.toLowerCase()
    if (key === '' || parameters.has(key)) return undefined
    parameters.set(key, value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value)
  }
  return { type: type.toLowerCase(), parameters }
}
