/**
 * Reads OpenMetrics 1.0 into families that have the names of the text format 0.0.4, so that a series is called the
 * same however it was pushed: the counter `x` with its sample `x_total` is the counter `x_total`.
 *
 * By itself it is as tolerant as the original, which reads OpenMetrics as text: what the text format's parser
 * accepts is accepted here. The rules of the standard are strict.ts.
 */
import {
  isHistogramType,
  type Exemplar,
  type Label,
  type MetricFamily,
  type MetricType,
} from '../../metrics/metric-family.ts'
import { parseFloat64 } from '../../metrics/numbers.ts'
import { unescape } from '../escapes.ts'
import {
  readSpelled,
  standsForPart,
  type FamilyDraft,
  type LineLabels,
  type Part,
} from '../family-draft.ts'
import { hintAtCarriageReturn } from '../line-scanner.ts'
import { ExpositionReader, type ReaderOptions } from '../reader.ts'
import * as scan from '../scan.ts'
import { readSpelledNumber } from '../spelled/number.ts'
import type { SpelledFamily, SpelledSeries } from '../spelled/series.ts'
import { checkStrictly } from './strict.ts'
import { parseTimestamp } from './timestamp.ts'

export interface OpenMetricsParseOptions extends ReaderOptions {
  /** Refuse what breaks the rules of OpenMetrics 1.0 (--push.strict-openmetrics). */
  readonly strict: boolean
}

export interface OpenMetricsBody<Family> {
  /** In the order of their first samples; families without samples are left out. */
  readonly families: Family[]
  /** Whether the body ends in `# EOF`. */
  readonly hasEof: boolean
}

type OpenMetricsType = 'unknown' | 'info' | 'stateset' | Exclude<MetricType, 'untyped'>

/** As a TYPE line spells them, in any case; `untyped` and `gauge_histogram` are the text format's. */
const TYPES: ReadonlyMap<string, OpenMetricsType> = new Map([
  ['unknown', 'unknown'],
  ['untyped', 'unknown'],
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['summary', 'summary'],
  ['histogram', 'histogram'],
  ['gaugehistogram', 'gaugehistogram'],
  ['gauge_histogram', 'gaugehistogram'],
  ['info', 'info'],
  ['stateset', 'stateset'],
])

/** As what samples of a type are stored. */
const STORED_TYPES: Readonly<Record<OpenMetricsType, MetricType>> = {
  unknown: 'untyped',
  counter: 'counter',
  gauge: 'gauge',
  summary: 'summary',
  histogram: 'histogram',
  gaugehistogram: 'gaugehistogram',
  info: 'gauge',
  stateset: 'gauge',
}

const UNIT_BYTES_MAX = 64 * 1024

interface Suffix {
  readonly suffix: string
  readonly types: readonly OpenMetricsType[]
  readonly part: Part | 'created'
  /** Whether it is part of the name under which the family is stored. */
  readonly isStored: boolean
}

const SUFFIXES: readonly Suffix[] = [
  {
    suffix: '_count',
    types: ['summary', 'histogram', 'gaugehistogram'],
    part: 'count',
    isStored: false,
  },
  {
    suffix: '_sum',
    types: ['summary', 'histogram', 'gaugehistogram'],
    part: 'sum',
    isStored: false,
  },
  { suffix: '_bucket', types: ['histogram', 'gaugehistogram'], part: 'metric', isStored: false },
  { suffix: '_gcount', types: ['gaugehistogram'], part: 'count', isStored: false },
  { suffix: '_gsum', types: ['gaugehistogram'], part: 'sum', isStored: false },
  { suffix: '_total', types: ['counter'], part: 'metric', isStored: true },
  { suffix: '_info', types: ['info'], part: 'metric', isStored: true },
  {
    suffix: '_created',
    types: ['counter', 'summary', 'histogram', 'gaugehistogram'],
    part: 'created',
    isStored: false,
  },
]

/**
 * @throws InvalidExposition naming the line and what is wrong there
 * @throws SluiceError body_too_large
 */
export function parseOpenMetrics(
  body: Buffer,
  options: OpenMetricsParseOptions,
): OpenMetricsBody<MetricFamily> {
  const { families, hasEof } = spellOpenMetrics(body, options)
  return { families: families.map(readSpelled), hasEof }
}

/** The same, spelled as it is stored. */
export function spellOpenMetrics(
  body: Buffer,
  options: OpenMetricsParseOptions,
): OpenMetricsBody<SpelledFamily> {
  const parsed = new OpenMetricsParser(body, options).parse()
  if (options.strict) checkStrictly(body)
  return parsed
}

