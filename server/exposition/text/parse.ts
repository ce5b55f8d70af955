/**
 * Reads the text format 0.0.4 in one pass over its bytes, by the rules of the original's parser:
 * what that accepts is accepted, what it refuses is refused, with the line in the error.
 */
import { isUtf8 } from 'node:buffer'
import { InvalidExposition, SluiceError } from '../../errors.ts'
import {
  isHistogramType,
  type Label,
  type Metric,
  type MetricFamily,
  type MetricType,
} from '../../metrics/metric-family.ts'
import { isLegacyLabelName, isLegacyMetricName } from '../../metrics/names.ts'
import { parseFloat64 } from '../../metrics/numbers.ts'
import * as scan from './scan.ts'

export interface TextParseOptions {
  /** Quoted names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** CRLF line ends and a missing last line feed are accepted (--push.lenient-newlines). */
  readonly lenientNewlines: boolean
  /** More samples than this refuse the body; by default there is no limit. */
  readonly samplesMax?: number
}

/** Which part of a summary or histogram the samples of a name are. */
type Part = 'metric' | 'sum' | 'count'

interface FamilyDraft {
  readonly name: string
  type: MetricType | undefined
  help: string | undefined
  readonly metrics: Metric[]
  /** Summaries and histograms: their metrics by label signature. */
  bySignature: Map<string, Metric> | undefined
}

/** As a TYPE line spells them, in any case. */
const TYPES: ReadonlyMap<string, MetricType> = new Map([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['untyped', 'untyped'],
  ['summary', 'summary'],
  ['histogram', 'histogram'],
  ['gaugehistogram', 'gaugehistogram'],
  ['gauge_histogram', 'gaugehistogram'],
])

const MANY_LABELS = 32

/**
 * Parses an exposition into its families, in the order their names first appear. Families without
 * samples are left out; metrics stay in the order of the text, duplicates included.
 *
 * @throws InvalidExposition naming the line and what is wrong there
 * @throws SluiceError body_too_large
 */
export function parseText(body: Buffer, options: TextParseOptions): MetricFamily[] {
  const bytes = options.lenientNewlines ? withUnixNewlines(body) : body
  return new TextParser(bytes, options).parse()
}

function withUnixNewlines(body: Buffer): Buffer {
  const text = body.includes('\r\n')
    ? Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : body
  if (text.length === 0 || text[text.length - 1] === scan.LINE_FEED) return text
  return Buffer.concat([text, Buffer.from('\n')])
}

/** The cursor is at `at`; each method says where it expects it and leaves it behind what it read. */
class TextParser {
  private readonly bytes: Buffer
  private readonly utf8Names: boolean
  private readonly samplesMax: number
  private sampleCount = 0
  private readonly allUtf8: boolean
  private at = 0
  private line = 0
  private readonly families = new Map<string, FamilyDraft>()

  // The family and part that `selectFamily` found last, and the bytes of the name it was given.
  private family!: FamilyDraft
  private part: Part = 'metric'
  private nameStart = 0
  private nameEnd = 0

  /** The label names of the current line, once there are many. */
  private manyNames = new Set<string>()

  // What the current line carries besides plain labels.
  private quantile: number | undefined
  private upperBound: number | undefined

  constructor(bytes: Buffer, options: TextParseOptions) {
    this.bytes = bytes
    this.utf8Names = options.utf8Names
    this.samplesMax = options.samplesMax ?? Infinity
    this.allUtf8 = isUtf8(bytes)
  }

  parse(): MetricFamily[] {
    const { bytes } = this
    for (;;) {
      this.line++
      this.skipBlanks()
      if (this.at >= bytes.length) break
      const byte = bytes[this.at]
      if (byte === scan.LINE_FEED) this.at++
      else if (byte === scan.HASH) this.readComment()
      else this.readSample()
    }
    const families: MetricFamily[] = []
    for (const draft of this.families.values()) {
      if (draft.metrics.length > 0) families.push(toFamily(draft))
    }
    return families
  }

