/**
 * Reads the lines that the text format 0.0.4 and OpenMetrics have in common, in one pass over the bytes: comments,
 * names, label sets, values, and errors with their line. What a name belongs to, and what may stand behind a
 * value, is for the formats' parsers to say.
 */
import { isHistogramType } from '../metrics/metric-family.ts'
import { isLegacyLabelName, isLegacyMetricName } from '../metrics/names.ts'
import { BodyLimits, PARTS_PER_FAMILY } from './body-limits.ts'
import { detached } from './byte-string.ts'
import { unescape } from './escapes.ts'
import { FamilyDraft, UnfitSample, type LineLabels, type Part } from './family-draft.ts'
import { LabelPattern } from './label-pattern.ts'
import { hintAtCarriageReturn, isBlank, LineScanner } from './line-scanner.ts'
import * as scan from './scan.ts'
import { labelNamesOf, NO_LABELS, showName } from './spelled/label-names.ts'
import { spellNumber } from './spelled/number.ts'
import type { SpelledSeries } from './spelled/series.ts'

export interface ReaderOptions {
  /** Quoted names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** More samples than this refuse the body; by default there is no limit. */
  readonly samplesMax?: number
}

const MANY_LABELS = 32

const BARE: LineLabels = { names: NO_LABELS, values: [], arePlain: true, bound: undefined }

export abstract class ExpositionReader extends LineScanner {
  private readonly utf8Names: boolean
  private readonly limits: BodyLimits

  // The family and part that `selectFamily` found last, and the bytes of the name it was given.
  protected family!: FamilyDraft
  protected part: Part = 'metric'
  private nameStart = 0
  private nameEnd = 0

  private readonly pattern: LabelPattern
  /** The label names of the current line, once there are many. */
  private manyNames = new Set<string>()

  /** @param format what errors call it */
  constructor(bytes: Buffer, format: string, options: ReaderOptions) {
    super(bytes, format)
    this.utf8Names = options.utf8Names
    this.limits = new BodyLimits(options.samplesMax)
    this.pattern = new LabelPattern(bytes, this.text)
  }

  /** Sets `family` and `part` to what samples of this name belong to. */
  protected abstract selectFamily(name: string): void

  protected newFamily(name: string): FamilyDraft {
    this.limits.takeParts(PARTS_PER_FAMILY)
    return new FamilyDraft(detached(name))
  }

  /** At the name of a HELP, TYPE or other comment that is not to be skipped; reads to the end of the line. */
  protected abstract readMetadata(keyword: string): void

  /** Whether comments that begin with this word say something. */
  protected abstract isMetadata(keyword: string): boolean