/** What a body says of a family before its samples. */
interface Declaration {
  readonly name: string
  type: OpenMetricsType | undefined
  help: string | undefined
  unit: string | undefined
  /** What it is stored as: one family, or two where a counter has samples with and without `_total`. */
  readonly drafts: Set<FamilyDraft>
  /** `_created` samples by the text of their labels. */
  created: Map<string, SpelledSeries> | undefined
}

class OpenMetricsParser extends ExpositionReader {
  private readonly declarations = new Map<string, Declaration>()
  /** By the names under which they are stored. */
  private readonly drafts = new Map<string, FamilyDraft>()
  private hasEof = false
  /** Of the sample name that `selectFamily` was given last. */
  private declaration!: Declaration
  private isCreated = false
  /** Whether the sample that was read last is one bucket, or one quantile. */
  private isForPart = false

  constructor(bytes: Buffer, options: OpenMetricsParseOptions) {
    super(bytes, 'OpenMetrics', options)
  }

  parse(): OpenMetricsBody<SpelledFamily> {
    this.readLines()
    for (const declaration of this.declarations.values()) complete(declaration)
    const drafts = [...this.drafts.values()].filter(({ series }) => series.length > 0)
    // A HELP of the sample's name says nothing in OpenMetrics, but it does in text.
    for (const draft of drafts) draft.help ??= this.declarations.get(draft.name)?.help
    return { families: drafts.map((draft) => draft.toSpelled()), hasEof: this.hasEof }
  }

  protected isMetadata(keyword: string): boolean {
    this.hasEof = keyword === 'EOF' && this.peek() === scan.LINE_FEED
    return keyword === 'HELP' || keyword === 'TYPE' || keyword === 'UNIT'
  }

  protected readMetadata(keyword: string): void {
    // To the text format it is a comment, which may say anything.
    if (keyword === 'UNIT') return this.readUnit()
    const name = this.readCommentName()
    if (name === undefined) return
    const declaration = this.declare(name)
    if (this.skipsEndOfLine()) return
    if (keyword === 'TYPE') return this.readType(declaration)
    if (declaration.help !== undefined) {
      throw this.error(`second HELP line for metric family ${JSON.stringify(name)}`)
    }
    declaration.help = this.readHelpText()
  }