  /** At a '#'. */
  private readComment(): void {
    this.at++
    this.skipBlanks()
    const keyword = this.readToken()
    if (keyword !== 'HELP' && keyword !== 'TYPE') return this.skipLine()
    this.skipBlanks()
    if (this.peek() === scan.LINE_FEED) return this.skipLine()
    const name = this.readName(scan.METRIC_START, scan.METRIC_PART)
    const after = this.peek()
    if (name === '' || !isBlank(after)) {
      if (after === scan.LINE_FEED && name !== '') return this.skipLine()
      throw this.error(`invalid metric name in comment, found ${scan.quoteByte(after)}`)
    }
    this.checkMetricName(name)
    this.selectFamily(name)
    this.forgetName()
    this.skipBlanks()
    if (this.peek() === scan.LINE_FEED) return this.skipLine()
    if (keyword === 'HELP') this.readHelp()
    else this.readType()
  }

  private readHelp(): void {
    if (this.family.help !== undefined) {
      throw this.error(`second HELP line for metric name ${JSON.stringify(this.family.name)}`)
    }
    const start = this.at
    const end = this.endOfLine()
    let escaped = false
    for (let at = start; at < end; at++) {
      if (this.bytes[at] !== scan.BACKSLASH) continue
      escaped = true
      at++
      const next = this.bytes[at]
      if (next !== scan.BACKSLASH && next !== scan.LOWER_N && next !== scan.QUOTE) {
        throw this.badEscape(at < end ? next : scan.LINE_FEED)
      }
    }
    const text = this.bytes.toString('utf8', start, end)
    this.family.help = escaped ? unescape(text) : text
    this.at = end + 1
  }

  private readType(): void {
    const { family } = this
    if (family.type !== undefined) {
      throw this.error(
        `second TYPE line for metric name ${JSON.stringify(family.name)}, or TYPE reported after samples`,
      )
    }
    const end = this.endOfLine()
    const text = this.bytes.toString('utf8', this.at, end)
    const type = TYPES.get(text.toLowerCase())
    if (type === undefined) {
      throw this.error(`unknown metric type ${JSON.stringify(text)}${hintAtCarriageReturn(text)}`)
    }
    family.type = type
    this.at = end + 1
  }

  /** At the first byte of a metric name, or at the '{' that a quoted name stands in. */
  private readSample(): void {
    this.quantile = undefined
    this.upperBound = undefined
    let labels: Label[]
    if (this.bytes[this.at] === scan.BRACE_OPEN) {
      labels = this.readNameInBraces()
    } else {
      if (!this.isRepeatedName()) this.readMetricName()
      this.skipBlanks()
      if (this.peek() === scan.BRACE_OPEN) {
        this.at++
        labels = this.readLabels()
      } else {
        labels = []
      }
    }
    this.skipBlanks()
    this.readValue(labels)
  }

  private readMetricName(): void {
    this.nameStart = this.at
    const name = this.readName(scan.METRIC_START, scan.METRIC_PART)
    if (name === '') {
      throw this.error(`invalid metric name, found ${scan.quoteByte(this.peek())}`)
    }
    this.nameEnd = this.at
    this.checkMetricName(name)
    this.selectFamily(name)
    this.family.type ??= 'untyped'
  }

  /** Most lines repeat the name of the line before: then its family need not be looked up. */
  private isRepeatedName(): boolean {
    const { bytes, nameStart } = this
    const length = this.nameEnd - nameStart
    if (length === 0) return false
    const start = this.at
    for (let i = 0; i < length; i++) {
      if (bytes[start + i] !== bytes[nameStart + i]) return false
    }
    const after = bytes[start + length]
    if (after !== scan.BRACE_OPEN && after !== scan.SPACE) return false
    this.at = start + length
    return true
  }

  private forgetName(): void {
    this.nameEnd = this.nameStart = 0
  }

  /** At the '{' of `{"name",a="b"}`. */
  private readNameInBraces(): Label[] {
    this.at++
    this.skipBlanks()
    // A bare name in braces is read like a label's, so without colons.
    const name = this.readName(scan.LABEL_START, scan.LABEL_PART)
    this.skipBlanks()
    const after = this.peek()
    if (name === '' || (after !== scan.COMMA && after !== scan.BRACE_CLOSE)) {
      throw this.error(
        `expected a quoted metric name at the start of braces, found ${scan.quoteByte(after)}`,
      )
    }
    this.checkMetricName(name)
    this.forgetName()
    this.selectFamily(name)
    this.family.type ??= 'untyped'
    this.at++
    return after === scan.COMMA ? this.readLabels() : []
  }

