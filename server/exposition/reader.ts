/**
 * Reads the lines that the text format 0.0.4 and OpenMetrics have in common, in one pass over the bytes: comments,
 * names, label sets, values, and errors with their line. What a name belongs to, and what may stand behind a
 * value, is for the formats' parsers to say.
 */
import { isUtf8 } from 'node:buffer'
import { InvalidExposition } from '../errors.ts'
import { isHistogramType, type Label, type Metric } from '../metrics/metric-family.ts'
import { isLegacyLabelName, isLegacyMetricName } from '../metrics/names.ts'
import { parseFloat64 } from '../metrics/numbers.ts'
import { BodyLimits, PARTS_PER_FAMILY } from './body-limits.ts'
import { FamilyDraft, UnfitSample, type Part } from './family-draft.ts'
import * as scan from './scan.ts'

export interface ReaderOptions {
  /** Quoted names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** More samples than this refuse the body; by default there is no limit. */
  readonly samplesMax?: number
}

const MANY_LABELS = 32

/** The cursor is at `at`; each method says where it expects it and leaves it behind what it read. */
export abstract class ExpositionReader {
  protected readonly bytes: Buffer
  protected at = 0
  protected line = 0
  private readonly format: string
  private readonly utf8Names: boolean
  private readonly limits: BodyLimits
  private readonly allUtf8: boolean

  // The family and part that `selectFamily` found last, and the bytes of the name it was given.
  protected family!: FamilyDraft
  protected part: Part = 'metric'
  private nameStart = 0
  private nameEnd = 0

  /** The label names of the current line, once there are many. */
  private manyNames = new Set<string>()

  /** What the `le` or `quantile` of the current line says, where the type gives it a meaning. */
  private bound: number | undefined

  /** @param format what errors call it */
  constructor(bytes: Buffer, format: string, options: ReaderOptions) {
    this.bytes = bytes
    this.format = format
    this.utf8Names = options.utf8Names
    this.limits = new BodyLimits(options.samplesMax)
    this.allUtf8 = isUtf8(bytes)
  }

  /** Sets `family` and `part` to what samples of this name belong to. */
  protected abstract selectFamily(name: string): void

  protected newFamily(name: string): FamilyDraft {
    this.limits.takeParts(PARTS_PER_FAMILY)
    return new FamilyDraft(name)
  }

  /** At the name of a HELP, TYPE or other comment that is not to be skipped; reads to the end of the line. */
  protected abstract readMetadata(keyword: string): void

  /** Whether comments that begin with this word say something. */
  protected abstract isMetadata(keyword: string): boolean

  /** Behind a value that ends in a blank; reads to the end of the line. */
  protected abstract readAfterValue(metric: Metric): void

  protected readLines(): void {
    const { bytes } = this
    for (;;) {
      this.line++
      this.skipBlanks()
      if (this.at >= bytes.length) return
      const byte = bytes[this.at]
      if (byte === scan.LINE_FEED) this.at++
      else if (byte === scan.HASH) this.readComment()
      else this.readSample()
    }
  }

  /** At a '#'. */
  private readComment(): void {
    this.at++
    this.skipBlanks()
    const keyword = this.readToken()
    if (!this.isMetadata(keyword)) return this.skipLine()
    this.skipBlanks()
    this.readMetadata(keyword)
  }

  /** At the name in a comment; undefined where the line says nothing of it, and then it is skipped. */
  protected readCommentName(): string | undefined {
    if (this.skipsEndOfLine()) return undefined
    const name = this.readName(scan.METRIC_START, scan.METRIC_PART)
    const after = this.peek()
    if (name === '' || !isBlank(after)) {
      if (name !== '' && this.skipsEndOfLine()) return undefined
      throw this.error(`invalid metric name in comment, found ${scan.quoteByte(after)}`)
    }
    this.checkMetricName(name)
    this.skipBlanks()
    return name
  }

  /** True when the line ended here; then the cursor is in the next one. */
  protected skipsEndOfLine(): boolean {
    if (this.peek() !== scan.LINE_FEED) return false
    this.at++
    return true
  }

