/** A metric family while its samples are being read: gathers the lines of one summary or histogram. */
import type { MetricFamily, MetricType } from '../metrics/metric-family.ts'
import type { LabelNames } from './spelled/label-names.ts'
import { readSpelledNumber, spelledNumber } from './spelled/number.ts'
import { readSeries, SpelledSeries, type SpelledFamily } from './spelled/series.ts'

/** Which part of a summary or histogram a sample is. */
export type Part = 'metric' | 'sum' | 'count'

/** The labels of one line, but for a `le` or `quantile` that says which part of its metric the line is. */
export interface LineLabels {
  readonly names: LabelNames
  /** As spelled between quotes, as byte strings. */
  readonly values: readonly string[]
  /** Whether the values compare as they are spelled. */
  readonly arePlain: boolean
  /** What `le` or `quantile` says, where the type gives these a meaning; spelled. */
  readonly bound: string | undefined
}

/** Why a sample cannot be part of its family. */
export class UnfitSample extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnfitSample'
  }
}

const MINUS = 0x2d

/** 2 ** 64, what a double makes of the largest uint64. Text reads it as another one. */
const LARGEST_COUNT = '1.8446744073709552e+19'

export class FamilyDraft {
  readonly name: string
  type: MetricType | undefined
  help: string | undefined
  unit: string | undefined
  readonly series: SpelledSeries[] = []
  /** Summaries and histograms by the text of their labels, once there are several. */
  private byLabels: Map<string, SpelledSeries> | undefined

  constructor(name: string) {
    this.name = name
  }

  /**
   * Adds a sample to the metric of its labels.
   *
   * @param value spelled
   * @throws UnfitSample
   */
  add(part: Part, line: LineLabels, value: string): SpelledSeries {
    switch (this.type) {
      case 'summary': {
        const series = this.seriesOf(line)
        const parts = series.parts!
        if (part === 'count') {
          parts.count = toUint64(value)
          const isBeyondText = parts.count === LARGEST_COUNT
          if (isBeyondText || series.marks !== undefined) series.mark().isBeyondText = isBeyondText
        } else if (part === 'sum') parts.sum = value
        else if (standsForPart(line)) {
          parts.bounds.push(line.bound!)
          parts.values.push(value)
        }
        return series
      }
      case 'histogram':
      case 'gaugehistogram': {
        const series = this.seriesOf(line)
        const parts = series.parts!
        if (part === 'sum') parts.sum = value
        else if (part === 'count') parts.count = this.checkCount(value, 'count')
        else if (standsForPart(line)) {
          parts.values.push(this.checkCount(value, 'bucket population'))
          parts.bounds.push(line.bound!)
        }
        return series
      }
      default: {
        const series = new SpelledSeries(line.names, line.values, line.arePlain, value)
        this.series.push(series)
        return series
      }
    }
  }

  /** Untyped where nothing was said. */
  toSpelled(): SpelledFamily {
    const { name, help, unit, series, type = 'untyped' } = this
    return { name, type, help, unit, series }
  }

  /** The metric of a summary or histogram that these labels belong to, created where it is new. */
  private seriesOf(line: LineLabels): SpelledSeries {
    const { series } = this
    const last = series[series.length - 1]
    if (last !== undefined && last.names === line.names && equal(last.values, line.values)) {
      return last
    }
    let known: SpelledSeries | undefined
    if (last !== undefined) {
      this.byLabels ??= new Map([[last.names.textOf(last.values), last]])
      const text = line.names.textOf(line.values)
      known = this.byLabels.get(text)
      if (known !== undefined) return known
      known = newSeries(line)
      this.byLabels.set(text, known)
    }
    known ??= newSeries(line)
    series.push(known)
    return known
  }

  private checkCount(value: string, what: string): string {
    if (value.charCodeAt(0) !== MINUS || value === '-0') return value
    throw new UnfitSample(`negative ${what} for histogram ${JSON.stringify(this.name)}`)
  }
}

/** The family in the terms of the data model. */
export function readSpelled(spelled: SpelledFamily): MetricFamily {
  const { name, help, unit, type, series } = spelled
  const metrics = series.map((one) => readSeries(one, type))
  const head = unit === undefined ? { name, help, type } : { name, help, type, unit }
  // `add` gave every series the parts of its family's type.
  return { ...head, metrics } as MetricFamily
}

/** True when the sample stands for a bucket or quantile. */
export function standsForPart({ bound }: LineLabels): boolean {
  return bound !== undefined && bound !== 'NaN'
}

function newSeries({ names, values, arePlain }: LineLabels): SpelledSeries {
  const parts = { bounds: [], values: [], sum: '0', count: '0' }
  return new SpelledSeries(names, values, arePlain, '', parts)
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}

/** Go's conversion of a float64 to a uint64 on amd64, which the original applies to summaries. */
function toUint64(spelled: string): string {
  if (/^[0-9]+$/.test(spelled)) return spelled
  return spelledNumber(asUint64(readSpelledNumber(spelled)))
}

function asUint64(value: number): number {
  if (Number.isNaN(value) || value >= 2 ** 64) return 2 ** 63
  const truncated = Math.trunc(value)
  // Truncating gives a negative zero too, which a count is not.
  if (truncated >= 0) return truncated + 0
  return truncated < -(2 ** 63) ? 2 ** 63 : Number(BigInt.asUintN(64, BigInt(truncated)))
}