  /** Behind the '{' or the first ','; reads up to and with the '}'. */
  private readLabels(): Label[] {
    const labels: Label[] = []
    for (;;) {
      this.skipBlanks()
      if (this.peek() === scan.BRACE_CLOSE) {
        this.at++
        return labels
      }
      const name = this.readName(scan.LABEL_START, scan.LABEL_PART)
      if (name === '') {
        throw this.error(
          `invalid label name for metric ${JSON.stringify(this.family.name)}, found ${scan.quoteByte(this.peek())}`,
        )
      }
      this.checkLabelName(name)
      this.skipBlanks()
      if (this.peek() !== scan.EQUALS) {
        throw this.error(
          `expected '=' after label name ${JSON.stringify(name)}, found ${scan.quoteByte(this.peek())}`,
        )
      }
      this.at++
      this.skipBlanks()
      if (this.peek() !== scan.QUOTE) {
        throw this.error(
          `expected '"' at start of the value of label ${JSON.stringify(name)}, found ${scan.quoteByte(this.peek())}`,
        )
      }
      const value = this.readQuoted('label value')
      this.addLabel(labels, name, value)
      this.skipBlanks()
      const after = this.peek()
      if (after !== scan.COMMA && after !== scan.BRACE_CLOSE) {
        throw this.error(
          `unexpected end of label value ${JSON.stringify(value)}, found ${scan.quoteByte(after)}`,
        )
      }
      if (after === scan.COMMA) this.at++
    }
  }

  private addLabel(labels: Label[], name: string, value: string): void {
    const { type } = this.family
    if (name === 'le' && isHistogramType(type)) {
      this.upperBound = this.parseBound(name, value)
      return
    }
    if (name === 'quantile' && type === 'summary') {
      this.quantile = this.parseBound(name, value)
      return
    }
    if (this.isRepeated(labels, name)) {
      throw this.error(
        `duplicate label name ${JSON.stringify(name)} for metric ${JSON.stringify(this.family.name)}`,
      )
    }
    labels.push({ name, value })
  }

  /** Looks through the few labels of a usual line; a set serves the line that has thousands. */
  private isRepeated(labels: readonly Label[], name: string): boolean {
    if (labels.length < MANY_LABELS) return labels.some((label) => label.name === name)
    if (labels.length === MANY_LABELS) this.manyNames = new Set(labels.map((label) => label.name))
    if (this.manyNames.has(name)) return true
    this.manyNames.add(name)
    return false
  }

  private parseBound(name: string, value: string): number {
    const bound = parseFloat64(value)
    if (bound === undefined) {
      throw this.error(`expected float as value for '${name}' label, got ${JSON.stringify(value)}`)
    }
    return bound
  }

  /** At the value; reads to the end of the line. */
  private readValue(labels: Label[]): void {
    const token = this.readToken()
    const value = parseFloat64(token)
    if (value === undefined) {
      throw this.error(
        `expected float as value, got ${JSON.stringify(token)}${hintAtCarriageReturn(token)}`,
      )
    }
    const metric = this.addSample(labels, value)
    if (this.peek() === scan.LINE_FEED) {
      this.at++
      return
    }
    this.skipBlanks()
    const timestamp = this.readToken()
    if (!isInt64(timestamp)) {
      throw this.error(
        `expected integer as timestamp, got ${JSON.stringify(timestamp)}${hintAtCarriageReturn(timestamp)}`,
      )
    }
    metric.hasTimestamp = true
    if (this.peek() !== scan.LINE_FEED) {
      const end = this.endOfLine()
      throw this.error(
        `spurious string after timestamp: ${JSON.stringify(this.bytes.toString('utf8', this.at, end))}`,
      )
    }
    this.at++
  }

