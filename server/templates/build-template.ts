/**
 * Works out the template of a body by a probe: the same body with numbers that tell which value they stand for, pushed
 * to a group whose labels tell which they are. Where these turn up in what is made of it is where the gaps are. So
 * the parser and the rules stay the only ones that know what a push means.
 */
import type { MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { groupingKeyOf, type GroupingKey } from '../groups/grouping-key.ts'
import type { PreparedPush } from '../groups/prepare.ts'
import { isLegacyMetricName } from '../metrics/names.ts'
import { renderLabel } from '../exposition/text/render.ts'
import { findValues } from './find-values.ts'
import {
  PushTemplate,
  type LabelRun,
  type TemplateFamily,
  type TemplateParts,
} from './push-template.ts'
import type { ValueKind } from './canonical-number.ts'

/** What a body amounts to: the parser and the rules; undefined where they refuse it. */
export type Understand = (
  body: Buffer,
  grouping: GroupingKey,
) => { readonly families: readonly MetricFamily[]; readonly push: PreparedPush } | undefined

/** A value of the probe: large enough to be no other number that stands in a canonical text. */
const FIRST_PROBE_VALUE = 2 ** 20
/** Around the number of a label; a control character that no template may have elsewhere. */
const MARK = '\u0001'

/**
 * The template of a body that was understood as a push; undefined when there is none to be had.
 */
export function buildTemplate(
  body: Buffer,
  grouping: GroupingKey,
  pushed: PreparedPush,
  understand: Understand,
): PushTemplate | undefined {
  const text = body.toString('latin1')
  const spans = findValues(text)
  if (spans === undefined || spans.length === 0 || text.includes(MARK)) return undefined
  const skeleton: string[] = []
  let probe = ''
  let at = 0
  for (const [i, { start, end }] of spans.entries()) {
    skeleton.push(text.slice(at, start))
    probe += text.slice(at, start) + String(FIRST_PROBE_VALUE + i)
    at = end
  }
  skeleton.push(text.slice(at))
  probe += text.slice(at)
  const probed = understand(Buffer.from(probe, 'latin1'), probeGrouping(grouping))
  if (probed === undefined || !haveOneLayout(probed.families, grouping)) return undefined
  const kinds = new Array<ValueKind>(spans.length)
  const parts = readProbe(probed.push, new Map(probed.families.map((f) => [f.name, f.type])), kinds)
  if (parts === undefined) return undefined
  const template = new PushTemplate({ ...parts, skeleton, kinds, shape: pushed.shape })
  return makesTheSame(template, body, grouping, pushed) ? template : undefined
}

function probeGrouping({ labels }: GroupingKey): GroupingKey {
  return groupingKeyOf(labels.map(({ name }, i) => ({ name, value: `${MARK}${i}${MARK}` })))
}

/**
 * Whether the order of series cannot depend on what the grouping labels say: where two have equally many labels, they
 * have the same ones, so that a grouping label only ever meets itself.
 */
function haveOneLayout(families: readonly MetricFamily[], grouping: GroupingKey): boolean {
  const own = new Set(grouping.labels.map(({ name }) => name))
  return families.every(({ metrics }) => {
    const layouts = new Map<number, string>()
    return metrics.every(({ labels }) => {
      const names = labels.map(({ name }) => name).filter((name) => !own.has(name))
      if (!own.has('instance') && !names.includes('instance')) names.push('instance')
      const layout = JSON.stringify(names.sort())
      const other = layouts.get(names.length)
      layouts.set(names.length, layout)
      return other === undefined || other === layout
    })
  })
}

/** Undefined when the text of a probe does not say where everything went. */
function readProbe(
  push: PreparedPush,
  types: ReadonlyMap<string, MetricType>,
  kinds: ValueKind[],
): Pick<TemplateParts, 'literals' | 'gaps' | 'runs' | 'families'> | undefined {
  const runs: LabelRun[] = []
  const runNumbers = new Map<string, number>()
  const literals: string[] = []
  const gaps: number[] = []
  const families: TemplateFamily[] = []
  const labels = markedLabels(push.grouping)
  for (const { name, claims, shape, sampleCount, data } of push.families) {
    const text = data.toString('latin1')
    const type = types.get(name)
    if (type === undefined || !isLegacyMetricName(name) || !text.endsWith('\n')) return undefined
    let literal = ''
    for (const line of text.slice(0, -1).split('\n')) {
      if (line.startsWith('#')) {
        literal += `${line}\n`
        continue
      }
      const valueAt = line.lastIndexOf(' ') + 1
      let at = 0
      for (const { 0: found, index } of line.slice(0, valueAt).matchAll(labels.pattern)) {
        const run = Array.from(found.matchAll(labels.one), ([label]) => labels.numbers.get(label)!)
        const id = run.join()
        let number = runNumbers.get(id)
        if (number === undefined) {
          number = runs.push(run) - 1
          runNumbers.set(id, number)
        }
        literals.push(literal + line.slice(at, index))
        gaps.push(-1 - number)
        literal = ''
        at = index + found.length
      }
      const value = Number(line.slice(valueAt)) - FIRST_PROBE_VALUE
      if (value < 0) {
        // Not pushed: the sum or count that a summary or histogram is shown with all the same.
        literal += `${line.slice(at)}\n`
        continue
      }
      if (!(value < kinds.length) || kinds[value] !== undefined) return undefined
      kinds[value] = kindOf(line, name, type)
      literals.push(literal + line.slice(at, valueAt))
      gaps.push(value)
      literal = '\n'
    }
    families.push({ name, claims, shape, sampleCount, gapsUpTo: gaps.length, tail: literal })
  }
  // A value that nobody shows may still be one that is refused.
  for (let i = 0; i < kinds.length; i++) if (kinds[i] === undefined) return undefined
  return { literals, gaps: Int32Array.from(gaps), runs, families }
}

/** How the labels of the probe's group are found in its text. */
function markedLabels({ labels }: GroupingKey) {
  const numbers = new Map<string, number>(
    labels.map((label, i) => [Buffer.from(renderLabel(label)).toString('latin1'), i]),
  )
  const any = [...numbers.keys()].map(escapeRegExp).join('|')
  return {
    numbers,
    one: new RegExp(any, 'g'),
    pattern: new RegExp(`(?:${any})(?:,(?:${any}))*`, 'g'),
  }
}

function kindOf(line: string, name: string, type: MetricType): ValueKind {
  const isCount = line.startsWith(`${name}_count{`)
  if (type === 'summary') return isCount ? 'whole count' : 'number'
  if (type === 'histogram' || type === 'gaugehistogram') {
    return isCount || line.startsWith(`${name}_bucket{`) ? 'count' : 'number'
  }
  return 'number'
}

/** Whatever was overlooked: a template is only kept when it makes of its own body what was made of it. */
function makesTheSame(
  template: PushTemplate,
  body: Buffer,
  grouping: GroupingKey,
  push: PreparedPush,
): boolean {
  const filled = template.fill(body, grouping, () => push)?.families
  const { families } = push
  return (
    filled?.length === families.length &&
    families.every((family, i) => {
      const other = filled[i]!
      return (
        other.name === family.name &&
        other.shape === family.shape &&
        other.sampleCount === family.sampleCount &&
        JSON.stringify(other.claims) === JSON.stringify(family.claims) &&
        other.data.equals(family.data)
      )
    })
  )
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
