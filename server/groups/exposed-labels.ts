/**
 * The labels that a series is exposed with: those of its metric under the grouping labels, and an `instance`, empty
 * where there is none. What follows from the names alone is found out once for all metrics of the same names.
 */
import { toByteString } from '../exposition/byte-string.ts'
import { Memo } from '../exposition/memo.ts'
import { readLabelValue, showName, type LabelNames } from '../exposition/spelled/label-names.ts'
import { isPlainValue, type SpelledSeries } from '../exposition/spelled/series.ts'
import { escapeValue } from '../exposition/text/render.ts'
import type { Label } from '../metrics/metric-family.ts'
import { byNameBytes, type GroupingKey } from './grouping-key.ts'

/** Between values in a series' key: sorts before all that plain values are made of. */
const SEPARATOR = '\0'

const INSTANCE = 'instance'

interface LaidLabel {
  readonly name: string
  /** `name="` */
  readonly opening: string
  /** Which grouping label it is: its index. */
  readonly groupingIndex: number | undefined
  /** Which value of the metric is its own; undefined also for the instance that is added. */
  readonly ownIndex: number | undefined
}

/** The labels of all series with the same names, in all groups whose labels have the same names. */
interface Layout {
  readonly labels: readonly LaidLabel[]
  /** Where the values are that a series has for itself, in the order of their names. */
  readonly own: readonly number[]
  readonly ownNames: string
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
  private readonly labels: readonly LaidLabel[]
  private readonly groupingValues: readonly string[]

  constructor({ labels, own, ownNames }: Layout, groupingValues: readonly string[]) {
    const pieces = []
    let piece = ''
    let comma = ''
    for (const { opening, groupingIndex, ownIndex } of labels) {
      piece += comma + opening
      comma = ','
      if (ownIndex === undefined) {
        piece += groupingIndex === undefined ? '"' : `${groupingValues[groupingIndex]!}"`
      } else {
        pieces.push(piece)
        piece = '"'
      }
    }
    pieces.push(piece)
    this.labels = labels
    this.groupingValues = groupingValues
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

  /** Equal exactly for equal own values of the same names. */
  identityOf({ values, arePlain }: SpelledSeries, key: string): string {
    if (arePlain) return key
    // A value that a grouping label overrides must not matter.
    const own = this.own.map((index) => values[index]!)
    // What is plain has no backslashes, and no value has line feeds.
    return own.every(isPlainValue) ? this.keyOf(values) : `\\V${own.join('\n')}`
  }

  /** What label `i` says, as its UTF-8 bytes. */
  valueAt(i: number, values: readonly string[]): string {
    const spelled = this.spelledAt(this.labels[i]!, values)
    return spelled.includes('\\') ? toByteString(readLabelValue(spelled)) : spelled
  }

  labelsOf(values: readonly string[]): Label[] {
    return this.labels.map((label) => ({
      name: label.name,
      value: readLabelValue(this.spelledAt(label, values)),
    }))
  }

  private spelledAt({ groupingIndex, ownIndex }: LaidLabel, values: readonly string[]): string {
    if (ownIndex !== undefined) return values[ownIndex]!
    return groupingIndex === undefined ? '' : this.groupingValues[groupingIndex]!
  }
}

/** Finds the exposed labels of the series of one group. */
export class LabelPlan {
  private readonly groupingNames: readonly string[]
  /** Spelled. */
  private readonly groupingValues: readonly string[]
  private readonly layouts: Layouts
  /** By the names of the series' labels; without the instance where that is empty. */
  private readonly known = new Map<LabelNames, ExposedLabels>()
  private readonly withoutInstance = new Map<LabelNames, ExposedLabels>()

  constructor({ labels }: GroupingKey) {
    this.groupingNames = labels.map(({ name }) => name)
    this.groupingValues = labels.map(({ value }) => toByteString(escapeValue(value)))
    // As they are shown: a bare name holds no comma, and quotes in quotes are escaped.
    const id = this.groupingNames.map(showName).join()
    this.layouts = LAYOUTS.get(id) ?? LAYOUTS.set(id, new Layouts(this.groupingNames))
  }

  /** Whether it is a grouping label. */
  sets(name: string): boolean {
    return this.groupingNames.includes(name)
  }

  exposedLabels({ names, values }: SpelledSeries): ExposedLabels {
    const { instanceIndex } = names
    // It is the one that is added where there is none.
    const isAdded = instanceIndex >= 0 && values[instanceIndex] === ''
    const known = isAdded ? this.withoutInstance : this.known
    let exposed = known.get(names)
    if (exposed === undefined) {
      exposed = new ExposedLabels(this.layouts.layoutOf(names, isAdded), this.groupingValues)
      known.set(names, exposed)
    }
    return exposed
  }
}

/** Of one set of grouping labels; what the pushes of a fleet have in common. */
class Layouts {
  private readonly groupingNames: readonly string[]
  private readonly known = new Map<LabelNames, Layout>()
  private readonly withoutInstance = new Map<LabelNames, Layout>()

  constructor(groupingNames: readonly string[]) {
    this.groupingNames = groupingNames
  }

  layoutOf(names: LabelNames, leavesOutInstance: boolean): Layout {
    const known = leavesOutInstance ? this.withoutInstance : this.known
    let layout = known.get(names)
    if (layout === undefined) {
      layout = this.lay(names, leavesOutInstance)
      if (known.size >= LAYOUTS_EACH_MAX) known.clear()
      known.set(names, layout)
    }
    return layout
  }

  private lay({ names, shown }: LabelNames, leavesOutInstance: boolean): Layout {
    const grouping = new Set(this.groupingNames)
    const labels = this.groupingNames.map((name, i) => laidLabel(name, i))
    let hasInstance = grouping.has(INSTANCE)
    for (const [ownIndex, name] of names.entries()) {
      if (grouping.has(name) || (leavesOutInstance && name === INSTANCE)) continue
      if (name === INSTANCE) hasInstance = true
      labels.push({ name, opening: `${shown[ownIndex]!}="`, groupingIndex: undefined, ownIndex })
    }
    if (!hasInstance) labels.push(laidLabel(INSTANCE, undefined))
    labels.sort(byNameBytes)
    const own = labels.filter(({ ownIndex }) => ownIndex !== undefined)
    return {
      labels,
      own: own.map(({ ownIndex }) => ownIndex!),
      ownNames: own.map(({ opening }) => `${opening}\n`).join(''),
    }
  }
}

const LAYOUTS = new Memo<Layouts>(64)
const LAYOUTS_EACH_MAX = 256

function laidLabel(name: string, groupingIndex: number | undefined): LaidLabel {
  return { name, opening: `${showName(name)}="`, groupingIndex, ownIndex: undefined }
}