  private addSample(labels: Label[], value: number): Metric {
    if (++this.sampleCount > this.samplesMax) {
      const most = `more than ${this.samplesMax} samples (--push.max-samples)`
      throw new SluiceError('body_too_large', `the body holds ${most}`)
    }
    const { family, part } = this
    switch (family.type) {
      case 'summary': {
        const metric = this.metricOf(labels, () => ({ labels, quantiles: [], sum: 0, count: 0 }))
        if (!('quantiles' in metric)) throw new TypeError('a summary holds summaries')
        if (part === 'count') metric.count = toUint64(value)
        else if (part === 'sum') metric.sum = value
        else if (this.quantile !== undefined && !Number.isNaN(this.quantile)) {
          metric.quantiles.push({ quantile: this.quantile, value })
        }
        return metric
      }
      case 'histogram':
      case 'gaugehistogram': {
        const metric = this.metricOf(labels, () => ({ labels, buckets: [], sum: 0, count: 0 }))
        if (!('buckets' in metric)) throw new TypeError('a histogram holds histograms')
        if (part === 'sum') metric.sum = value
        else if (part === 'count') metric.count = this.checkCount(value, 'count')
        else if (this.upperBound !== undefined && !Number.isNaN(this.upperBound)) {
          const cumulativeCount = this.checkCount(value, 'bucket population')
          metric.buckets.push({ upperBound: this.upperBound, cumulativeCount })
        }
        return metric
      }
      default: {
        const metric = { labels, value }
        family.metrics.push(metric)
        return metric
      }
    }
  }

  /** The metric of a summary or histogram family that these labels belong to. */
  private metricOf(labels: Label[], create: () => Metric): Metric {
    const { family } = this
    const last = family.metrics[family.metrics.length - 1]
    if (last !== undefined && sameLabels(last.labels, labels)) return last
    family.bySignature ??= new Map()
    const signature = labelSignature(labels)
    let metric = family.bySignature.get(signature)
    if (metric === undefined) {
      metric = create()
      family.bySignature.set(signature, metric)
      family.metrics.push(metric)
    }
    return metric
  }

  private checkCount(value: number, what: string): number {
    if (value < 0) {
      throw this.error(`negative ${what} for histogram ${JSON.stringify(this.family.name)}`)
    }
    return value
  }

  /** Finds or creates the family that samples of this name belong to, and their part in it. */
  private selectFamily(name: string): void {
    this.part = 'metric'
    const exact = this.families.get(name)
    if (exact !== undefined) {
      this.family = exact
      return
    }
    const base = this.baseFamily(name, '_count') ?? this.baseFamily(name, '_sum')
    if (base !== undefined) {
      this.family = base
      this.part = name.endsWith('_count') ? 'count' : 'sum'
      return
    }
    const bucket = this.baseFamily(name, '_bucket')
    if (bucket !== undefined && isHistogramType(bucket.type)) {
      this.family = bucket
      return
    }
    this.family = { name, type: undefined, help: undefined, metrics: [], bySignature: undefined }
    this.families.set(name, this.family)
  }

  private baseFamily(name: string, suffix: string): FamilyDraft | undefined {
    if (!name.endsWith(suffix)) return undefined
    const family = this.families.get(name.slice(0, -suffix.length))
    return family?.type === 'summary' || isHistogramType(family?.type) ? family : undefined
  }

