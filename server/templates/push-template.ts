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
import { spellCount, spellValue, spellWholeCount } from './canonical-number.ts'

/** What a value has to be for the parser to take it, and for its canonical form to be its number alone. */
export type ValueKind = 'number' | 'count' | 'whole count'

const SPELL = { number: spellValue, count: spellCount, 'whole count': spellWholeCount } as const

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

export class PushTemplate {
  /** About what it takes up in memory. */
  readonly byteCost: number
  private readonly parts: TemplateParts

  constructor(parts: TemplateParts) {
    this.parts = parts
    let cost = 0
    for (const text of [...parts.skeleton, ...parts.literals]) cost += TEXT_COST + text.length
    this.byteCost = cost + FAMILY_COST * parts.families.length
  }

  /**
   * The push that a body of this skeleton is; undefined when it is of another.
   *
   * @param text the body's bytes as latin1
   * @param parsed the same push by parsing it, should its series be asked for
   */
  fill(text: string, grouping: GroupingKey, parsed: () => PreparedPush): PreparedPush | undefined {
    const values = this.match(text)
    if (values === undefined) return undefined
    const families = this.write(values, grouping, parsed)
    return { kind: 'prepared', grouping, families, shape: this.parts.shape, droppedDuplicates: 0 }
  }

  /** The values of the text as they are shown. */
  private match(text: string): string[] | undefined {
    const { skeleton, kinds } = this.parts
    const values: string[] = []
    let at = 0
    for (let i = 0; i < kinds.length; i++) {
      const expected = skeleton[i]!
      if (!text.startsWith(expected, at)) return undefined
      at += expected.length
      const end = text.indexOf('\n', at)
      if (end < 0) return undefined
      const value = SPELL[kinds[i]!](text, at, end)
      if (value === undefined) return undefined
      values.push(value)
      at = end
    }
    const rest = skeleton[kinds.length]!
    return text.length === at + rest.length && text.endsWith(rest) ? values : undefined
  }

  private write(
    values: readonly string[],
    grouping: GroupingKey,
    parsed: () => PreparedPush,
  ): PreparedFamily[] {
    const { literals, gaps, families } = this.parts
    const runs = this.writeRuns(grouping)
    let text = ''
    let gap = 0
    const ends: number[] = []
    for (const { gapsUpTo, tail } of families) {
      for (; gap < gapsUpTo; gap++) {
        const number = gaps[gap]!
        text += literals[gap]! + (number < 0 ? runs[-1 - number]! : values[number]!)
      }
      text += tail
      ends.push(text.length)
    }
    const bytes = Buffer.from(text, 'latin1')
    let start = 0
    return families.map(({ name, claims, shape, sampleCount }, i) => {
      const end = ends[i]!
      const data = bytes.subarray(start, end)
      start = end
      const series = (): readonly LabelledMetric[] => parsed().families[i]!.series()
      return { name, claims, shape, sampleCount, data, series }
    })
  }

  private writeRuns({ labels }: GroupingKey): string[] {
    const shown = labels.map((label) => Buffer.from(renderLabel(label)).toString('latin1'))
    return this.parts.runs.map((run) => run.map((index) => shown[index]).join(','))
  }
}

const TEXT_COST = 24
const FAMILY_COST = 200