  /** At the text of a HELP. */
  protected readHelpText(): string {
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
    this.at = end + 1
    return escaped ? unescape(text) : text
  }

  /** At the first byte of a metric name, or at the '{' that a quoted name stands in. */
  private readSample(): void {
    this.bound = undefined
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

  protected forgetName(): void {
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
  protected readLabels(): Label[] {
    const labels: Label[] = []
    for (;;) {
      this.skipBlanks()
      if (this.peek() === scan.BRACE_CLOSE) {
        this.at++
        return labels
      }
      this.limits.takeParts(1)
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

  protected addLabel(labels: Label[], name: string, value: string): void {
    const { type } = this.family
    if (name === 'le' && isHistogramType(type)) {
      this.bound = this.parseBound(name, value)
      return
    }
    if (name === 'quantile' && type === 'summary') {
      this.bound = this.parseBound(name, value)
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
  protected isRepeated(labels: readonly Label[], name: string): boolean {
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

  /** True when the sample stands for a bucket or quantile. */
  protected get hasBound(): boolean {
    return this.bound !== undefined && !Number.isNaN(this.bound)
  }

  /** At the value; reads to the end of the line. */
  private readValue(labels: Label[]): void {
    const value = this.readNumber('value')
    const metric = this.addSample(labels, value)
    if (this.peek() === scan.LINE_FEED) {
      this.at++
      return
    }
    this.skipBlanks()
    this.readAfterValue(metric)
  }

  protected readNumber(what: string): number {
    const token = this.readToken()
    const value = parseFloat64(token)
    if (value !== undefined) return value
    throw this.error(
      `expected float as ${what}, got ${JSON.stringify(token)}${hintAtCarriageReturn(token)}`,
    )
  }

  protected addSample(labels: Label[], value: number): Metric {
    this.limits.takeSamples(1)
    try {
      return this.family.add(this.part, labels, this.bound, value)
    } catch (error) {
      throw error instanceof UnfitSample ? this.error(error.message) : error
    }
  }

  protected checkMetricName(name: string): void {
    if (this.utf8Names || isLegacyMetricName(name)) return
    throw this.error(
      `invalid metric name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }

  protected checkLabelName(name: string): void {
    if (name === '__name__') throw this.error('label name "__name__" is reserved')
    if (this.utf8Names || isLegacyLabelName(name)) return
    throw this.error(
      `invalid label name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }

  /** Reads a bare or quoted name; '' when there is none at the cursor. */
  protected readName(startClass: number, partClass: number): string {
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
  protected readQuoted(what: string): string {
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
  protected readToken(): string {
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

  protected skipBlanks(): void {
    const { bytes } = this
    while (bytes[this.at] === scan.SPACE || bytes[this.at] === scan.TAB) this.at++
  }

  protected skipLine(): void {
    this.at = this.endOfLine() + 1
  }

  protected endOfLine(): number {
    const end = this.bytes.indexOf(scan.LINE_FEED, this.at)
    if (end < 0) throw this.endOfInput()
    return end
  }

  protected peek(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw this.endOfInput()
    return byte
  }

  protected endOfInput(): InvalidExposition {
    return this.error('unexpected end of input stream: the last line must end with a line feed')
  }

  protected badEscape(byte: number | undefined): InvalidExposition {
    return this.error(`invalid escape sequence '\\${String.fromCharCode(byte ?? 0)}'`)
  }

  protected error(message: string): InvalidExposition {
    return new InvalidExposition(this.format, this.line, message)
  }
}

export function isBlank(byte: number): boolean {
  return byte === scan.SPACE || byte === scan.TAB
}

/** Split first: a function called for each escape takes three times as long, and a body may be all escapes. */
export function unescape(text: string): string {
  return text
    .split('\\\\')
    .map((part) => part.replaceAll('\\n', '\n').replaceAll('\\"', '"'))
    .join('\\')
}

export function hintAtCarriageReturn(token: string): string {
  return token.endsWith('\r') ? ' (lines must end with LF, not CRLF)' : ''
}
