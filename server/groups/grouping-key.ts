/**
 * Which group a push is for: the grouping labels of its URL, and the bytes that name the group in
 * every store. Two URLs name the same group exactly when their labels are the same set.
 */
import { isUtf8 } from 'node:buffer'
import { SluiceError } from '../errors.ts'
import type { Label } from '../metrics/metric-family.ts'
import {
  encodeLabelName,
  isLegacyLabelName,
  isReservedLabelName,
  unescapeName,
} from '../metrics/names.ts'

export interface GroupingKey {
  readonly job: string
  /** All grouping labels, `job` included, names sorted bytewise. */
  readonly labels: readonly Label[]
  /** Length-prefixed UTF-8 names and values in that order; what stores know the group by. */
  readonly key: Buffer
}

const BASE64_SUFFIX = '@base64'

/**
 * Reads the part of a push URL behind the telemetry prefix, as it was sent: `job/x/instance/y`.
 * Segments are split before they are decoded, so `%2F` is a slash in a value.
 *
 * @param rawPath without leading slash, query or fragment
 * @throws SluiceError not_found when the path does not begin with a job, else invalid_path
 */
export function parseGroupingPath(rawPath: string, utf8Names: boolean): GroupingKey {
  const segments = rawPath.split('/')
  if (rawPath.includes('%'))
    segments.forEach((segment, i) => (segments[i] = decodeSegment(segment)))
  const head = segments[0]
  const job = segments[1]
  if ((head !== 'job' && head !== `job${BASE64_SUFFIX}`) || job === undefined) {
    throw new SluiceError('not_found', 'a group path begins with /job/ and the name of the job')
  }
  refuseUncleanSegments(segments)
  checkPairs(segments)
  const labels: Label[] = []
  for (let i = 2; i + 1 < segments.length; i += 2) {
    const name = segments[i]!
    const value = parseValue(name, segments[i + 1]!)
    labels.push({ name: parseLabelName(name, utf8Names), value })
  }
  const jobName = parseValue(head, job)
  if (jobName === '') throw invalidPath('job name is required')
  labels.push({ name: 'job', value: jobName })
  const sorted = lastOfEachName(sortByName(labels))
  return { job: jobName, labels: sorted, key: encodeGroupKey(sorted) }
}

/** Few are put in order one by one; sorting that is prepared for many takes five times as long. */
const FEW_LABELS = 8

function sortByName(labels: Label[]): Label[] {
  if (labels.length > FEW_LABELS) return labels.sort(byNameBytes)
  for (let i = 1; i < labels.length; i++) {
    const label = labels[i]!
    let at = i
    for (; at > 0 && byNameBytes(labels[at - 1]!, label) > 0; at--) labels[at] = labels[at - 1]!
    labels[at] = label
  }
  return labels
}

/** A name that is given twice counts as it was given last. */
function lastOfEachName(sorted: Label[]): Label[] {
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.name === sorted[i - 1]!.name) {
      return sorted.filter(({ name }, at) => name !== sorted[at + 1]?.name)
    }
  }
  return sorted
}

/** The grouping key of these labels, of which one is `job`; their order does not matter. */
export function groupingKeyOf(labels: readonly Label[]): GroupingKey {
  const sorted = sortByName([...labels])
  const job = sorted.find((label) => label.name === 'job')?.value
  if (job === undefined) throw new TypeError('grouping labels without a job')
  return { job, labels: sorted, key: encodeGroupKey(sorted) }
}

function decodeSegment(segment: string): string {
  const bytes = Buffer.from(
    segment.replace(/%([0-9a-fA-F]{2})?/g, (_, hex: string | undefined) => {
      if (hex === undefined) throw invalidPath(`bad percent escape in ${JSON.stringify(segment)}`)
      return String.fromCharCode(Number.parseInt(hex, 16))
    }),
    'latin1',
  )
  if (!isUtf8(bytes)) {
    throw invalidPath(`${JSON.stringify(segment)} does not decode to valid UTF-8`)
  }
  return bytes.toString('utf8')
}

/** The original answers these with a redirect that clients take for success; nothing is stored. */
function refuseUncleanSegments(segments: readonly string[]): void {
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!
    if (segment === '.' || segment === '..') {
      throw invalidPath(
        `path segment ${JSON.stringify(segment)} would be cleaned away on its way; write the value as @base64`,
      )
    }
    if (segment === '' && index > 1 && index < segments.length - 1) {
      throw invalidPath('empty path segment (//); write an empty value as @base64/=')
    }
  }
}

