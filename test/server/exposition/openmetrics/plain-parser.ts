/**
 * A second reader of OpenMetrics, slow and obvious: first all lines by regular expressions, then what they mean. It
 * shares nothing with the parser under test but the shape of what it returns.
 */
import type {
  Bucket,
  Exemplar,
  HistogramMetric,
  Label,
  Metric,
  MetricFamily,
  MetricType,
  SummaryMetric,
  Timestamp,
} from '../../../../server/metrics/metric-family.ts'
import {
  asUnsigned,
  checkName,
  COMMENT,
  EACH_LABEL,
  LABEL_NAME,
  LABELS,
  METADATA,
  METRIC_NAME,
  QUOTED,
  readNumber,
  Refused,
  unescape,
  unquote,
} from '../text/plain-parser.ts'

export type PlainResult =
  | { readonly kind: 'families'; readonly families: MetricFamily[]; readonly hasEof: boolean }
  | { readonly kind: 'refused'; readonly line: number }

/** `[suffix, types, whether the name with it is that of the stored family]`, the first that fits counts. */
const PARTS: readonly (readonly [suffix: string, types: readonly string[], isStored: boolean])[] = [
  ['_count', ['summary', 'histogram', 'gaugehistogram'], false],
  ['_sum', ['summary', 'histogram', 'gaugehistogram'], false],
  ['_bucket', ['histogram', 'gaugehistogram'], false],
  ['_gcount', ['gaugehistogram'], false],
  ['_gsum', ['gaugehistogram'], false],
  ['_total', ['counter'], true],
  ['_info', ['info'], true],
  ['_created', ['counter', 'summary', 'histogram', 'gaugehistogram'], false],
]

const STORED_AS: ReadonlyMap<string, MetricType> = new Map([
  ['unknown', 'untyped'],
  ['untyped', 'untyped'],
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['info', 'gauge'],
  ['stateset', 'gauge'],
  ['summary', 'summary'],
  ['histogram', 'histogram'],
  ['gaugehistogram', 'gaugehistogram'],
])

