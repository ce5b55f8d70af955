/**
 * Sample lines of text as protobuf, without making metrics of them first. It knows counters, gauges and untyped metrics
 * as nearly all lines spell them, in a fifth of the time that parsing and encoding take (three lines: 3.3 instead of 16 us).
 */
import type { MetricType } from '../../metrics/metric-family.ts'
import { parseFloat64 } from '../../metrics/numbers.ts'
import {
  BACKSLASH,
  BRACE_OPEN,
  BRACE_CLOSE,
  COMMA,
  EQUALS,
  LINE_FEED,
  QUOTE,
  SPACE,
} from '../scan.ts'
import * as field from './fields.ts'

const LENGTH_DELIMITED = 2
const BIT64 = 1

const METRIC_TAG = (field.FAMILY.metric << 3) | LENGTH_DELIMITED
const LABEL_TAG = (field.METRIC.label << 3) | LENGTH_DELIMITED
const NAME_TAG = (field.LABEL_PAIR.name << 3) | LENGTH_DELIMITED
const VALUE_TAG = (field.LABEL_PAIR.value << 3) | LENGTH_DELIMITED
const DOUBLE_TAG = (field.COUNTER.value << 3) | BIT64
/** A counter, gauge or untyped with its tag and length: a double. */
const NUMBER_BYTES = 2 + 9

/** What one byte of a varint can say. */
const ONE_BYTE_MAX = 0x7f
const TWO_BYTES_MAX = 0x3fff

/** What a line takes more as protobuf than as text, besides two bytes for a comma. */
const LINE_EXTRA = 24

/**
 * The metrics of the lines as fields of the family's message; undefined where a line is not as simple as most.
 *
 * @param lines as renderFamilySamples writes them, names without quotes
 */
export function encodeLines(lines: Buffer, type: MetricType): Buffer | undefined {
  if (type !== 'counter' && type !== 'gauge' && type !== 'untyped') return undefined
  const valueTag = (field.METRIC[type] << 3) | LENGTH_DELIMITED
  const out = Buffer.allocUnsafe(roomFor(lines))
  let written = 0
  let at = 0
  while (at < lines.length) {
    // Two bytes are left for the length, which is known at the end of the line.
    const messageAt = written + 3
    let to = messageAt
    let byte = lines[at]
    while (byte !== BRACE_OPEN && byte !== SPACE && at < lines.length) byte = lines[++at]
    if (byte === BRACE_OPEN) {
      do {
        const nameAt = ++at
        while (lines[at] !== EQUALS) if (++at >= lines.length) return undefined
        const nameBytes = at - nameAt
        if (lines[++at] !== QUOTE) return undefined
        const valueAt = ++at
        while ((byte = lines[at]) !== QUOTE) {
          if (byte === BACKSLASH || at >= lines.length) return undefined
          at++
        }
        const valueBytes = at - valueAt
        const pairBytes = nameBytes + valueBytes + 4
        if (pairBytes > ONE_BYTE_MAX) return undefined
        out[to++] = LABEL_TAG
        out[to++] = pairBytes
        out[to++] = NAME_TAG
        out[to++] = nameBytes
        for (let i = nameAt; i < nameAt + nameBytes; i++) out[to++] = lines[i]!
        out[to++] = VALUE_TAG
        out[to++] = valueBytes
        for (let i = valueAt; i < at; i++) out[to++] = lines[i]!
        byte = lines[++at]
      } while (byte === COMMA)
      if (byte !== BRACE_CLOSE) return undefined
      at++
    }
    if (lines[at++] !== SPACE) return undefined
    const numberAt = at
    while (lines[at] !== LINE_FEED) if (++at >= lines.length) return undefined
    const value = parseFloat64(lines.toString('latin1', numberAt, at))
    if (value === undefined) return undefined
    at++
    out[to++] = valueTag
    out[to++] = NUMBER_BYTES - 2
    out[to++] = DOUBLE_TAG
    to = out.writeDoubleLE(value, to)
    const messageBytes = to - messageAt
    if (messageBytes > TWO_BYTES_MAX) return undefined
    out[written++] = METRIC_TAG
    if (messageBytes <= ONE_BYTE_MAX) {
      out[written++] = messageBytes
      out.copyWithin(written, messageAt, to)
    } else {
      out[written++] = (messageBytes & 0x7f) | 0x80
      out[written++] = messageBytes >> 7
    }
    written += messageBytes
  }
  return out.subarray(0, written)
}

function roomFor(lines: Buffer): number {
  let extra = LINE_EXTRA
  for (let i = 0; i < lines.length; i++) {
    const byte = lines[i]
    if (byte === LINE_FEED) extra += LINE_EXTRA
    else if (byte === COMMA) extra += 4
  }
  return lines.length + extra
}
