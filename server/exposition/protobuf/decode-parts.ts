/** The small messages that are parts of metrics of several types: labels, exemplars, moments. */
import type { Exemplar, Label, Timestamp } from '../../metrics/metric-family.ts'
import * as field from './fields.ts'
import { MalformedMessage, MessageReader, type MessageContext } from './message-reader.ts'

export function readLabel(bytes: Uint8Array, context: MessageContext): Label {
  const reader = new MessageReader(bytes, context)
  let name = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === field.LABEL_PAIR.name) name = reader.string()
    else if (reader.field === field.LABEL_PAIR.value) value = reader.string()
    else reader.skip()
  }
  return { name, value }
}

export function readExemplar(bytes: Uint8Array, context: MessageContext): Exemplar {
  const reader = new MessageReader(bytes, context)
  const labels: Label[] = []
  let value = 0
  let timestamp: Timestamp | undefined
  while (reader.next()) {
    if (reader.field === field.EXEMPLAR.label) labels.push(readLabel(reader.bytes(), context))
    else if (reader.field === field.EXEMPLAR.value) value = reader.double()
    else if (reader.field === field.EXEMPLAR.timestamp) {
      timestamp = readTimestamp(reader.bytes(), context)
    } else reader.skip()
  }
  return timestamp === undefined ? { labels, value } : { labels, value, timestamp }
}

const NANOS_MAX = 999_999_999

export function readTimestamp(bytes: Uint8Array, context: MessageContext): Timestamp {
  const reader = new MessageReader(bytes, context)
  let seconds = 0
  let nanos = 0
  while (reader.next()) {
    if (reader.field === field.TIMESTAMP.seconds) seconds = reader.int64()
    else if (reader.field === field.TIMESTAMP.nanos) nanos = reader.int32()
    else reader.skip()
  }
  if (!Number.isSafeInteger(seconds) || nanos < 0 || nanos > NANOS_MAX) {
    throw new MalformedMessage(
      `${context.what}: ${seconds} seconds and ${nanos} nanoseconds are no time`,
    )
  }
  return { seconds, nanos }
}