/** Behind the job come pairs of label names and values. */
function checkPairs(segments: readonly string[]): void {
  const count = segments.length - 2
  // A trailing slash behind the job is no label.
  if (count % 2 === 0 || (count === 1 && segments[2] === '')) return
  throw invalidPath(
    `odd number of components in label string ${JSON.stringify(`/${segments.slice(2).join('/')}`)}`,
  )
}

function parseLabelName(segment: string, utf8Names: boolean): string {
  const written = segment.endsWith(BASE64_SUFFIX)
    ? segment.slice(0, -BASE64_SUFFIX.length)
    : segment
  const name = utf8Names ? unescapeName(written) : written
  if (name === '' || (!utf8Names && !isLegacyLabelName(name)) || isReservedLabelName(name)) {
    throw invalidPath(`improper label name ${JSON.stringify(name)}`)
  }
  return name
}

function parseValue(nameSegment: string, value: string): string {
  return nameSegment.endsWith(BASE64_SUFFIX) ? decodeBase64(value) : value
}

/** URL-safe alphabet only, any number of '=' at the end; line breaks inside are skipped, as in Go. */
function decodeBase64(text: string): string {
  let end = text.length
  while (text.charAt(end - 1) === '=') end--
  const digits = text.slice(0, end).replace(/[\r\n]/g, '')
  if (!/^[A-Za-z0-9_-]*$/.test(digits) || digits.length % 4 === 1) {
    throw invalidPath(`invalid base64 value ${JSON.stringify(text)} (URL-safe alphabet expected)`)
  }
  const bytes = Buffer.from(digits, 'base64url')
  if (!isUtf8(bytes)) {
    throw invalidPath(`base64 value ${JSON.stringify(text)} does not decode to valid UTF-8`)
  }
  return bytes.toString('utf8')
}

function invalidPath(message: string): SluiceError {
  return new SluiceError('invalid_path', message)
}

/** Orders labels by the UTF-8 bytes of their names. */
export function byNameBytes(a: Pick<Label, 'name'>, b: Pick<Label, 'name'>): number {
  return compareUtf8(a.name, b.name)
}

/** Orders strings by their UTF-8 bytes, which UTF-16 order is not beyond the basic plane. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const xSurrogate = x >= 0xd800 && x <= 0xdfff
    const ySurrogate = y >= 0xd800 && y <= 0xdfff
    return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1
  }
  return a.length - b.length
}

function encodeGroupKey(sorted: readonly Label[]): Buffer {
  let bytes = ''
  for (const { name, value } of sorted) bytes += withLength(name) + withLength(value)
  return Buffer.from(bytes, 'latin1')
}

/** The UTF-8 bytes of a text behind their length, as latin1. */
function withLength(text: string): string {
  const bytes = isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
  return lengthPrefix(bytes.length) + bytes
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Unsigned LEB128, so that short names and values cost one byte of length. */
function lengthPrefix(length: number): string {
  let bytes = ''
  let rest = length
  while (rest >= 0x80) {
    bytes += String.fromCharCode((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return bytes + String.fromCharCode(rest)
}

/** The labels that `key` was made of. */
export function decodeGroupKey(key: Buffer): GroupingKey {
  let at = 0
  const readText = (): string => {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = key[at++]
      if (byte === undefined) throw new RangeError('group key ends inside a length')
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if (at + length > key.length) throw new RangeError('group key ends inside a text')
    const text = key.toString('utf8', at, at + length)
    at += length
    return text
  }
  const labels: Label[] = []
  while (at < key.length) labels.push({ name: readText(), value: readText() })
  return { job: labels.find((label) => label.name === 'job')?.value ?? '', labels, key }
}

/**
 * The path behind /metrics/ that names this group, in the form every client can send.
 *
 * @param utf8Names whether whoever reads it decodes `U__` names (--push.enable-utf8-names)
 */
export function groupPath(grouping: GroupingKey, utf8Names: boolean): string {
  const job = { name: 'job', value: grouping.job }
  const others = grouping.labels.filter((label) => label.name !== 'job')
  return [job, ...others].map((label) => pathPart(label, utf8Names)).join('/')
}

function pathPart({ name, value }: Label, utf8Names: boolean): string {
  const shown = encodeURIComponent(utf8Names ? encodeLabelName(name) : name)
  if (value !== '' && !/[^A-Za-z0-9_~:-]/.test(value)) return `${shown}/${value}`
  const digits = Buffer.from(value, 'utf8').toString('base64url')
  return `${shown}${BASE64_SUFFIX}/${digits === '' ? '=' : digits}`
}
