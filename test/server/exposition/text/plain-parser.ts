/**
 * A second parser of the text format 0.0.4, slow and obvious: line by line, with regular
 * expressions. It shares nothing with the parser under test but the shape of what it returns.
 */
import {
  isHistogramType,
  type HistogramMetric,
  type Label,
  type MetricFamily,
  type MetricType,
  type ScalarMetric,
  type SummaryMetric,
} from '../../../../server/metrics/metric-family.ts'

export type PlainResult =
  | { readonly kind: 'families'; readonly families: MetricFamily[] }
  | { readonly kind: 'refused'; readonly line: number }

/** A line that cannot be read. */
export class Refused extends Error {}

interface Draft {
  readonly name: string
  type: MetricType | undefined
  help: string | undefined
  readonly scalars: ScalarMetric[]
  readonly summaries: Map<string, SummaryMetric>
  readonly histograms: Map<string, HistogramMetric>
}

export const QUOTED = String.raw`"(?:[^"\\\n]|\\["\\n])*"`
export const METRIC_NAME = String.raw`(?:[a-zA-Z_:][a-zA-Z0-9_:]*|${QUOTED})`
export const LABEL_NAME = String.raw`(?:[a-zA-Z_][a-zA-Z0-9_]*|${QUOTED})`
const LABEL = String.raw`[ \t]*${LABEL_NAME}[ \t]*=[ \t]*${QUOTED}[ \t]*`
export const LABELS = String.raw`(?:${LABEL}(?:,|(?=\})))*[ \t]*\}`

export const EACH_LABEL = new RegExp(String.raw`(${LABEL_NAME})[ \t]*=[ \t]*(${QUOTED})`, 'gs')
export const COMMENT = /^[ \t]*#[ \t]*([^ \t]*)(.*)$/s
export const METADATA = new RegExp(String.raw`^[ \t]+(${METRIC_NAME})(?:[ \t]+(.*))?$`, 's')
export const BARE_SAMPLE = new RegExp(
  String.raw`^[ \t]*(${METRIC_NAME})[ \t]*(?:\{(${LABELS}))?[ \t]*([^ \t]*)(.*)$`,
  's',
)
export const BRACED_SAMPLE = new RegExp(
  String.raw`^[ \t]*\{[ \t]*(${LABEL_NAME})[ \t]*(?:\}|,(${LABELS}))[ \t]*([^ \t]*)(.*)$`,
  's',
)

export function plainParse(text: string, utf8Names: boolean): PlainResult {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  const drafts = new Map<string, Draft>()
  for (const [index, line] of lines.entries()) {
    try {
      readLine(drafts, line, utf8Names)
    } catch (error) {
      if (error instanceof Refused) return { kind: 'refused', line: index + 1 }
      throw error
    }
  }
  if (!/^[ \t]*$/.test(last)) return { kind: 'refused', line: lines.length + 1 }
  const families = [...drafts.values()].map(toFamily).filter(({ metrics }) => metrics.length > 0)
  return { kind: 'families', families }
}

