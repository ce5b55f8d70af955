/**
 * The labels that a series is exposed with: those of its metric under the grouping labels, and an `instance`, empty
 * where there is none. What follows from the names alone is found out once for all metrics of the same names.
 */
import { toByteString } from '../exposition/byte-string.ts'
import { readLabelValue, showName, type LabelNames } from '../exposition/spelled/label-names.ts'
import type { SpelledSeries } from '../exposition/spelled/series.ts'
import { escapeValue } from '../exposition/text/render.ts'
import type { Label } from '../metrics/metric-family.ts'
import { byNameBytes, type GroupingKey } from './grouping-key.ts'

/** Between values in a series' key: sorts before all that plain values are made of. */
const SEPARATOR = '\0'

const INSTANCE = 'instance'

interface ExposedLabel {
  readonly name: string
  /** `name="` */
  readonly opening: string
  /** The grouping label's value, spelled; undefined where the metric has its own. */
  readonly fixed: string | undefined
  /** Where the metric's own value is. */
  readonly index: number
}

/** The labels of all series with the same names, in one group. */
export class ExposedLabels {
  /** How many there are. */
  readonly count: number
  /** The names of the labels that a series has for itself. */
  readonly ownNames: string
  /** Where the values of these are. */
  readonly own: readonly number[]
  /** The text before each own value, and behind the last. */
  readonly pieces: readonly string[]
  private readonly labels: readonly ExposedLabel[]

  constructor(labels: readonly ExposedLabel[]) {
    const own = []
    const pieces = []
    let ownNames = ''
    let piece = ''
    for (const [i, { opening, fixed, index }] of labels.entries()) {
      piece += i === 0 ? opening : `,${opening}`
      if (fixed === undefined) {
        own.push(index)
        ownNames += `${opening}\n`
        pieces.push(piece)
        piece = '"'
      } else piece += `${fixed}"`
    }
    pieces.push(piece)
    this.labels = labels
    this.count = labels.length
    this.ownNames = ownNames
    this.own = own
    this.pieces = pieces
  }

  /** `a="b",c="d"`, as a byte string. */
  textOf(values: readonly string[]): string {
    const { own, pieces } = this
    let text = pieces[0]!
    for (let i = 0; i < own.length; i++) text += values[own[i]!]! + pieces[i + 1]!
    return text
  }

  /** The own values; orders series of the same names as they are to be ordered, if their values are plain. */
  keyOf(values: readonly string[]): string {
    const { own } = this
    if (own.length === 0) return ''
    let key = values[own[0]!]!
    for (let i = 1; i < own.length; i++) key += SEPARATOR + values[own[i]!]!
    return key
  }

  /** Equal for equal values of the same names. */
  identityOf({ values, arePlain }: SpelledSeries, key: string): string {
    // What is plain has no backslashes, and no value has line feeds.
    return arePlain ? key : `\\V${this.own.map((index) => values[index]).join('\n')}`
  }

  /** What value `i` says, as its UTF-8 bytes. */
  valueAt(i: number, values: readonly string[]): string {
    const { fixed, index } = this.labels[i]!
    const spelled = fixed ?? values[index]!
    return spelled.includes('\\') ? toByteString(readLabelValue(spelled)) : spelled
  }

  labelsOf(values: readonly string[]): Label[] {
    return this.labels.map(({ name, fixed, index }) => ({
      name,
      value: readLabelValue(fixed ?? values[index]!),
    }))
  }
}

/** Finds the exposed labels of the series of one group. */
export class LabelPlan {
  private readonly grouping: readonly ExposedLabel[]
  private readonly groupingNames: ReadonlySet<string>
  /** By the names of the series' labels; without the instance where that is empty. */
  private readonly known = new Map<LabelNames, ExposedLabels>()
  private readonly withoutInstance = new Map<LabelNames, ExposedLabels>()

  constructor({ labels }: GroupingKey) {
    this.grouping = labels.map(({ name, value }) =>
      fixedLabel(name, toByteString(escapeValue(value))),
    )
    this.groupingNames = new Set(labels.map(({ name }) => name))
  }

  /** Whether it is a grouping label. */
  sets(name: string): boolean {
    return this.groupingNames.has(name)
  }

  exposedLabels({ names, values }: SpelledSeries): ExposedLabels {
    const { instanceIndex } = names
    // It is the one that is added where there is none.
    const isAdded = instanceIndex >= 0 && values[instanceIndex] === ''
    const known = isAdded ? this.withoutInstance : this.known
    let exposed = known.get(names)
    if (exposed === undefined) {
      exposed = this.assemble(names, isAdded)
      known.set(names, exposed)
    }
    return exposed
  }

  private assemble(names: LabelNames, leavesOutInstance: boolean): ExposedLabels {
    const labels = [...this.grouping]
    let hasInstance = this.sets(INSTANCE)
    for (const [index, name] of names.names.entries()) {
      if (this.sets(name) || (leavesOutInstance && name === INSTANCE)) continue
      if (name === INSTANCE) hasInstance = true
      labels.push({ name, opening: `${names.shown[index]!}="`, fixed: undefined, index })
    }
    if (!hasInstance) labels.push(fixedLabel(INSTANCE, ''))
    labels.sort(byNameBytes)
    return new ExposedLabels(labels)
  }
}

function fixedLabel(name: string, fixed: string): ExposedLabel {
  return { name, opening: `${showName(name)}="`, fixed, index: -1 }
}
