/**
 * How a metric family lies in a store: its canonical text, which a page can show as it is, and behind it, only where
 * text cannot carry everything, the whole family as protobuf.
 *
 * The text is HELP, UNIT and TYPE as far as known, then the samples. The protobuf form follows with its length
 * (32 bits, big endian) and a zero byte, which no text ends in: text ends with a line feed.
 */
import type { Label, Metric, MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { decodeFamily } from './protobuf/decode.ts'
import { encodeFamily } from './protobuf/encode.ts'
import { parseText } from './text/parse.ts'
import { renderHeader, renderMetric, shownName } from './text/render.ts'

/** A metric with its labels in the order and spelling of the text. */
export interface LabelledMetric {
  readonly metric: Metric
  readonly labels: readonly Label[]
  readonly labelText: string
}

export interface StoredParts {
  readonly text: Buffer
  /** The family as protobuf, where text does not carry all of it. */
  readonly full: Buffer | undefined
}

const LENGTH_BYTES = 4
const FULL_MARK = 0
const LINE_FEED = 0x0a
const HASH = 0x23

/** @param metrics those of the family, in the order in which they are to be shown */
export function encodeStored(
  { name, type, help, unit }: Pick<MetricFamily, 'name' | 'type' | 'help' | 'unit'>,
  metrics: readonly LabelledMetric[],
): Buffer {
  const head = { name, type, help, ...(unit !== undefined && isPlainUnit(unit) ? { unit } : {}) }
  let text = renderStoredHeader(head)
  for (const { metric, labelText } of metrics) text += renderMetric(name, metric, labelText)
  if (metrics.every(({ metric }) => isCarriedByText(metric))) return Buffer.from(text)
  const whole = metrics.map(({ metric, labels }) => ({ ...metric, labels }))
  const full = encodeFamily({ ...head, metrics: whole } as MetricFamily)
  const trailer = Buffer.alloc(LENGTH_BYTES + 1)
  trailer.writeUInt32BE(full.length)
  trailer[LENGTH_BYTES] = FULL_MARK
  return Buffer.concat([Buffer.from(text), full, trailer])
}

/** @throws Error when the bytes are not what encodeStored wrote */
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

function renderStoredHeader({
  name,
  type,
  help,
  unit,
}: Pick<MetricFamily, 'name' | 'type' | 'help' | 'unit'>): string {
  const header = renderHeader(name, type, help)
  if (unit === undefined) return header
  // Only a line can begin so: a name that says `# TYPE ` is not taken for one.
  const typeAt = header.lastIndexOf('\n# TYPE ') + 1
  return `${header.slice(0, typeAt)}# UNIT ${shownName(name)} ${unit}\n${header.slice(typeAt)}`
}

/** Units are words such as `seconds`; what could be taken for more than one is not kept. */
function isPlainUnit(unit: string): boolean {
  return /^[a-zA-Z0-9_:/%.-]+$/.test(unit)
}

function lineOf(header: string, start: string): string | undefined {
  const line = header.split('\n').find((text) => text.startsWith(start))
  return line?.slice(start.length)
}

/** False for what the text format 0.0.4 has no words for, or does not read back as it was. */
function isCarriedByText(metric: Metric): boolean {
  if (metric.created !== undefined) return false
  if ('value' in metric) return metric.exemplar === undefined
  if ('quantiles' in metric) {
    // A count of 2 ** 64 is what a double makes of the largest ones; text reads it as another one.
    return (
      metric.count < 2 ** 64 && !metric.quantiles.some(({ quantile }) => Number.isNaN(quantile))
    )
  }
  if (metric.native !== undefined || metric.hasFloatCounts === true) return false
  return !metric.buckets.some(
    ({ exemplar, upperBound }) => exemplar !== undefined || Number.isNaN(upperBound),
  )
}