function readLine(drafts: Map<string, Draft>, line: string, utf8Names: boolean): void {
  if (/^[ \t]*$/.test(line)) return
  const comment = COMMENT.exec(line)
  if (comment === null) return readSample(drafts, line, utf8Names)
  const [, keyword, rest = ''] = comment
  if ((keyword !== 'HELP' && keyword !== 'TYPE') || /^[ \t]*$/.test(rest)) return
  const parts = METADATA.exec(rest)
  if (parts === null) throw new Refused()
  const [, name = '', content] = parts
  if (unquote(name) === '') throw new Refused()
  if (content === undefined) return
  checkName(unquote(name), utf8Names, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
  const { draft } = find(drafts, unquote(name))
  if (content === '') return
  if (keyword === 'HELP') {
    if (draft.help !== undefined || !/^(?:[^\\]|\\[\\n"])*$/s.test(content)) throw new Refused()
    draft.help = unescape(content)
  } else {
    const type = content.toLowerCase()
    const known = ['counter', 'gauge', 'untyped', 'summary', 'histogram', 'gaugehistogram']
    if (draft.type !== undefined || !known.includes(type)) throw new Refused()
    draft.type = type as MetricType
  }
}

function readSample(drafts: Map<string, Draft>, line: string, utf8Names: boolean): void {
  const parts = BRACED_SAMPLE.exec(line) ?? BARE_SAMPLE.exec(line)
  if (parts === null) throw new Refused()
  const [, quotedName = '', inside = '', valueText = '', rest = ''] = parts
  const name = unquote(quotedName)
  checkName(name, utf8Names, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
  const { draft, suffix } = find(drafts, name)
  draft.type ??= 'untyped'

  const special = draft.type === 'summary' ? 'quantile' : isHistogramType(draft.type) ? 'le' : ''
  const labels: Label[] = []
  let bound: number | undefined
  for (const [, labelName = '', labelValue = ''] of inside.matchAll(EACH_LABEL)) {
    const label = { name: unquote(labelName), value: unquote(labelValue) }
    checkName(label.name, utf8Names, /^[a-zA-Z_][a-zA-Z0-9_]*$/)
    if (label.name === '__name__') throw new Refused()
    if (label.name === special) bound = readNumber(label.value)
    else if (labels.some((other) => other.name === label.name)) throw new Refused()
    else labels.push(label)
  }
  const value = readNumber(valueText)
  if (isHistogramType(draft.type) && value < 0 && countsSomething(suffix, bound))
    throw new Refused()
  if (rest !== '' && !/^[ \t]+[+-]?\d+$/.test(rest)) throw new Refused()
  if (rest !== '' && !isInt64(rest.trim())) throw new Refused()
  const metric = addSample(draft, suffix, labels, bound, value)
  if (rest !== '') metric.hasTimestamp = true
}

function countsSomething(suffix: string, bound: number | undefined): boolean {
  if (suffix === '_count') return true
  return suffix !== '_sum' && bound !== undefined && !Number.isNaN(bound)
}

function addSample(
  draft: Draft,
  suffix: string,
  labels: Label[],
  bound: number | undefined,
  value: number,
): { hasTimestamp?: boolean } {
  const id = JSON.stringify(labels.map(({ name, value }) => [name, value]).sort())
  if (draft.type === 'summary') {
    const metric = draft.summaries.get(id) ?? { labels, quantiles: [], sum: 0, count: 0 }
    draft.summaries.set(id, metric)
    if (suffix === '_sum') metric.sum = value
    else if (suffix === '_count') metric.count = asUnsigned(value)
    else if (bound !== undefined && !Number.isNaN(bound)) {
      metric.quantiles.push({ quantile: bound, value })
    }
    return metric
  }
  if (isHistogramType(draft.type)) {
    const metric = draft.histograms.get(id) ?? { labels, buckets: [], sum: 0, count: 0 }
    draft.histograms.set(id, metric)
    if (suffix === '_sum') metric.sum = value
    else if (suffix === '_count') metric.count = value
    else if (bound !== undefined && !Number.isNaN(bound)) {
      metric.buckets.push({ upperBound: bound, cumulativeCount: value })
    }
    return metric
  }
  const metric: ScalarMetric = { labels, value }
  draft.scalars.push(metric)
  return metric
}

/** The family that a name belongs to, and which part of it the name stands for. */
function find(drafts: Map<string, Draft>, name: string): { draft: Draft; suffix: string } {
  const exact = drafts.get(name)
  if (exact !== undefined) return { draft: exact, suffix: '' }
  for (const suffix of ['_count', '_sum', '_bucket']) {
    const base = name.endsWith(suffix) ? drafts.get(name.slice(0, -suffix.length)) : undefined
    if (base !== undefined && isHistogramType(base.type)) return { draft: base, suffix }
    if (base?.type === 'summary' && suffix !== '_bucket') return { draft: base, suffix }
  }
  const draft: Draft = {
    name,
    type: undefined,
    help: undefined,
    scalars: [],
    summaries: new Map(),
    histograms: new Map(),
  }
  drafts.set(name, draft)
  return { draft, suffix: '' }
}

function toFamily({
  name,
  type = 'untyped',
  help,
  scalars,
  summaries,
  histograms,
}: Draft): MetricFamily {
  if (type === 'summary') return { name, type, help, metrics: [...summaries.values()] }
  if (type === 'histogram' || type === 'gaugehistogram')
    return { name, type, help, metrics: [...histograms.values()] }
  return { name, type, help, metrics: scalars }
}

export function checkName(name: string, utf8Names: boolean, legacy: RegExp): void {
  if (name === '' || (!utf8Names && !legacy.test(name))) throw new Refused()
}

export function unquote(text: string): string {
  return text.startsWith('"') ? unescape(text.slice(1, -1)) : text
}

export function unescape(text: string): string {
  return text.replace(/\\[\\n"]/g, (pair) => (pair === '\\n' ? '\n' : pair.slice(1)))
}

export function readNumber(text: string): number {
  const word = text.toLowerCase()
  if (word === 'nan') return NaN
  if (/^[+-]?inf(inity)?$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) throw new Refused()
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Refused()
  return value
}

function isInt64(text: string): boolean {
  return BigInt.asIntN(64, BigInt(text.replace('+', ''))) === BigInt(text.replace('+', ''))
}

/** What an x86-64 makes of a double that it is to convert to an unsigned integer, as a double. */
export function asUnsigned(value: number): number {
  const half = 2n ** 63n
  const toInt64 = (x: number): bigint =>
    x >= -(2 ** 63) && x < 2 ** 63 ? BigInt(Math.trunc(x)) : -half
  if (value < 2 ** 63) return Number(BigInt.asUintN(64, toInt64(value)))
  return Number(BigInt.asUintN(64, toInt64(value - 2 ** 63)) | half)
}