  /** Behind a value that ends in a blank; reads to the end of the line. */
  protected abstract readAfterValue(series: SpelledSeries): void

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
    const isQuoted = this.peek() === scan.QUOTE
    const name = this.readName(scan.METRIC_START, scan.METRIC_PART)
    const after = this.peek()
    if (name === '' || !isBlank(after)) {
      if (name !== '' && this.skipsEndOfLine()) return undefined
      throw this.error(`invalid metric name in comment, found ${scan.quoteByte(after)}`)
    }
    if (isQuoted) this.checkMetricName(name)
    this.skipBlanks()
    return name
  }

  /** At the text of a HELP. */
  protected readHelpText(): string {
    const start = this.at
    const end = this.endOfLine()
    let escaped = false
    let high = 0
    for (let at = start; at < end; at++) {
      const byte = this.bytes[at]!
      high |= byte
      if (byte !== scan.BACKSLASH) continue
      escaped = true
      at++
      const next = this.bytes[at]
      if (next !== scan.BACKSLASH && next !== scan.LOWER_N && next !== scan.QUOTE) {
        throw this.badEscape(at < end ? next : scan.LINE_FEED)
      }
    }
    const text = high < 0x80 ? this.text.slice(start, end) : this.bytes.toString('utf8', start, end)
    this.at = end + 1
    return escaped ? unescape(text) : text
  }

  /** At the first byte of a metric name, or at the '{' that a quoted name stands in. */
  private readSample(): void {
    let labels = BARE
    if (this.bytes[this.at] === scan.BRACE_OPEN) {
      labels = this.readNameInBraces()
    } else {
      if (!this.isRepeatedName(scan.BRACE_OPEN)) this.readMetricName()
      this.family.type ??= 'untyped'
      this.skipBlanks()
      if (this.peek() === scan.BRACE_OPEN) {
        this.at++
        labels = this.readLabels()
      }
    }
    this.skipBlanks()
    this.readValue(labels)
  }

  private readMetricName(): void {
    const isQuoted = this.peek() === scan.QUOTE
    const start = this.at
    const name = this.readName(scan.METRIC_START, scan.METRIC_PART)
    if (name === '') {
      throw this.error(`invalid metric name, found ${scan.quoteByte(this.peek())}`)
    }
    const end = this.at
    if (isQuoted) this.checkMetricName(name)
    this.selectFamily(name)
    this.rememberName(start, end)
  }

  /** The bytes of the name that `family` and `part` are of. */
  protected rememberName(start: number, end: number): void {
    this.nameStart = start
    this.nameEnd = end
  }

  /**
   * Most lines repeat the name of the line before: then its family need not be looked up. If so, the name is read.
   *
   * @param brace what may follow it besides a space
   */
  protected isRepeatedName(brace: number): boolean {
    const { bytes, nameStart } = this
    const length = this.nameEnd - nameStart
    if (length === 0) return false
    const start = this.at
    for (let i = 0; i < length; i++) {
      if (bytes[start + i] !== bytes[nameStart + i]) return false
    }
    const after = bytes[start + length]
    if (after !== brace && after !== scan.SPACE) return false
    this.at = start + length
    return true
  }

  protected forgetName(): void {
    this.nameEnd = this.nameStart = 0
  }

  /** At the '{' of `{"name",a="b"}`. */
  private readNameInBraces(): LineLabels {
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
    return after === scan.COMMA ? this.readLabels() : BARE
  }

  /** Behind the '{' or the first ','; reads up to and with the '}'. */
  private readLabels(): LineLabels {
    const { pattern } = this
    const special = this.boundName()
    const end = this.isAllUtf8 ? pattern.match(this.at, special) : -1
    if (end < 0) return this.readNewLabels(special)
    this.limits.takeParts(pattern.size)
    const { names, values, boundStart, boundEnd } = pattern
    const bound = boundEnd < 0 ? undefined : this.readBound(special, boundStart, boundEnd)
    this.at = end
    return { names, values, arePlain: true, bound }
  }

  /** The name of the label that has a meaning of its own in the current family; '' where none has. */
  private boundName(): string {
    const { type } = this.family
    return isHistogramType(type) ? 'le' : type === 'summary' ? 'quantile' : ''
  }

  /** The same, whatever was read before. */
  protected readNewLabels(special: string): LineLabels {
    const { pattern } = this
    const names: string[] = []
    const shown: string[] = []
    const values: string[] = []
    let arePlain = true
    let bound: string | undefined
    pattern.begin(special)
    for (;;) {
      const start = this.at
      this.skipBlanks()
      if (this.peek() === scan.BRACE_CLOSE) {
        this.at++
        break
      }
      this.limits.takeParts(1)
      const isQuoted = this.peek() === scan.QUOTE
      const name = this.readName(scan.LABEL_START, scan.LABEL_PART)
      if (name === '') {
        throw this.error(
          `invalid label name for metric ${JSON.stringify(this.family.name)}, found ${scan.quoteByte(this.peek())}`,
        )
      }
      this.checkLabelName(name, isQuoted)
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
      this.skipQuoted('label value')
      const { quotedStart, quotedEnd } = this
      if (name === special) {
        bound = this.readBound(name, quotedStart, quotedEnd)
        pattern.addBound(start, quotedStart)
      } else {
        if (this.isRepeated(names, name)) {
          throw this.error(
            `duplicate label name ${JSON.stringify(name)} for metric ${JSON.stringify(this.family.name)}`,
          )
        }
        names.push(name)
        shown.push(isQuoted ? showName(name) : name)
        values.push(this.text.slice(quotedStart, quotedEnd))
        arePlain &&= this.isQuotedPlain
        pattern.add(start, quotedStart, quotedEnd)
      }
      this.skipBlanks()
      const after = this.peek()
      if (after !== scan.COMMA && after !== scan.BRACE_CLOSE) {
        throw this.error(
          `unexpected end of label value ${JSON.stringify(this.quotedText())}, found ${scan.quoteByte(after)}`,
        )
      }
      if (after === scan.COMMA) this.at++
    }
    const labels = { names: labelNamesOf(names, shown), values, arePlain, bound }
    if (arePlain) pattern.complete(labels)
    return labels
  }

  /** Looks through the few labels of a usual line; a set serves the line that has thousands. */
  private isRepeated(names: readonly string[], name: string): boolean {
    if (names.length < MANY_LABELS) return names.includes(name)
    if (names.length === MANY_LABELS) this.manyNames = new Set(names)
    if (this.manyNames.has(name)) return true
    this.manyNames.add(name)
    return false
  }

  /** What a `le` or `quantile` says, which stands there between quotes. */
  private readBound(name: string, start: number, end: number): string {
    const bound = spellNumber(this.bytes, this.text, start, end)
    if (bound !== undefined) return bound
    const value = unescape(this.bytes.toString('utf8', start, end))
    throw this.error(`expected float as value for '${name}' label, got ${JSON.stringify(value)}`)
  }

  /** At the value; reads to the end of the line. */
  private readValue(labels: LineLabels): void {
    const series = this.addSample(labels, this.readNumber('value'))
    if (this.peek() === scan.LINE_FEED) {
      this.at++
      return
    }
    this.skipBlanks()
    this.readAfterValue(series)
  }

  /** The number at the cursor, spelled. */
  protected readNumber(what: string): string {
    const start = this.at
    const end = this.endOfToken()
    const value = spellNumber(this.bytes, this.text, start, end)
    if (value !== undefined) {
      this.at = end
      return value
    }
    const token = this.readToken()
    throw this.error(
      `expected float as ${what}, got ${JSON.stringify(token)}${hintAtCarriageReturn(token)}`,
    )
  }

  /** @param value spelled */
  protected addSample(labels: LineLabels, value: string): SpelledSeries {
    this.limits.takeSamples(1)
    try {
      return this.family.add(this.part, labels, value)
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

  private checkLabelName(name: string, isQuoted: boolean): void {
    if (name === '__name__') throw this.error('label name "__name__" is reserved')
    if (!isQuoted || this.utf8Names || isLegacyLabelName(name)) return
    throw this.error(
      `invalid label name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
    )
  }
}