  private readUnit(): void {
    const end = this.endOfLine()
    // On lines of megabytes the pattern would run out of stack; no name is as long.
    const text = this.bytes.toString('utf8', this.at, Math.min(end, this.at + UNIT_BYTES_MAX))
    this.at = end + 1
    const match = /^(?:"([^"\\]*(?:\\[\\n"][^"\\]*)*)"|([^\s"]+))[ \t]+(\S+)$/.exec(text)
    if (match === null) return
    this.declare(match[2] ?? unescape(match[1]!)).unit = match[3]!
  }

  private readType(declaration: Declaration): void {
    if (declaration.type !== undefined) {
      throw this.error(
        `second TYPE line for metric family ${JSON.stringify(declaration.name)}, or TYPE reported after samples`,
      )
    }
    const end = this.endOfLine()
    const text = this.bytes.toString('utf8', this.at, end)
    const type = TYPES.get(text.toLowerCase())
    if (type === undefined) {
      throw this.error(`unknown metric type ${JSON.stringify(text)}${hintAtCarriageReturn(text)}`)
    }
    declaration.type = type
    this.at = end + 1
  }

  private declare(name: string): Declaration {
    this.forgetName()
    let declaration = this.declarations.get(name)
    if (declaration === undefined) {
      const nothing = { type: undefined, help: undefined, unit: undefined, created: undefined }
      declaration = { name, ...nothing, drafts: new Set() }
      this.declarations.set(name, declaration)
    }
    return declaration
  }

  /** What a sample of this name belongs to: a family of just that name, or one that it is a part of. */
  protected selectFamily(name: string): void {
    const exact = this.declarations.get(name)
    if (exact?.type === undefined) {
      for (const suffix of SUFFIXES) {
        const base = this.baseOf(name, suffix)
        if (base !== undefined) return this.select(base, suffix, name)
      }
    }
    const declaration = exact ?? this.declare(name)
    declaration.type ??= 'unknown'
    if (declaration.type === 'info') {
      throw this.error(`a sample of info ${JSON.stringify(name)} must be called ${name}_info`)
    }
    this.select(declaration, undefined, name)
  }

  private baseOf(name: string, { suffix, types }: Suffix): Declaration | undefined {
    if (!name.endsWith(suffix)) return undefined
    const base = this.declarations.get(name.slice(0, -suffix.length))
    return base?.type !== undefined && types.includes(base.type) ? base : undefined
  }

  private select(declaration: Declaration, suffix: Suffix | undefined, sampleName: string): void {
    this.declaration = declaration
    this.isCreated = suffix?.part === 'created'
    this.part = suffix === undefined || suffix.part === 'created' ? 'metric' : suffix.part
    if (this.isCreated) {
      // It waits for the metrics of its family, which may come later or not at all.
      this.family = this.newFamily(sampleName)
      return
    }
    const storedName = suffix === undefined || suffix.isStored ? sampleName : declaration.name
    const type = STORED_TYPES[declaration.type ?? 'unknown']
    let draft = this.drafts.get(storedName)
    if (draft === undefined) {
      draft = this.newFamily(storedName)
      draft.type = type
      this.drafts.set(storedName, draft)
    } else if (draft.type !== type) {
      throw this.error(
        `metric family ${JSON.stringify(storedName)} is a ${type} here and a ${draft.type} above`,
      )
    }
    declaration.drafts.add(draft)
    this.family = draft
  }

  protected override addSample(labels: LineLabels, value: string): SpelledSeries {
    this.hasEof = false
    const series = super.addSample(labels, value)
    this.isForPart = standsForPart(labels)
    if (this.isCreated) {
      this.declaration.created ??= new Map()
      this.declaration.created.set(labels.names.textOf(labels.values), series)
    }
    return series
  }

  /** At a timestamp or an exemplar. */
  protected readAfterValue(series: SpelledSeries): void {
    if (this.peek() !== scan.HASH) {
      const token = this.readToken()
      if (parseFloat64(token) === undefined) {
        throw this.error(
          `expected a number as timestamp, got ${JSON.stringify(token)}${hintAtCarriageReturn(token)}`,
        )
      }
      series.mark().hasTimestamp = true
      if (this.skipsEndOfLine()) return
      this.skipBlanks()
    }
    if (this.peek() !== scan.HASH) {
      const text = this.bytes.toString('utf8', this.at, this.endOfLine())
      throw this.error(`expected an exemplar, found ${JSON.stringify(text)}`)
    }
    this.at++
    this.attach(this.readExemplar(), series)
  }

  /** Behind the '#'; reads to the end of the line. */
  private readExemplar(): Exemplar {
    this.skipBlanks()
    if (this.peek() !== scan.BRACE_OPEN) {
      throw this.error(`expected '{' of an exemplar, found ${scan.quoteByte(this.peek())}`)
    }
    this.at++
    const { family } = this
    // Whatever the family's type, an exemplar may have labels of any name.
    this.family = this.newFamily(`the exemplar of ${family.name}`)
    const labels = this.readLabelPairs()
    this.family = family
    this.skipBlanks()
    const value = readSpelledNumber(this.readNumber('value of an exemplar'))
    if (this.skipsEndOfLine()) return { labels, value }
    this.skipBlanks()
    const token = this.readToken()
    const timestamp = parseTimestamp(token)
    if (timestamp === undefined || !this.skipsEndOfLine()) {
      throw this.error(`expected a timestamp to end the exemplar, got ${JSON.stringify(token)}`)
    }
    return { labels, value, timestamp }
  }

  /** Counters and buckets have a place for an exemplar; from other samples it is dropped. */
  private attach(exemplar: Exemplar, series: SpelledSeries): void {
    if (this.isCreated || this.part !== 'metric') return
    const { type } = this.family
    if (type === 'counter') {
      series.mark().exemplar = exemplar
    } else if (isHistogramType(type) && this.isForPart) {
      const marks = series.mark()
      marks.bucketExemplars ??= new Map()
      marks.bucketExemplars.set(series.parts!.bounds.length - 1, exemplar)
    }
  }

  private readLabelPairs(): Label[] {
    const { names, values } = this.readNewLabels('')
    return names.labelsOf(values)
  }
}

/** Gives the stored families what was said of their declaration. */
function complete({ drafts, help, unit, created }: Declaration): void {
  for (const draft of drafts) {
    draft.help ??= help
    draft.unit ??= unit
    if (created === undefined) continue
    for (const series of draft.series) {
      const sample = created.get(series.names.textOf(series.values))
      if (sample === undefined) continue
      const time = parseTimestamp(String(readSpelledNumber(sample.value)))
      if (time !== undefined) series.mark().created = time
      if (sample.marks?.hasTimestamp === true) series.mark().hasTimestamp = true
    }
  }
}
