/** A family with the labels it is exposed with: its series in order, and what is stored of it. */
import { fromByteString, toByteString } from '../exposition/byte-string.ts'
import { readSeries, type SpelledFamily, type SpelledSeries } from '../exposition/spelled/series.ts'
import { quote, shownName } from '../exposition/text/render.ts'
import { storedHeader, storedTrailer } from '../exposition/stored-family.ts'
import { isHistogramType, type Label, type Metric } from '../metrics/metric-family.ts'
import type { ExposedLabels, LabelPlan } from './exposed-labels.ts'
import type { Claim } from './rules.ts'

interface Row {
  readonly series: SpelledSeries
  readonly labels: ExposedLabels
  /** Orders plain series of the same labels. */
  readonly key: string
}

export class ExposedFamily {
  readonly name: string
  readonly claims: readonly Claim[]
  private readonly family: SpelledFamily
  /** The name as comments show it, as a byte string; most are shown bare in samples too. */
  private readonly shownName: string
  private rows: Row[]
  private readonly isStrictlySorted: boolean

  constructor(family: SpelledFamily, claims: readonly Claim[], plan: LabelPlan) {
    this.name = family.name
    this.claims = claims
    this.family = family
    this.shownName = toByteString(shownName(family.name))
    let names: unknown
    let labels!: ExposedLabels
    const rows = family.series.map((series): Row => {
      // Where there is an instance, it depends on its value.
      if (series.names !== names || series.names.instanceIndex >= 0) {
        names = series.names
        labels = plan.exposedLabels(series)
      }
      return { series, labels, key: series.arePlain ? labels.keyOf(series.values) : '' }
    })
    this.rows = rows
    this.isStrictlySorted = isStrictlySorted(rows)
    if (!this.isStrictlySorted) rows.sort(compareRows)
  }

  /** The text of labels that two series have. */
  findDuplicate(): string | undefined {
    if (this.isStrictlySorted) return undefined
    const { rows } = this
    for (let i = 1; i < rows.length; i++) {
      if (compareRows(rows[i - 1]!, rows[i]!) === 0) return labelTextOf(rows[i]!)
    }
    return undefined
  }

  /** Sorting kept the order of equal series, so what stays is the last one pushed. Returns how many went. */
  dropDuplicates(): number {
    const { rows } = this
    this.rows = rows.filter((row, i) => {
      const next = rows[i + 1]
      return next === undefined || compareRows(row, next) !== 0
    })
    return rows.length - this.rows.length
  }

  /** Equal exactly for families of equal name, type and label sets, grouping labels aside. */
  identity(): string {
    let text = `${this.family.type} ${this.shownName}`
    let ownNames = ''
    for (const { series, labels, key } of this.rows) {
      if (labels.ownNames !== ownNames) {
        ownNames = labels.ownNames
        text += `\n\\N${ownNames}`
      }
      text += `\n${labels.identityOf(series, key)}`
    }
    return text
  }

  sampleCount(): number {
    let samples = 0
    for (const { series } of this.rows) {
      samples += series.parts === undefined ? 1 : series.parts.bounds.length + 2
    }
    return samples
  }

  labelledMetrics(): { metric: Metric; labels: readonly Label[]; labelText: string }[] {
    return this.rows.map((row) => ({
      metric: readSeries(row.series, this.family.type),
      labels: row.labels.labelsOf(row.series.values),
      labelText: labelTextOf(row),
    }))
  }

  /** What is stored, as a byte string. */
  render(): string {
    const { family } = this
    const isScalar = this.rows[0]?.series.parts === undefined
    const header = storedHeader(family, this.shownName)
    const text = isScalar ? this.renderScalars(header) : this.renderParts(header)
    if (this.rows.every(({ series }) => isCarriedByText(series))) return text
    const metrics = this.labelledMetrics().map(({ metric, labels }) => ({ ...metric, labels }))
    return text + storedTrailer(family, metrics as Metric[])
  }

  /** The fewer pieces a text is put together from, the sooner it is written: a line takes four and two for each label. */
  private renderScalars(header: string): string {
    const opening = this.openingOf('')
    let labels: ExposedLabels | undefined
    let first = ''
    let between: readonly string[] = []
    let text = header
    for (const { series, labels: ofRow } of this.rows) {
      const { values, value } = series
      if (ofRow !== labels) {
        labels = ofRow
        between = labels.pieces.with(-1, `${labels.pieces.at(-1)!}} `)
        first = opening + (labels.own.length === 0 ? between[0]! : labels.pieces[0]!)
      }
      const { own } = labels
      text += first
      for (let i = 0; i < own.length; i++) {
        text += values[own[i]!]!
        text += between[i + 1]!
      }
      text += value === '-0' ? '0\n' : `${value}\n`
    }
    return text
  }

  /** In the original's order: quantiles or buckets, sum, count. */
  private renderParts(header: string): string {
    const isHistogram = isHistogramType(this.family.type)
    const opening = this.openingOf(isHistogram ? '_bucket' : '')
    const sumOpening = this.openingOf('_sum')
    const countOpening = this.openingOf('_count')
    const boundOpening = isHistogram ? ',le="' : ',quantile="'
    let text = header
    for (const { series, labels } of this.rows) {
      const labelText = labels.textOf(series.values)
      const { bounds, values, sum, count } = series.parts!
      const first = opening + labelText + boundOpening
      for (let i = 0; i < bounds.length; i++) {
        text += first
        text += shown(bounds[i]!)
        text += '"} '
        text += shown(values[i]!)
        text += '\n'
      }
      text += `${sumOpening + labelText}} ${shown(sum)}\n${countOpening}${labelText}} ${shown(count)}\n`
    }
    return text
  }

  /** What a sample's line begins with, up to the labels, of which there always are some. */
  private openingOf(suffix: string): string {
    const { name, shownName: shownBare } = this
    return name === shownBare ? `${name + suffix}{` : `{${toByteString(quote(name + suffix))},`
  }
}

/** The original's order: fewer labels first, then label values one by one. */
function compareRows(a: Row, b: Row): number {
  if (a.labels === b.labels && a.series.arePlain && b.series.arePlain) {
    return a.key === b.key ? 0 : a.key < b.key ? -1 : 1
  }
  return compareAll(a, b)
}

function compareAll({ labels: a, series: { values } }: Row, other: Row): number {
  const { labels: b, series } = other
  if (a.count !== b.count) return a.count - b.count
  for (let i = 0; i < a.count; i++) {
    const byValue = compareBytes(a.valueAt(i, values), b.valueAt(i, series.values))
    if (byValue !== 0) return byValue
  }
  // The same values under other names: any order will do, but always the same.
  return compareBytes(a.textOf(values), b.textOf(series.values))
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function isStrictlySorted(rows: readonly Row[]): boolean {
  for (let i = 1; i < rows.length; i++) if (compareRows(rows[i - 1]!, rows[i]!) >= 0) return false
  return true
}

function labelTextOf({ labels, series }: Row): string {
  return fromByteString(labels.textOf(series.values))
}

/** A number on the page. The original writes a negative zero without its sign there. */
function shown(spelled: string): string {
  return spelled === '-0' ? '0' : spelled
}

function isCarriedByText({ marks }: SpelledSeries): boolean {
  return (
    marks === undefined ||
    (marks.created === undefined &&
      marks.exemplar === undefined &&
      marks.bucketExemplars === undefined &&
      marks.isBeyondText !== true &&
      marks.source === undefined)
  )
}
