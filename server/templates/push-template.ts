/**
 * What pushes of one skeleton have in common. Jobs push the same text again and again, but for its values: names, HELP,
 * labels and their order stay. So the canonical form of such a text is worked out once, with gaps for values and for what
 * the grouping labels say; a further push is compared with the skeleton and its values are put into the gaps.
 * Where anything is not as expected, there is no match, and the push is parsed as any other: templates decide nothing.
 */
import { renderLabel } from '../exposition/text/render.ts'
import type { GroupingKey } from '../groups/grouping-key.ts'
import type { FamilyOutline, PackedPush, PreparedFamily, PreparedPush } from '../groups/prepare.ts'
import { respell, shownLength, type ValueKind } from './canonical-number.ts'

/** A family as all pushes of the skeleton have it. */
export interface TemplateFamily extends FamilyOutline {
  /** How many of the template's gaps lie before the end of its text. */
  readonly gapsUpTo: number
  /** The text behind its last gap. */
  readonly tail: string
}

/** A gap that is not for a value: grouping labels that stand side by side, by index. */
export type LabelRun = readonly number[]

export interface TemplateParts {
  /** Text of the body before each value, and behind the last one; all texts are bytes as latin1. */
  readonly skeleton: readonly string[]
  readonly kinds: readonly ValueKind[]
  /** Canonical text before each gap. */
  readonly literals: readonly string[]
  /** What goes into each gap: the value of this number, or the label run of number -1 - n. */
  readonly gaps: Int32Array
  readonly runs: readonly LabelRun[]
  /** In order of their text. */
  readonly families: readonly TemplateFamily[]
  /** Digest over all families, as preparePush makes it. */
  readonly shape: string
}

/** Reads a body without any template. */
export type Parse = (body: Buffer, grouping: GroupingKey) => PreparedPush

/** Its families are hardly ever asked for one by one: stores take them in one piece. */
class FilledPush implements PreparedPush {
  readonly kind = 'prepared'
  readonly grouping: GroupingKey
  readonly shape: string
  readonly droppedDuplicates = 0
  readonly packed: PackedPush
  readonly #body: Buffer
  readonly #parse: Parse
  #parsed: PreparedPush | undefined
  #families: readonly PreparedFamily[] | undefined

  constructor(
    body: Buffer,
    grouping: GroupingKey,
    shape: string,
    packed: PackedPush,
    parse: Parse,
  ) {
    this.grouping = grouping
    this.shape = shape
    this.packed = packed
    this.#body = body
    this.#parse = parse
  }

  get families(): readonly PreparedFamily[] {
    const { families, data, ends } = this.packed
    return (this.#families ??= families.map(({ name, claims, shape, sampleCount }, i) => ({
      name,
      claims,
      shape,
      sampleCount,
      data: data.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]),
      series: () => this.parsed().families[i]!.series(),
    })))
  }

  private parsed(): PreparedPush {
    return (this.#parsed ??= this.#parse(this.#body, this.grouping))
  }
}

export class PushTemplate {
  /** About what it takes up in memory. */
  readonly byteCost: number
  private readonly parts: TemplateParts
  private readonly skeleton: Joined
  private readonly literals: Joined
  private readonly tails: Joined
  /** How often each label run is written. */
  private readonly runUses: Int32Array
  /** The label runs of the push that is being filled in, one behind the other, and where each ends. */
  private runBytes = Buffer.alloc(0)
  private readonly runEnds: Int32Array
  /** Of the push that is being filled in: where its values stand, and those that are spelled otherwise. */
  private readonly spans: Int32Array
  private readonly respelled = new Map<number, string>()

  constructor(parts: TemplateParts) {
    this.parts = parts
    this.skeleton = join(parts.skeleton)
    this.literals = join(parts.literals)
    this.tails = join(parts.families.map(({ tail }) => tail))
    this.spans = new Int32Array(2 * parts.kinds.length)
    this.runUses = new Int32Array(parts.runs.length)
    this.runEnds = new Int32Array(parts.runs.length)
    for (const gap of parts.gaps) if (gap < 0) this.runUses[-1 - gap]!++
    const texts = this.skeleton.bytes.length + this.literals.bytes.length
    this.byteCost = 2 * texts + GAP_COST * parts.gaps.length + FAMILY_COST * parts.families.length
  }

  /**
   * The push that a body of this skeleton is; undefined when it is of another.
   *
   * @param parse makes the same push of it, should its series be asked for
   */
  fill(body: Buffer, grouping: GroupingKey, parse: Parse): PreparedPush | undefined {
    const valueBytes = this.match(body)
    if (valueBytes < 0) return undefined
    const packed = this.write(body, valueBytes, grouping)
    return new FilledPush(body, grouping, this.parts.shape, packed, parse)
  }

