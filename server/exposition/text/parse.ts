/**
 * Reads the text format 0.0.4, by the rules of the original's parser: what that accepts is accepted, what it refuses
 * is refused, with the line in the error.
 */
import { isHistogramType, type MetricFamily, type MetricType } from '../../metrics/metric-family.ts'
import { readSpelled, type FamilyDraft } from '../family-draft.ts'
import { hintAtCarriageReturn } from '../line-scanner.ts'
import { ExpositionReader, type ReaderOptions } from '../reader.ts'
import * as scan from '../scan.ts'
import type { SpelledFamily, SpelledSeries } from '../spelled/series.ts'

export interface TextParseOptions extends ReaderOptions {
  /** CRLF line ends and a missing last line feed are accepted (--push.lenient-newlines). */
  readonly lenientNewlines: boolean
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

/**
 * Parses an exposition into its families, in the order their names first appear. Families without
 * samples are left out; metrics stay in the order of the text, duplicates included.
 *
 * @throws InvalidExposition naming the line and what is wrong there
 * @throws SluiceError body_too_large
 */
export function parseText(body: Buffer, options: TextParseOptions): MetricFamily[] {
  return spellText(body, options).map(readSpelled)
}

/** The same, spelled as it is stored. */
export function spellText(body: Buffer, options: TextParseOptions): SpelledFamily[] {
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

class TextParser extends ExpositionReader {
  private readonly families = new Map<string, FamilyDraft>()

  constructor(bytes: Buffer, options: TextParseOptions) {
    super(bytes, 'text format', options)
  }

  parse(): SpelledFamily[] {
    this.readLines()
    const families: SpelledFamily[] = []
    for (const draft of this.families.values()) {
      if (draft.series.length > 0) families.push(draft.toSpelled())
    }
    return families
  }

  protected isMetadata(keyword: string): boolean {
    return keyword === 'HELP' || keyword === 'TYPE'
  }

  protected readMetadata(keyword: string): void {
    if (this.isRepeatedName(scan.SPACE)) {
      this.skipBlanks()
    } else {
      const start = this.at
      const name = this.readCommentName()
      if (name === undefined) return
      this.selectFamily(name)
      if (this.bytes[start] === scan.QUOTE) this.forgetName()
      else this.rememberName(start, start + name.length)
    }
    if (this.skipsEndOfLine()) return
    if (keyword === 'TYPE') return this.readType()
    if (this.family.help !== undefined) {
      throw this.error(`second HELP line for metric name ${JSON.stringify(this.family.name)}`)
    }
    this.family.help = this.readHelpText()
  }

  private readType(): void {
    const { family } = this
    if (family.type !== undefined) {
      throw this.error(
        `second TYPE line for metric name ${JSON.stringify(family.name)}, or TYPE reported after samples`,
      )
    }
    const end = this.endOfLine()
    const spelled = this.text.slice(this.at, end)
    const type = TYPES.get(spelled) ?? TYPES.get(spelled.toLowerCase())
    if (type === undefined) {
      const text = this.bytes.toString('utf8', this.at, end)
      throw this.error(`unknown metric type ${JSON.stringify(text)}${hintAtCarriageReturn(text)}`)
    }
    family.type = type
    this.at = end + 1
  }

  protected readAfterValue(series: SpelledSeries): void {
    const timestamp = this.readToken()
    if (!isInt64(timestamp)) {
      throw this.error(
        `expected integer as timestamp, got ${JSON.stringify(timestamp)}${hintAtCarriageReturn(timestamp)}`,
      )
    }
    series.mark().hasTimestamp = true
    if (this.peek() !== scan.LINE_FEED) {
      const end = this.endOfLine()
      throw this.error(
        `spurious string after timestamp: ${JSON.stringify(this.bytes.toString('utf8', this.at, end))}`,
      )
    }
    this.at++
  }

  /** Finds or creates the family that samples of this name belong to, and their part in it. */
  protected selectFamily(name: string): void {
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
    this.family = this.newFamily(name)
    this.families.set(this.family.name, this.family)
  }

  private baseFamily(name: string, suffix: string): FamilyDraft | undefined {
    if (!name.endsWith(suffix)) return undefined
    const family = this.families.get(name.slice(0, -suffix.length))
    return family?.type === 'summary' || isHistogramType(family?.type) ? family : undefined
  }
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
