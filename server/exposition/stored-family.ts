/**
 * How a metric family lies in a store: its canonical text, which a page can show as it is, and behind it, only where
 * text cannot carry everything, the whole family as protobuf.
 *
 * The text is HELP, UNIT and TYPE as far as known, then the samples. The protobuf form follows with its length
 * (32 bits, big endian) and a zero byte, which no text ends in: text ends with a line feed.
 */
import type { Metric, MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { toByteString } from './byte-string.ts'
import { decodeFamily } from './protobuf/decode.ts'
import { encodeFamily } from './protobuf/encode.ts'
import type { SpelledFamily } from './spelled/series.ts'
import { parseText } from './text/parse.ts'
import { escapeHelp, shownName } from './text/render.ts'

export interface StoredParts {
  readonly text: Buffer
  /** The family as protobuf, where text does not carry all of it. */
  readonly full: Buffer | undefined
}

const LENGTH_BYTES = 4
const FULL_MARK = 0
const LINE_FEED = 0x0a
const HASH = 0x23

type FamilyHead = Pick<SpelledFamily, 'name' | 'type' | 'help' | 'unit'>

/**
 * What stands before the samples, as a byte string.
 *
 * @param shown the name as comments show it, as a byte string
 */
export function storedHeader({ type, help, unit }: FamilyHead, shown: string): string {
  const helpLine = help === undefined ? '' : `# HELP ${shown} ${toByteString(escapeHelp(help))}\n`
  const unitLine = unit !== undefined && isPlainUnit(unit) ? `# UNIT ${shown} ${unit}\n` : ''
  return `${helpLine}${unitLine}# TYPE ${shown} ${type}\n`
}

/**
 * What stands behind them where text does not carry all of the family, as a byte string.
 *
 * @param metrics with the labels they are exposed with, in the order of the text
 */
export function storedTrailer(head: FamilyHead, metrics: readonly Metric[]): string {
  const { name, type, help, unit } = head
  const withUnit = unit !== undefined && isPlainUnit(unit) ? { unit } : {}
  const full = encodeFamily({ name, type, help, ...withUnit, metrics } as MetricFamily)
  const trailer = Buffer.alloc(LENGTH_BYTES + 1)
  trailer.writeUInt32BE(full.length)
  trailer[LENGTH_BYTES] = FULL_MARK
  return full.toString('latin1') + trailer.toString('latin1')
}

/** @throws Error when the bytes are not what was stored */
export function splitStored(data: Buffer): StoredParts {
  const end = data.length - 1
  if (data[end] === LINE_FEED) return { text: data, full: undefined }
  const fullEnd = end - LENGTH_BYTES
  const fullStart =
    fullEnd < 0 || data[end] !== FULL_MARK ? -1 : fullEnd - data.readUInt32BE(fullEnd)
  if (fullStart <= 0 || data[fullStart - 1] !== LINE_FEED) {
    throw new Error('it ends neither with a line feed nor with a protobuf form')
  }
  return { text: data.subarray(0, fullStart), full: data.subarray(fullStart, fullEnd) }
}

/**
 * The family in full.
 *
 * @throws Error when the parts cannot be read
 */
export function readStored({ text, full }: StoredParts): MetricFamily {
  if (full !== undefined) return decodeFamily(full)
  const [family] = parseText(text, { utf8Names: true, lenientNewlines: false })
  if (family === undefined) throw new Error('it is without samples')
  const header = text.toString('utf8', 0, storedHeaderLength(text))
  const unit = storedUnit(header, family.name)
  return unit === undefined ? family : { ...family, unit }
}

/**
 * True when each histogram of these sample lines ends with its bucket for +Inf, as most do: then completeBuckets has
 * nothing to add. False also where that cannot be said without parsing.
 */
export function haveLastBuckets(samples: Buffer): boolean {
  const lines = samples.toString('latin1').split('\n')
  if (lines.pop() !== '' || lines.length === 0) return false
  let before = ''
  for (const line of lines) {
    const name = /^[^ {]*/.exec(line)![0]
    // Names in quotes stand inside the braces.
    if (name === '') return false
    if (name.endsWith('_sum') && !/^[^ {]*_bucket\{(.*,)?le="\+Inf"\} [^ ]*$/.test(before))
      return false
    before = line
  }
  return true
}

/**
 * Bytes of the lines before the samples.
 *
 * @throws Error when they have no end
 */
export function storedHeaderLength(text: Buffer): number {
  let at = 0
  while (text[at] === HASH) {
    const end = text.indexOf(LINE_FEED, at)
    if (end < 0) throw new Error('its header has no end')
    at = end + 1
  }
  return at
}

/** The HELP text as the text format escapes it, or '' when there is none. */
export function storedHelpText(header: string, name: string): string {
  return lineOf(header, `# HELP ${shownName(name)} `) ?? ''
}

export function storedUnit(header: string, name: string): string | undefined {
  return lineOf(header, `# UNIT ${shownName(name)} `)
}

export function storedType(header: string): MetricType {
  return header.slice(header.lastIndexOf(' ') + 1, -1) as MetricType
}

/** Units are words such as `seconds`; what could be taken for more than one is not kept. */
function isPlainUnit(unit: string): boolean {
  return /^[a-zA-Z0-9_:/%.-]+$/.test(unit)
}

function lineOf(header: string, start: string): string | undefined {
  const line = header.split('\n').find((text) => text.startsWith(start))
  return line?.slice(start.length)
}