  /** Finds the values. Returns how many bytes they take as they are shown; -1 when the body is of another skeleton. */
  private match(body: Buffer): number {
    const { kinds } = this.parts
    const { bytes, ends } = this.skeleton
    const { spans, respelled } = this
    // An empty one would be made anew all the same.
    if (respelled.size > 0) respelled.clear()
    let shownBytes = 0
    let at = 0
    let next = 0
    for (let i = 0; i <= kinds.length; i++) {
      const end = ends[i]!
      if (body.length - at < end - next) return -1
      // Byte by byte; with strings it took 1.4 times as long (test/bench/README.md).
      while (next < end) if (body[at++] !== bytes[next++]) return -1
      if (i === kinds.length) break
      const start = at
      while (at < body.length && body[at] !== LINE_FEED) at++
      const kind = kinds[i]!
      let length = shownLength(body, start, at, kind)
      spans[2 * i] = start
      if (length === 0) {
        const text = respell(body, start, at, kind)
        if (text === undefined) return -1
        respelled.set(i, text)
        length = text.length
      }
      spans[2 * i + 1] = start + length
      shownBytes += length
    }
    return at === body.length ? shownBytes : -1
  }

  private write(body: Buffer, valueBytes: number, grouping: GroupingKey): PackedPush {
    const { gaps, families } = this.parts
    const { spans, respelled } = this
    const { bytes: literals, ends: literalEnds } = this.literals
    const { bytes: tails, ends: tailEnds } = this.tails
    const size = valueBytes + literals.length + tails.length + this.writeRuns(grouping)
    const { runBytes, runEnds } = this
    const out = Buffer.allocUnsafe(size)
    let at = 0
    let gap = 0
    let next = 0
    let nextTail = 0
    const ends: number[] = []
    for (let family = 0; family < families.length; family++) {
      const { gapsUpTo } = families[family]!
      for (; gap < gapsUpTo; gap++) {
        const end = literalEnds[gap]!
        while (next < end) out[at++] = literals[next++]!
        const number = gaps[gap]!
        if (number < 0) {
          const run = -1 - number
          const runEnd = runEnds[run]!
          for (let i = run === 0 ? 0 : runEnds[run - 1]!; i < runEnd; i++) out[at++] = runBytes[i]!
          continue
        }
        const start = spans[2 * number]!
        const shownEnd = spans[2 * number + 1]!
        const text = respelled.size === 0 ? undefined : respelled.get(number)
        if (text !== undefined) at += out.write(text, at, 'latin1')
        else for (let i = start; i < shownEnd; i++) out[at++] = body[i]!
      }
      const tailEnd = tailEnds[family]!
      while (nextTail < tailEnd) out[at++] = tails[nextTail++]!
      ends.push(at)
    }
    return { families, data: out, ends }
  }

  /** Spells the runs as they are in a group. Returns how many bytes they take wherever they are written. */
  private writeRuns({ labels }: GroupingKey): number {
    const { runs } = this.parts
    let written = 0
    let at = 0
    for (let run = 0; run < runs.length; run++) {
      const start = at
      const indexes = runs[run]!
      for (let i = 0; i < indexes.length; i++) {
        const label = renderLabel(labels[indexes[i]!]!)
        at = this.addToRuns(i === 0 ? label : `,${label}`, at)
      }
      this.runEnds[run] = at
      written += this.runUses[run]! * (at - start)
    }
    return written
  }

  /** Returns where the text ends. */
  private addToRuns(text: string, at: number): number {
    const end = at + UTF8_BYTES_MAX * text.length
    if (end > this.runBytes.length) {
      const longer = Buffer.allocUnsafeSlow(2 * end)
      longer.set(this.runBytes)
      this.runBytes = longer
    }
    return at + this.runBytes.write(text, at)
  }
}

/** Texts one behind the other, and where each ends. */
interface Joined {
  readonly bytes: Buffer
  readonly ends: Int32Array
}

function join(texts: readonly string[]): Joined {
  let end = 0
  const ends = texts.map((text) => (end += text.length))
  return { bytes: Buffer.from(texts.join(''), 'latin1'), ends: Int32Array.from(ends) }
}

const LINE_FEED = 0x0a
/** For a UTF-16 unit. */
const UTF8_BYTES_MAX = 3
const GAP_COST = 48
const FAMILY_COST = 200