const NAME_AND_LABELS = [
  new RegExp(String.raw`^[ \t]*\{[ \t]*(${LABEL_NAME})[ \t]*(?:\}|,(${LABELS}))[ \t]*(.*)$`, 's'),
  new RegExp(String.raw`^[ \t]*(${METRIC_NAME})[ \t]*(?:\{(${LABELS}))?[ \t]*(.*)$`, 's'),
]
const VALUE = /^([^ \t]*)(?:[ \t]+([^ \t#][^ \t]*))?(?:[ \t]+#(.*))?$/s
const EXEMPLAR = new RegExp(
  String.raw`^[ \t]*\{(${LABELS})[ \t]*([^ \t]*)(?:[ \t]+([^ \t]+))?$`,
  's',
)
const UNIT = new RegExp(String.raw`^[ \t]+(${QUOTED}|[^\s"]+)[ \t]+(\S+)$`)
const NAMES = { metric: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/, label: /^[a-zA-Z_][a-zA-Z0-9_]*$/ }

interface Said {
  type?: string
  help?: string
  unit?: string
}

interface Sample {
  /** What its family was declared as, and the name and type it is stored with. */
  readonly declared: string
  readonly stored: string
  readonly type: MetricType
  readonly suffix: string
  readonly labels: readonly Label[]
  readonly bound: number | undefined
  readonly value: number
  readonly hasTimestamp: boolean
  readonly exemplar: Exemplar | undefined
}

export function plainParse(text: string, utf8Names: boolean): PlainResult {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  const reader = new PlainReader(utf8Names)
  for (const [index, line] of lines.entries()) {
    try {
      reader.readLine(line)
    } catch (error) {
      if (error instanceof Refused) return { kind: 'refused', line: index + 1 }
      throw error
    }
  }
  if (!/^[ \t]*$/.test(last)) return { kind: 'refused', line: lines.length + 1 }
  const saying = lines.filter((line) => !/^[ \t]*$/.test(line))
  const hasEof = /^[ \t]*#[ \t]*EOF$/.test(saying[saying.length - 1] ?? '')
  return { kind: 'families', families: reader.families(), hasEof }
}

class PlainReader {
  private readonly utf8Names: boolean
  private readonly said = new Map<string, Said>()
  private readonly samples: Sample[] = []

  constructor(utf8Names: boolean) {
    this.utf8Names = utf8Names
  }

  readLine(line: string): void {
    if (/^[ \t]*$/.test(line)) return
    const comment = COMMENT.exec(line)
    if (comment === null) return this.readSample(line)
    const [, keyword = '', rest = ''] = comment
    if (keyword === 'UNIT') {
      const unit = UNIT.exec(rest)
      if (unit !== null) this.about(unquote(unit[1]!)).unit = unit[2]!
    }
    if ((keyword === 'HELP' || keyword === 'TYPE') && !/^[ \t]*$/.test(rest)) {
      this.readMetadata(keyword, rest)
    }
  }

  private readMetadata(keyword: 'HELP' | 'TYPE', rest: string): void {
    const [, written = '', content] = METADATA.exec(rest) ?? []
    const name = unquote(written)
    if (name === '') throw new Refused()
    if (content === undefined) return
    checkName(name, this.utf8Names, NAMES.metric)
    const said = this.about(name)
    if (content === '') return
    if (keyword === 'HELP') {
      if (said.help !== undefined || !/^(?:[^\\]|\\[\\n"])*$/s.test(content)) throw new Refused()
      said.help = unescape(content)
    } else {
      const type = content.toLowerCase().replace('gauge_histogram', 'gaugehistogram')
      if (said.type !== undefined || !STORED_AS.has(type)) throw new Refused()
      said.type = type
    }
  }

  private about(name: string): Said {
    const said = this.said.get(name) ?? {}
    this.said.set(name, said)
    return said
  }

  private readSample(line: string): void {
    const [, written = '', inside = '', rest = ''] =
      NAME_AND_LABELS[0]!.exec(line) ?? NAME_AND_LABELS[1]!.exec(line) ?? []
    const name = unquote(written)
    checkName(name, this.utf8Names, NAMES.metric)
    const belongs = this.belongsTo(name)
    const own =
      belongs.type === 'summary' ? 'quantile' : belongs.type.endsWith('histogram') ? 'le' : ''
    const isCreated = belongs.suffix === '_created'
    const { labels, bound } = this.readLabels(inside, isCreated ? '' : own)
    const [, value = '', timestamp, exemplar] = VALUE.exec(rest) ?? []
    const number = readNumber(value)
    if (timestamp !== undefined) readNumber(timestamp)
    const sample: Sample = {
      ...belongs,
      labels,
      bound,
      value: number,
      hasTimestamp: timestamp !== undefined,
      exemplar: exemplar === undefined ? undefined : this.readExemplar(exemplar),
    }
    if (own === 'le' && number < 0 && (/count$/.test(belongs.suffix) || isBucket(sample))) {
      throw new Refused()
    }
    this.samples.push(sample)
  }

  private belongsTo(name: string): Pick<Sample, 'declared' | 'stored' | 'type' | 'suffix'> {
    const typeOf = (family: string): string | undefined => this.said.get(family)?.type
    const part = PARTS.find(
      ([suffix, types]) =>
        name.endsWith(suffix) && types.includes(typeOf(name.slice(0, -suffix.length)) ?? ''),
    )
    if (typeOf(name) === undefined && part !== undefined) {
      const [suffix, , isStored] = part
      const declared = name.slice(0, -suffix.length)
      const stored = isStored ? name : declared
      return this.checkType({ declared, stored, type: STORED_AS.get(typeOf(declared)!)!, suffix })
    }
    const said = this.about(name)
    said.type ??= 'unknown'
    if (said.type === 'info') throw new Refused()
    return this.checkType({
      declared: name,
      stored: name,
      type: STORED_AS.get(said.type)!,
      suffix: '',
    })
  }

  private checkType<Found extends Pick<Sample, 'stored' | 'type' | 'suffix'>>(found: Found): Found {
    const others = this.samples.filter(
      ({ stored, suffix }) => stored === found.stored && suffix !== '_created',
    )
    if (found.suffix !== '_created' && others.some(({ type }) => type !== found.type)) {
      throw new Refused()
    }
    return found
  }

  private readLabels(inside: string, own: string): { labels: Label[]; bound: number | undefined } {
    const labels: Label[] = []
    let bound: number | undefined
    for (const [, labelName = '', labelValue = ''] of inside.matchAll(EACH_LABEL)) {
      const label = { name: unquote(labelName), value: unquote(labelValue) }
      checkName(label.name, this.utf8Names, NAMES.label)
      if (label.name === '__name__') throw new Refused()
      if (label.name === own) bound = readNumber(label.value)
      else if (labels.some(({ name }) => name === label.name)) throw new Refused()
      else labels.push(label)
    }
    return { labels, bound }
  }

  private readExemplar(text: string): Exemplar {
    const [whole, inside = '', value = '', timestamp] = EXEMPLAR.exec(text) ?? []
    if (whole === undefined) throw new Refused()
    const { labels } = this.readLabels(inside, '')
    const exemplar = { labels, value: readNumber(value) }
    if (timestamp === undefined) return exemplar
    const time = toTime(timestamp)
    if (time === undefined) throw new Refused()
    return { ...exemplar, timestamp: time }
  }

  families(): MetricFamily[] {
    const names = new Set(
      this.samples.filter(({ suffix }) => suffix !== '_created').map(({ stored }) => stored),
    )
    return [...names].map((name) => this.family(name))
  }

  private family(name: string): MetricFamily {
    const samples = this.samples.filter(
      ({ stored, suffix }) => stored === name && suffix !== '_created',
    )
    const { type } = samples[0]!
    const declared = [...this.said.keys()].filter((key) =>
      samples.some((one) => one.declared === key),
    )
    const said = [...declared, name].map((key) => this.said.get(key) ?? {})
    const help = said.find((one) => one.help !== undefined)?.help
    const unit = declared.map((key) => this.said.get(key)!.unit).find((one) => one !== undefined)
    const isScalar = ['counter', 'gauge', 'untyped'].includes(type)
    const groups = isScalar ? samples.map((one) => [one]) : groupByLabels(samples)
    const metrics = groups.map((group) => this.withCreated(declared, toMetric(type, group)))
    return { name, help, type, ...(unit === undefined ? {} : { unit }), metrics } as MetricFamily
  }

  private withCreated(declared: readonly string[], metric: Metric): Metric {
    for (const family of declared) {
      const sample = this.samples.findLast(
        (one) =>
          one.suffix === '_created' &&
          one.declared === family &&
          idOf(one.labels) === idOf(metric.labels),
      )
      if (sample === undefined) continue
      const time = toTime(String(sample.value))
      if (time !== undefined) metric.created = time
      if (sample.hasTimestamp) metric.hasTimestamp = true
    }
    return metric
  }
}

function toMetric(type: MetricType, samples: readonly Sample[]): Metric {
  const { labels, value, exemplar } = samples[0]!
  const marks = samples.some(({ hasTimestamp }) => hasTimestamp) ? { hasTimestamp: true } : {}
  const common = { labels: [...labels], ...marks }
  const last = (pattern: RegExp): number =>
    samples.findLast(({ suffix }) => pattern.test(suffix))?.value ?? 0
  const bounds = samples.filter(isBucket)
  if (type === 'summary') {
    const quantiles = bounds.map((one) => ({ quantile: one.bound!, value: one.value }))
    const count = asUnsigned(last(/count$/))
    return { ...common, quantiles, sum: last(/sum$/), count } satisfies SummaryMetric
  }
  if (type === 'histogram' || type === 'gaugehistogram') {
    const buckets = bounds.map(toBucket)
    return {
      ...common,
      buckets,
      sum: last(/sum$/),
      count: last(/count$/),
    } satisfies HistogramMetric
  }
  return { ...common, value, ...(type === 'counter' && exemplar !== undefined ? { exemplar } : {}) }
}

function toBucket({ bound, value, exemplar }: Sample): Bucket {
  const bucket = { upperBound: bound!, cumulativeCount: value }
  return exemplar === undefined ? bucket : { ...bucket, exemplar }
}

/** Whether a sample is a bucket or quantile of its metric. */
function isBucket({ suffix, bound }: Sample): boolean {
  return ['', '_bucket'].includes(suffix) && bound !== undefined && !Number.isNaN(bound)
}

function groupByLabels(samples: readonly Sample[]): Sample[][] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const id = idOf(sample.labels)
    groups.set(id, [...(groups.get(id) ?? []), sample])
  }
  return [...groups.values()]
}

function idOf(labels: readonly Label[]): string {
  return JSON.stringify(labels.map(({ name, value }) => [name, value]).sort())
}

/** By whole numbers of nanoseconds where digits stand for them, else by what a number has room for. */
function toTime(text: string): Timestamp | undefined {
  const [, sign = '', whole, fraction = ''] = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text) ?? []
  let nanos: bigint
  if (whole === undefined) {
    const value = readNumber(text)
    if (!Number.isSafeInteger(Math.floor(value))) return undefined
    const floor = Math.floor(value)
    nanos = BigInt(floor) * 1_000_000_000n + BigInt(Math.round((value - floor) * 1e9))
  } else {
    if (!Number.isSafeInteger(Number(whole))) return undefined
    nanos = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction.slice(0, 9).padEnd(9, '0')}`)
  }
  const rest = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return { seconds: Number((nanos - rest) / 1_000_000_000n), nanos: Number(rest) }
}
