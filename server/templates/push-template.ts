/**
 * What pushes of one skeleton have in common. Jobs push the same text again and again, but for its values: names, HELP,
 * labels and their order stay. So the canonical form of such a text is worked out once, with gaps for values and for what
 * the grouping labels say; a further push is compared with the skeleton and its values are put into the gaps.
 * Where anything is not as expected, there is no match, and the push is parsed as any other: templates decide nothing.
 */
import { renderLabel } from '../exposition/text/render.ts'
import type { GroupingKey } from '../groups/grouping-key.ts'
import type { LabelledMetric, PreparedFamily, PreparedPush } from '../groups/prepare.ts'
import type { Claim } from '../groups/rules.ts'
import { respell, shownLength, type ValueKind } from './canonical-number.ts'

/** A family as all pushes of the skeleton have it. */
export interface TemplateFamily {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly shape: string
  readonly sampleCount: number
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

/** Not a closure each: there are ten to a push, and their series are hardly ever asked for. */
class FilledFamily implements PreparedFamily {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly shape: string
  readonly sampleCount: number
  readonly data: Buffer
  // Hidden from whoever copies a family, to keep it.
  readonly #index: number
  readonly #parsed: () => PreparedPush

  constructor(family: TemplateFamily, data: Buffer, index: number, parsed: () => PreparedPush) {
    this.name = family.name
    this.claims = family.claims
    this.shape = family.shape
    this.sampleCount = family.sampleCount
    this.data = data
    this.#index = index
    this.#parsed = parsed
  }

  series(): readonly LabelledMetric[] {
    return this.#parsed().families[this.#index]!.series()
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
    for (const gap of parts.gaps) if (gap < 0) this.runUses[-1 - gap]!++
    const texts = this.skeleton.bytes.length + this.literals.bytes.length
    this.byteCost = 2 * texts + GAP_COST * parts.gaps.length + FAMILY_COST * parts.families.length
  }

  /**
   * The push that a body of this skeleton is; undefined when it is of another.
   *
   * @param parsed the same push by parsing it, should its series be asked for
   */
  fill(body: Buffer, grouping: GroupingKey, parsed: () => PreparedPush): PreparedPush | undefined {
    const valueBytes = this.match(body)
    if (valueBytes < 0) return undefined
    const families = this.write(body, valueBytes, grouping, parsed)
    return { kind: 'prepared', grouping, families, shape: this.parts.shape, droppedDuplicates: 0 }
  }

  /** Finds the values. Returns how many bytes they take as they are shown; -1 when the body is of another skeleton. */
  private match(body: Buffer): number {
    const { kinds } = this.parts
    const { bytes, ends } = this.skeleton
    const { spans, respelled } = this
    respelled.clear()
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

  private write(
    body: Buffer,
    valueBytes: number,
    grouping: GroupingKey,
    parsed: () => PreparedPush,
  ): PreparedFamily[] {
    const { gaps, families } = this.parts
    const { spans, respelled } = this
    const { bytes: literals, ends: literalEnds } = this.literals
    const { bytes: tails, ends: tailEnds } = this.tails
    const runs = this.writeRuns(grouping)
    let size = valueBytes + literals.length + tails.length
    for (let run = 0; run < runs.length; run++) size += this.runUses[run]! * runs[run]!.length
    const out = Buffer.allocUnsafe(size)
    let at = 0
    let gap = 0
    let next = 0
    let nextTail = 0
    const prepared: PreparedFamily[] = []
    for (let family = 0; family < families.length; family++) {
      const familyStart = at
      const { gapsUpTo } = families[family]!
      for (; gap < gapsUpTo; gap++) {
        const end = literalEnds[gap]!
        while (next < end) out[at++] = literals[next++]!
        const number = gaps[gap]!
        if (number < 0) {
          const run = runs[-1 - number]!
          const { length } = run
          for (let i = 0; i < length; i++) out[at++] = run[i]!
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
      const data = out.subarray(familyStart, at)
      prepared.push(new FilledFamily(families[family]!, data, family, parsed))
    }
    return prepared
  }

  /** The bytes of each run, in a group. */
  private writeRuns({ labels }: GroupingKey): Buffer[] {
    const shown = labels.map(renderLabel)
    return this.parts.runs.map((run) => Buffer.from(run.map((index) => shown[index]).join(',')))
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
const GAP_COST = 48
const FAMILY_COST = 200
