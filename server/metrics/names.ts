/** What metric and label names may look like, and how names that need quotes are carried. */

/** How names that the text format 0.0.4 cannot show bare are written on a scrape. */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

const VALUE_ESCAPE_PREFIX = 'U__'

/** True for names that the text format shows without quotes. */
export function isLegacyMetricName(name: string): boolean {
  return isLegacyName(name, true)
}

/** True for label names that the text format shows without quotes. */
export function isLegacyLabelName(name: string): boolean {
  return isLegacyName(name, false)
}

/** A loop takes half as long as a pattern. */
function isLegacyName(name: string, colon: boolean): boolean {
  for (let at = 0; at < name.length; at++) {
    if (!isLegacyCharacter(name.charCodeAt(at), at, colon)) return false
  }
  return name !== ''
}

/** Labels whose names start with two underscores belong to Prometheus itself. */
export function isReservedLabelName(name: string): boolean {
  return name.startsWith('__')
}

function isLegacyCharacter(codePoint: number, at: number, colon: boolean): boolean {
  return (
    (codePoint >= 0x61 && codePoint <= 0x7a) ||
    (codePoint >= 0x41 && codePoint <= 0x5a) ||
    codePoint === 0x5f ||
    (colon && codePoint === 0x3a) ||
    (at > 0 && codePoint >= 0x30 && codePoint <= 0x39)
  )
}

function mapCharacters(name: string, escape: (codePoint: number, at: number) => string): string {
  let result = ''
  let at = 0
  for (const character of name) result += escape(character.codePointAt(0) ?? 0, at++)
  return result
}

/** Escapes a metric name for a scraper that asked for `scheme` (Prometheus' model.EscapeName). */
export function escapeMetricName(name: string, scheme: EscapingScheme): string {
  return isLegacyMetricName(name) ? name : escapeCharacters(name, scheme, true)
}

/** Escapes a label name for a scraper that asked for `scheme`; unlike metric names, without ':'. */
export function escapeLabelName(name: string, scheme: EscapingScheme): string {
  return isLegacyLabelName(name) ? name : escapeCharacters(name, scheme, false)
}

function escapeCharacters(name: string, scheme: EscapingScheme, colon: boolean): string {
  switch (scheme) {
    case 'allow-utf-8':
      return name
    case 'underscores':
      return mapCharacters(name, (code, at) =>
        isLegacyCharacter(code, at, colon) ? String.fromCodePoint(code) : '_',
      )
    case 'dots':
      return mapCharacters(name, (code, at) => {
        if (code === 0x5f) return '__'
        if (code === 0x2e) return '_dot_'
        return isLegacyCharacter(code, at, colon) ? String.fromCodePoint(code) : '__'
      })
    case 'values':
      return (
        VALUE_ESCAPE_PREFIX +
        mapCharacters(name, (code, at) => {
          if (code === 0x5f) return '__'
          if (isLegacyCharacter(code, at, colon)) return String.fromCodePoint(code)
          return `_${code.toString(16)}_`
        })
      )
  }
}

/** A label name as a URL carries it where `U__` names are decoded; unescapeName reads it back. */
export function encodeLabelName(name: string): string {
  if (isLegacyLabelName(name) && !name.startsWith(VALUE_ESCAPE_PREFIX)) return name
  // Code points of six hex digits have no form that is read back; they are sent as they are.
  return /[\u{100000}-\u{10ffff}]/u.test(name) ? name : escapeCharacters(name, 'values', false)
}

/**
 * Undoes the `U__` form of a label name in a push URL. A name that is not in that form, or not
 * validly, is returned as it is (model.UnescapeName).
 */
export function unescapeName(name: string): string {
  if (!name.startsWith(VALUE_ESCAPE_PREFIX)) return name
  let result = ''
  for (let at = VALUE_ESCAPE_PREFIX.length; at < name.length; at++) {
    const character = name.charAt(at)
    if (character !== '_') {
      result += character
      continue
    }
    if (name.charAt(at + 1) === '_') {
      result += '_'
      at++
      continue
    }
    const end = name.indexOf('_', at + 1)
    const hex = end < 0 ? '' : name.slice(at + 1, end)
    if (!/^[0-9a-fA-F]{1,5}$/.test(hex)) return name
    const codePoint = Number.parseInt(hex, 16)
    if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return name
    result += String.fromCodePoint(codePoint)
    at = end
  }
  return result
}
