/**
 * The rules of OpenMetrics 1.0, for bodies that the tolerant parser accepted already
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/). Plain rather than fast: it looks at every line a second
 * time, and only with --push.strict-openmetrics.
 */
import { isUtf8 } from 'node:buffer'
import { InvalidExposition } from '../../errors.ts'
import { parseFloat64 } from '../../metrics/numbers.ts'
import { readMetadataLine, readSampleLine, type LabelPair } from './strict-line.ts'

const EXEMPLAR_CHARACTERS_MAX = 128
const SHOWN_CHARACTERS_MAX = 200

/** The suffixes that samples of a type have; '' for the name itself. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  unknown: [''],
  stateset: [''],
  info: ['_info'],
  summary: ['', '_count', '_sum', '_created'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
}

interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
  readonly exemplar:
    { readonly labels: ReadonlyMap<string, string>; readonly value: number } | undefined
}

interface Family {
  readonly name: string
  type: string
  unit: string
  readonly metadata: Set<string>
  hasSamples: boolean
  /** Signatures of the metrics that are over. */
  readonly metrics: Set<string>
  metric: MetricState | undefined
}

/** What was seen of the metric that is being read. */
interface MetricState {
  readonly signature: string
  readonly samples: Set<string>
  hasTotal: boolean
  readonly buckets: { readonly bound: number; readonly count: number }[]
  sum: number | undefined
  count: number | undefined
}

/** @throws InvalidExposition naming the line and the rule that it breaks */
export function checkStrictly(body: Buffer): void {
  if (!isUtf8(body)) {
    throw new InvalidExposition('OpenMetrics', lineOfBadUtf8(body), 'the line is not valid UTF-8')
  }
  const lines = body.toString('utf8').split('\n')
  // Behind the last line feed there may be nothing; the tolerant parser let blanks pass.
  if (lines[lines.length - 1] === '') lines.pop()
  const checker = new StrictChecker()
  for (const line of lines) checker.take(line)
  checker.end()
}

function lineOfBadUtf8(body: Buffer): number {
  // No character of UTF-8 has a line feed among its bytes.
  const lines = body.toString('latin1').split('\n')
  return 1 + lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')))
}

class StrictChecker {
  private line = 0
  private isOver = false
  private family: Family | undefined
  /** Every name that a family or one of its samples may have. */
  private readonly names = new Set<string>()

  take(line: string): void {
    this.line++
    if (this.isOver) throw this.error('nothing may stand behind # EOF')
    if (line.endsWith('\r')) throw this.error('lines must end with LF, not CRLF')
    if (line === '') throw this.error('there must be no empty lines')
    if (line === '# EOF') {
      this.endFamily()
      this.isOver = true
    } else if (line.startsWith('#')) {
      this.takeMetadata(line)
    } else {
      this.takeSample(line)
    }
  }

  end(): void {
    if (!this.isOver) throw this.error('the body must end in # EOF')
  }

  private takeMetadata(line: string): void {
    const metadata = readMetadataLine(line)
    if (metadata === undefined) {
      throw this.error('a comment must be # HELP, # TYPE or # UNIT with one blank between words')
    }
    const { keyword, name, text } = metadata
    const family = this.family?.name === name ? this.family : this.beginFamily(name)
    if (family.hasSamples) throw this.error(`${keyword} of ${name} must stand before its samples`)
    if (family.metadata.has(keyword)) throw this.error(`${keyword} of ${name} is given twice`)
    family.metadata.add(keyword)
    if (keyword === 'TYPE') {
      if (!Object.hasOwn(SUFFIXES, text)) throw this.error(`${JSON.stringify(text)} is no type`)
      family.type = text
    }
    if (keyword === 'UNIT') {
      if (text !== '' && !name.endsWith(`_${text}`)) {
        throw this.error(`the name ${name} must end in its unit, ${text}`)
      }
      family.unit = text
    }
    if (keyword === 'HELP' && text.replace(/\\./g, '').includes('"')) {
      throw this.error(`a quote in HELP must be escaped: \\"`)
    }
    if (family.unit !== '' && ['info', 'stateset'].includes(family.type)) {
      throw this.error(`a family of type ${family.type} must have no unit`)
    }
  }

