/** The names of a metric's labels, shared by all metrics of a body that have the same ones in the same order. */
import type { Label } from '../../metrics/metric-family.ts'
import { isLegacyLabelName } from '../../metrics/names.ts'
import { Memo } from '../memo.ts'
import { detached, fromByteString, toByteString } from '../byte-string.ts'
import { unescape } from '../escapes.ts'
import { quote } from '../text/render.ts'

export class LabelNames {
  /** In the order of the body. */
  readonly names: readonly string[]
  /** As labels are shown, as byte strings: `name` or `"name"`. */
  readonly shown: readonly string[]
  /** The names' indexes, in the order of their bytes. */
  readonly order: readonly number[]
  /** Where `instance` is; -1 where it is not. */
  readonly instanceIndex: number

  constructor(names: readonly string[], shown: readonly string[] = names.map(showName)) {
    this.names = names
    this.shown = shown
    this.order = orderOf(names)
    this.instanceIndex = names.indexOf('instance')
  }

  /** `a="b",c="d"` in the order of the names: equal for equal sets of labels, however they were written. */
  textOf(values: readonly string[]): string {
    let text = ''
    for (const i of this.order) {
      text += `${text === '' ? '' : ','}${this.shown[i]!}="${values[i]!}"`
    }
    return text
  }

  /** In the order of the body. */
  labelsOf(values: readonly string[]): Label[] {
    return this.names.map((name, i) => ({ name, value: readLabelValue(values[i]!) }))
  }
}

export const NO_LABELS = new LabelNames([])

const KNOWN = new Memo<LabelNames>(1024)

/**
 * Mostly the same object for the same names in the same order.
 *
 * @param shown the names as labels are shown
 */
export function labelNamesOf(names: readonly string[], shown: readonly string[]): LabelNames {
  const text = shown.length === 1 ? shown[0]! : shown.join()
  return (
    KNOWN.get(text) ??
    KNOWN.set(detached(text), new LabelNames(names.map(detached), shown.map(detached)))
  )
}

/** A label's name as a byte string, in quotes where the format wants them. */
export function showName(name: string): string {
  return isLegacyLabelName(name) ? name : toByteString(quote(name))
}

/** What a value says that is spelled as between quotes, as a byte string. */
export function readLabelValue(spelled: string): string {
  const text = fromByteString(spelled)
  return text.includes('\\') ? unescape(text) : text
}

function orderOf(names: readonly string[]): number[] {
  const order = names.map((_, i) => i)
  if (names.length < 2) return order
  const keys = names.map(toByteString)
  return order.sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1))
}
