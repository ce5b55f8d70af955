/**
 * Metrics as they are spelled in what is stored: label values with their escapes, numbers in Go's spelling. A body's
 * own text is in this form nearly everywhere, so that most of it is copied from there as it is.
 */
import {
  isHistogramType,
  type Bucket,
  type Exemplar,
  type Metric,
  type MetricFamily,
  type MetricType,
  type Quantile,
  type Timestamp,
} from '../../metrics/metric-family.ts'
import { toByteString } from '../byte-string.ts'
import { BACKSLASH, PLAIN_MIN, QUOTE } from '../scan.ts'
import { escapeValue } from '../text/render.ts'
import { LabelNames, NO_LABELS } from './label-names.ts'
import { readSpelledNumber, spelledNumber } from './number.ts'

/** A metric family before it is stored. */
export interface SpelledFamily {
  readonly name: string
  readonly type: MetricType
  /** Undefined when nobody gave a HELP. */
  readonly help: string | undefined
  readonly unit: string | undefined
  readonly series: readonly SpelledSeries[]
}

/** One label set of a family. */
export class SpelledSeries {
  readonly names: LabelNames
  /** In the order of the names, escaped, as byte strings. */
  readonly values: readonly string[]
  /** The values compare as they are spelled: no escapes, no control characters. */
  readonly arePlain: boolean
  /** Of a counter, gauge or untyped metric. */
  value: string
  /** Of a summary or histogram. */
  readonly parts: SpelledParts | undefined
  /** What few metrics have. */
  marks: SeriesMarks | undefined

  constructor(
    names: LabelNames,
    values: readonly string[],
    arePlain: boolean,
    value: string,
    parts?: SpelledParts,
  ) {
    this.names = names
    this.values = values
    this.arePlain = arePlain
    this.value = value
    this.parts = parts
    this.marks = undefined
  }

  mark(): SeriesMarks {
    return (this.marks ??= {})
  }
}

export interface SpelledParts {
  /** What `le` or `quantile` say. */
  readonly bounds: string[]
  /** What stands behind them. */
  readonly values: string[]
  sum: string
  count: string
}

export interface SeriesMarks {
  hasTimestamp?: boolean
  hasNoValue?: boolean
  created?: Timestamp
  /** Of a counter. */
  exemplar?: Exemplar
  /** Of buckets, by their index. */
  bucketExemplars?: Map<number, Exemplar>
  /** Text does not carry all of it, for other reasons than those above. */
  isBeyondText?: boolean
  /** The whole metric, where it was not read from text and that does not carry it. */
  source?: Metric
}

/** The metric that a series of this type spells. */
export function readSeries(series: SpelledSeries, type: MetricType): Metric {
  const { names, values, parts, marks } = series
  if (marks?.source !== undefined) return marks.source
  const labels = names.labelsOf(values)
  let metric: Metric
  if (parts === undefined) {
    metric = { labels, value: readSpelledNumber(series.value) }
    if (marks?.exemplar !== undefined) metric.exemplar = marks.exemplar
  } else {
    const sum = readSpelledNumber(parts.sum)
    const count = readSpelledNumber(parts.count)
    metric = isHistogramType(type)
      ? { labels, buckets: readBuckets(parts, marks), sum, count }
      : { labels, quantiles: readQuantiles(parts), sum, count }
  }
  if (marks?.created !== undefined) metric.created = marks.created
  if (marks?.hasTimestamp === true) metric.hasTimestamp = true
  return metric
}

function readQuantiles({ bounds, values }: SpelledParts): Quantile[] {
  return bounds.map((bound, i) => ({
    quantile: readSpelledNumber(bound),
    value: readSpelledNumber(values[i]!),
  }))
}

function readBuckets({ bounds, values }: SpelledParts, marks: SeriesMarks | undefined): Bucket[] {
  return bounds.map((bound, i) => {
    const upperBound = readSpelledNumber(bound)
    const cumulativeCount = readSpelledNumber(values[i]!)
    const exemplar = marks?.bucketExemplars?.get(i)
    return exemplar === undefined
      ? { upperBound, cumulativeCount }
      : { upperBound, cumulativeCount, exemplar }
  })
}

/** Spells a family that was not read from text. */
export function spellFamily({ name, type, help, unit, metrics }: MetricFamily): SpelledFamily {
  const speller = new Speller()
  return { name, type, help, unit, series: metrics.map((metric) => speller.spell(metric)) }
}

class Speller {
  private last = NO_LABELS

  spell(metric: Metric): SpelledSeries {
    const { labels } = metric
    let arePlain = true
    const values = labels.map(({ value }) => {
      const isPlain = isPlainValue(value)
      arePlain &&= isPlain
      return toByteString(isPlain ? value : escapeValue(value))
    })
    const series = new SpelledSeries(
      this.namesOf(metric),
      values,
      arePlain,
      'value' in metric ? spelledNumber(metric.value) : '',
      'value' in metric ? undefined : spellParts(metric),
    )
    if (metric.hasTimestamp === true) series.mark().hasTimestamp = true
    if (metric.hasNoValue === true) series.mark().hasNoValue = true
    if (!isCarriedByText(metric)) series.mark().source = metric
    return series
  }

  /** Mostly those of the metric before. */
  private namesOf({ labels }: Metric): LabelNames {
    const { names } = this.last
    if (names.length !== labels.length || labels.some(({ name }, i) => name !== names[i])) {
      this.last = new LabelNames(labels.map(({ name }) => name))
    }
    return this.last
  }
}

function spellParts(metric: Exclude<Metric, { value: number }>): SpelledParts {
  const bounds: string[] = []
  const values: string[] = []
  if ('quantiles' in metric) {
    for (const { quantile, value } of metric.quantiles) {
      bounds.push(spelledNumber(quantile))
      values.push(spelledNumber(value))
    }
  } else {
    for (const { upperBound, cumulativeCount } of metric.buckets) {
      bounds.push(spelledNumber(upperBound))
      values.push(spelledNumber(cumulativeCount))
    }
  }
  return { bounds, values, sum: spelledNumber(metric.sum), count: spelledNumber(metric.count) }
}

/** Whether a value is shown as it is, and compares so. */
export function isPlainValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < PLAIN_MIN || code === BACKSLASH || code === QUOTE) return false
  }
  return true
}

/** False for what the text format 0.0.4 has no words for, or does not read back as it was. */
function isCarriedByText(metric: Metric): boolean {
  if (metric.created !== undefined) return false
  if ('value' in metric) return metric.exemplar === undefined
  if ('quantiles' in metric) {
    // A count of 2 ** 64 is what a double makes of the largest ones; text reads it as another one.
    return (
      metric.count < 2 ** 64 && !metric.quantiles.some(({ quantile }) => Number.isNaN(quantile))
    )
  }
  if (metric.native !== undefined || metric.hasFloatCounts === true) return false
  return !metric.buckets.some(
    ({ exemplar, upperBound }) => exemplar !== undefined || Number.isNaN(upperBound),
  )
}