  private takeSample(line: string): void {
    const sample = this.parseSample(line)
    const family = this.familyOf(sample)
    if (!family.hasSamples) this.reserve(family)
    family.hasSamples = true
    const suffix = sample.name.slice(family.name.length)
    this.checkLabels(sample, family, suffix)
    this.checkValue(sample, family, suffix)
    this.checkExemplar(sample, suffix)
    this.takePart(sample, family, suffix)
  }

  private parseSample(line: string): Sample {
    const sample = readSampleLine(line)
    if (sample === undefined) {
      const shown = JSON.stringify(line.slice(0, SHOWN_CHARACTERS_MAX))
      throw this.error(`${shown} is no sample, or has blanks that do not belong there`)
    }
    const { name, labels, value, exemplar } = sample
    return {
      name,
      labels: this.toMap(labels),
      value,
      exemplar: exemplar && { ...exemplar, labels: this.toMap(exemplar.labels) },
    }
  }

  private toMap(labels: readonly LabelPair[]): Map<string, string> {
    const map = new Map<string, string>()
    for (const [name, value] of labels) {
      if (map.has(name)) throw this.error(`the label ${name} is given twice`)
      map.set(name, value)
    }
    return map
  }

  /** The family at hand, or a new one without metadata. */
  private familyOf({ name }: Sample): Family {
    const { family } = this
    const isPart =
      family !== undefined && SUFFIXES[family.type]!.some((suffix) => name === family.name + suffix)
    return isPart ? family : this.beginFamily(name)
  }

  private beginFamily(name: string): Family {
    this.endFamily()
    if (this.names.has(name)) {
      throw this.error(
        `${name} is, or is a sample of, a family above: families must not be interleaved, and samples have the suffixes of their type`,
      )
    }
    const metrics = new Set<string>()
    const metadata = new Set<string>()
    this.names.add(name)
    const family: Family = {
      name,
      type: 'unknown',
      unit: '',
      metadata,
      hasSamples: false,
      metrics,
      metric: undefined,
    }
    this.family = family
    return family
  }

  /** Now that the type is known: no other family may have the names of its samples. */
  private reserve({ name, type }: Family): void {
    for (const suffix of SUFFIXES[type]!) {
      if (suffix === '') continue
      if (this.names.has(name + suffix)) {
        throw this.error(`${name}${suffix} is a family above and a sample of ${type} ${name}`)
      }
      this.names.add(name + suffix)
    }
  }

  private checkLabels({ name, labels }: Sample, family: Family, suffix: string): void {
    const needed = ownLabelOf(family, suffix)
    const isBound = needed !== undefined && family.type !== 'stateset'
    const reserved =
      family.type === 'summary' ? 'quantile' : family.type.endsWith('histogram') ? 'le' : undefined
    if (!isBound && reserved !== undefined && labels.has(reserved)) {
      throw this.error(`${name} must not have the label ${reserved}`)
    }
    if (needed === undefined) return
    const value = labels.get(needed)
    if (value === undefined) throw this.error(`${name} must have the label ${needed}`)
    if (!isBound) return
    const number = parseFloat64(value)
    if (number === undefined || Number.isNaN(number)) {
      throw this.error(`the label ${needed} must be a number, not ${JSON.stringify(value)}`)
    }
    if (needed === 'quantile' && (number < 0 || number > 1)) {
      throw this.error(`a quantile must be between 0 and 1, not ${value}`)
    }
  }

  private checkValue({ name, value }: Sample, { type }: Family, suffix: string): void {
    const isCount = ['_bucket', '_count', '_gcount'].includes(suffix)
    if ((isCount || suffix === '_total' || suffix === '_sum') && !(value >= 0)) {
      throw this.error(`${name} counts, so it must be neither negative nor NaN`)
    }
    if (isCount && !Number.isInteger(value)) {
      throw this.error(`${name} must be a whole number, not ${value}`)
    }
    if (type === 'summary' && suffix === '' && value < 0) {
      throw this.error(`the value of a quantile must not be negative`)
    }
    if (type === 'info' && value !== 1) throw this.error(`an info must be 1, not ${value}`)
    if (type === 'stateset' && value !== 0 && value !== 1) {
      throw this.error(`a state must be 0 or 1, not ${value}`)
    }
    if (suffix === '_created' && !Number.isFinite(value)) {
      throw this.error(`${name} must be a time`)
    }
  }