  private checkMetricName(name: string): void {
    if (this.utf8Names || isLegacyMetricName(name)) return
    throw this.error(
      `invalid metric name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }

  private checkLabelName(name: string): void {
    if (name === '__name__') throw this.error('label name "__name__" is reserved')
    if (this.utf8Names || isLegacyLabelName(name)) return
    throw this.error(
      `invalid label name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }

  /** Reads a bare or quoted name; '' when there is none at the cursor. */
  private readName(startClass: number, partClass: number): string {
    const { bytes } = this
    const start = this.at
    const first = this.peek()
    if (first === scan.QUOTE) return this.readQuoted('name')
    if ((scan.CLASS[first]! & startClass) === 0) return ''
    let at = start + 1
    while (at < bytes.length && (scan.CLASS[bytes[at]!]! & partClass) !== 0) at++
    this.at = at
    return bytes.toString('latin1', start, at)
  }

  /** At the opening quote; leaves the cursor behind the closing one. */
  private readQuoted(what: string): string {
    const { bytes } = this
    const start = this.at + 1
    let at = start
    let high = 0
    let escaped = false
    for (; ; at++) {
      const byte = bytes[at]
      if (byte === scan.QUOTE) break
      if (byte === undefined) throw this.endOfInput()
      if (byte === scan.LINE_FEED) {
        const text = bytes.toString('utf8', start, at)
        throw this.error(`${what} ${JSON.stringify(text)} contains unescaped new-line`)
      }
      if (byte === scan.BACKSLASH) {
        escaped = true
        const next = bytes[++at]
        if (next !== scan.BACKSLASH && next !== scan.QUOTE && next !== scan.LOWER_N) {
          if (next === undefined) throw this.endOfInput()
          throw this.badEscape(next)
        }
      }
      high |= byte
    }
    this.at = at + 1
    if (high < 0x80 && !escaped) return bytes.toString('latin1', start, at)
    if (!this.allUtf8 && !isUtf8(bytes.subarray(start, at))) {
      throw this.error(
        `${what} ${JSON.stringify(bytes.toString('latin1', start, at))} is not valid UTF-8`,
      )
    }
    const text = bytes.toString('utf8', start, at)
    return escaped ? unescape(text) : text
  }

  /** Reads up to the next blank or line feed, which must exist. */
  private readToken(): string {
    const { bytes } = this
    const start = this.at
    let at = start
    for (;;) {
      const byte = bytes[at]
      if (byte === undefined) throw this.endOfInput()
      if (byte === scan.LINE_FEED || byte === scan.SPACE || byte === scan.TAB) break
      at++
    }
    this.at = at
    return bytes.toString('latin1', start, at)
  }

  private skipBlanks(): void {
    const { bytes } = this
    while (bytes[this.at] === scan.SPACE || bytes[this.at] === scan.TAB) this.at++
  }

  private skipLine(): void {
    this.at = this.endOfLine() + 1
  }

  private endOfLine(): number {
    const end = this.bytes.indexOf(scan.LINE_FEED, this.at)
    if (end < 0) throw this.endOfInput()
    return end
  }

  private peek(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw this.endOfInput()
    return byte
  }

  private endOfInput(): InvalidExposition {
    return this.error('unexpected end of input stream: the last line must end with a line feed')
  }

  private badEscape(byte: number | undefined): InvalidExposition {
    return this.error(`invalid escape sequence '\\${String.fromCharCode(byte ?? 0)}'`)
  }

  private error(message: string): InvalidExposition {
    return new InvalidExposition(this.line, message)
  }
}

function toFamily(draft: FamilyDraft): MetricFamily {
  // addSample gave every metric the shape of its family's type.
  const { name, help, metrics, type = 'untyped' } = draft
  return { name, help, type, metrics } as MetricFamily
}

function isBlank(byte: number): boolean {
  return byte === scan.SPACE || byte === scan.TAB
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
}

function hintAtCarriageReturn(token: string): string {
  return token.endsWith('\r') ? ' (lines must end with LF, not CRLF)' : ''
}

const INT64_MAX = 2n ** 63n - 1n

function isInt64(token: string): boolean {
  if (!/^[+-]?[0-9]+$/.test(token)) return false
  if (token.length < 19) return true
  const digits = token.replace(/^[+-]?0*/, '')
  // Reading thousands of digits as one number takes its time.
  if (digits.length > 19) return false
  const value = BigInt(token.startsWith('-') ? `-${digits}` : digits)
  return value <= INT64_MAX && value >= -INT64_MAX - 1n
}

/** Go's conversion of a float64 to a uint64 on amd64, which the original applies to summaries. */
function toUint64(value: number): number {
  if (Number.isNaN(value) || value >= 2 ** 64) return 2 ** 63
  const truncated = Math.trunc(value)
  if (truncated >= 0) return truncated
  return truncated < -(2 ** 63) ? 2 ** 63 : Number(BigInt.asUintN(64, BigInt(truncated)))
}

function sameLabels(a: readonly Label[], b: readonly Label[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.name !== b[i]!.name || a[i]!.value !== b[i]!.value) return false
  }
  return true
}

/** Equal for equal label sets, in whichever order they were written. */
function labelSignature(labels: readonly Label[]): string {
  return JSON.stringify(labels.map(({ name, value }) => [name, value]).sort(byName))
}

function byName([a]: string[], [b]: string[]): number {
  return a! < b! ? -1 : 1
}
