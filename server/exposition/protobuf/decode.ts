/**
 * Reads bodies of io.prometheus.client.MetricFamily messages. What can be read but breaks a rule (timestamps, a metric
 * without a value of its family's type) is marked for groups/prepare.ts, which says so as for text.
 */
import { SluiceError } from '../../errors.ts'
import type { MetricFamily } from '../../metrics/metric-family.ts'
import { isLegacyMetricName } from '../../metrics/names.ts'
import { BodyLimits, PARTS_PER_FAMILY } from '../body-limits.ts'
import { readMetric } from './decode-metric.ts'
import * as field from './fields.ts'
import { MalformedMessage, MessageReader } from './message-reader.ts'

export interface ProtobufParseOptions {
  /** Names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** More samples than this refuse the body; by default there is no limit. */
  readonly samplesMax?: number
}

/**
 * Parses messages that each have their length before them, into families in the order of their names' first
 * appearance. Of families of one name the last one counts, as in the original; families without metrics are left
 * out. Counts are read as doubles: beyond 2 ** 53 the last digits are lost.
 *
 * @throws SluiceError invalid_exposition, naming the message and what is wrong in it; body_too_large
 */
export function parseProtobuf(body: Buffer, options: ProtobufParseOptions): MetricFamily[] {
  const families = new Map<string, MetricFamily>()
  const limits = new BodyLimits(options.samplesMax)
  let at = 0
  for (let number = 1; at < body.length; number++) {
    try {
      const { start, end } = delimit(body, at)
      const family = readFamily(body.subarray(start, end), options.utf8Names, limits)
      families.set(family.name, family)
      at = end
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      throw new SluiceError(
        'invalid_exposition',
        `protobuf parsing error in message ${number} (byte ${at}): ${error.message}`,
      )
    }
  }
  return [...families.values()].filter(({ metrics }) => metrics.length > 0)
}

/**
 * One message without a length before it, as encodeFamily wrote it.
 *
 * @throws MalformedMessage
 */
export function decodeFamily(message: Buffer): MetricFamily {
  return readFamily(message, true, new BodyLimits())
}

/** Where the message lies whose length stands at `at`. */
function delimit(body: Buffer, at: number): { start: number; end: number } {
  let length = 0
  let start = at
  for (let shift = 0; ; shift += 7) {
    const byte = body[start++]
    if (byte === undefined) throw new MalformedMessage('the body ends within its length')
    if (shift > 63) throw new MalformedMessage('its length is no varint')
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > body.length - start) {
    throw new MalformedMessage(
      `it should have ${length} bytes, the body has ${body.length - start}`,
    )
  }
  return { start, end: start + length }
}

function readFamily(bytes: Uint8Array, utf8Names: boolean, limits: BodyLimits): MetricFamily {
  limits.takeParts(PARTS_PER_FAMILY)
  const reader = new MessageReader(bytes, { what: 'metric family', limits })
  let name = ''
  let help: string | undefined
  let unit: string | undefined
  let typeNumber = 0
  const encoded: Uint8Array[] = []
  while (reader.next()) {
    switch (reader.field) {
      case field.FAMILY.name:
        name = reader.string()
        break
      case field.FAMILY.help:
        help = reader.string()
        break
      case field.FAMILY.type:
        typeNumber = reader.int32()
        break
      case field.FAMILY.metric:
        limits.checkSamples(encoded.push(reader.bytes()))
        break
      case field.FAMILY.unit:
        unit = reader.string()
        break
      default:
        reader.skip()
    }
  }
  if (name === '') throw new MalformedMessage('metric family without a name')
  const what = `metric family ${JSON.stringify(name)}`
  if (!utf8Names && !isLegacyMetricName(name)) {
    throw new MalformedMessage(
      `invalid metric name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }
  const type = field.TYPES[typeNumber]
  if (type === undefined) throw new MalformedMessage(`${what} has the unknown type ${typeNumber}`)
  const metrics = encoded.map((metric) => readMetric(metric, { type, utf8Names, what, limits }))
  // As in text, an empty HELP is none.
  const head = { name, help: help === '' ? undefined : help, type, metrics }
  return (unit === undefined || unit === '' ? head : { ...head, unit }) as MetricFamily
}