  private checkExemplar({ name, labels, exemplar }: Sample, suffix: string): void {
    if (exemplar === undefined) return
    if (suffix !== '_total' && suffix !== '_bucket') {
      throw this.error(`${name} must not have an exemplar: only counters and buckets have them`)
    }
    let characters = 0
    for (const pair of exemplar.labels) characters += [...pair.join('')].length
    if (characters > EXEMPLAR_CHARACTERS_MAX) {
      throw this.error(
        `the labels of an exemplar must not have more than ${EXEMPLAR_CHARACTERS_MAX} characters, these have ${characters}`,
      )
    }
    const bound = suffix === '_bucket' ? parseFloat64(labels.get('le') ?? '') : undefined
    if (bound !== undefined && !(exemplar.value <= bound)) {
      throw this.error(`the exemplar ${exemplar.value} must be in its bucket, up to ${bound}`)
    }
  }

  private takePart({ name, labels, value }: Sample, family: Family, suffix: string): void {
    const own = ownLabelOf(family, suffix)
    const others = [...labels].filter(([label]) => label !== own)
    const signature = JSON.stringify(others.sort(([a], [b]) => (a < b ? -1 : 1)))
    const metric = this.metricOf(family, signature)
    const id = JSON.stringify([name, own === undefined ? undefined : labels.get(own)])
    if (metric.samples.has(id)) throw this.error(`${name} is given twice with these labels`)
    metric.samples.add(id)
    if (suffix === '_total') metric.hasTotal = true
    if (suffix === '_bucket') {
      metric.buckets.push({ bound: parseFloat64(labels.get('le') ?? '') ?? NaN, count: value })
    } else if (suffix === '_sum' || suffix === '_gsum') {
      metric.sum = value
    } else if (suffix === '_count' || suffix === '_gcount') {
      metric.count = value
    }
  }

  private metricOf(family: Family, signature: string): MetricState {
    if (family.metric?.signature === signature) return family.metric
    this.endMetric(family)
    if (family.metrics.has(signature)) {
      throw this.error(`the metrics of ${family.name} must not be interleaved`)
    }
    family.metrics.add(signature)
    const samples = new Set<string>()
    family.metric = {
      signature,
      samples,
      hasTotal: false,
      buckets: [],
      sum: undefined,
      count: undefined,
    }
    return family.metric
  }

  private endFamily(): void {
    const { family } = this
    if (family === undefined) return
    // A family without samples could have them.
    if (!family.hasSamples) this.reserve(family)
    this.endMetric(family)
    this.family = undefined
  }

  /** What only a whole metric can be asked for. */
  private endMetric({ name, type, metric }: Family): void {
    if (metric === undefined) return
    if (type === 'counter' && !metric.hasTotal) throw this.error(`${name}_total is missing`)
    if (type !== 'histogram' && type !== 'gaugehistogram') return
    const { buckets, sum, count } = metric
    const last = buckets[buckets.length - 1]
    if (last?.bound !== Infinity) throw this.error(`the last bucket of ${name} must be +Inf`)
    for (const [i, { bound, count: counted }] of buckets.entries()) {
      const before = buckets[i - 1]
      if (before === undefined) continue
      if (bound <= before.bound) throw this.error(`the buckets of ${name} must be in order`)
      if (counted < before.count) throw this.error(`the buckets of ${name} must be cumulative`)
    }
    if ((sum === undefined) !== (count === undefined)) {
      throw this.error(`${name} must have both sum and count, or neither`)
    }
    if (count !== undefined && count !== last.count) {
      throw this.error(`the count of ${name} must be that of its bucket +Inf`)
    }
    if (sum === undefined) return
    const hasNegativeBounds = buckets[0]!.bound < 0
    if (type === 'histogram' && hasNegativeBounds) {
      throw this.error(`${name} has buckets below 0, so it must have no sum`)
    }
    if (Number.isNaN(sum) || (sum < 0 && !hasNegativeBounds)) {
      throw this.error(
        `the sum of ${name} must be neither NaN nor, without buckets below 0, negative`,
      )
    }
  }

  private error(message: string): InvalidExposition {
    // An empty body has no line, but what is missing is missing in the first one.
    return new InvalidExposition('OpenMetrics', Math.max(1, this.line), message)
  }
}

/** The label that a sample has besides those of its metric. */
function ownLabelOf({ name, type }: Family, suffix: string): string | undefined {
  if (suffix === '_bucket') return 'le'
  if (type === 'summary') return suffix === '' ? 'quantile' : undefined
  return type === 'stateset' ? name : undefined
}
