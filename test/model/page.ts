/**
 * Reads a page as strictly as a scraper could: one TYPE for each family, all its samples behind it
 * and nowhere else, no series twice, no sample that could belong to two families.
 */
import { findBrokenPair } from './model.ts'
import type { MetricType } from '../../server/metrics/metric-family.ts'

export interface PageFamily {
  readonly name: string
  readonly type: MetricType
  /** Sample lines, as they stand. */
  readonly lines: string[]
}

const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  untyped: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['_bucket', '_sum', '_count'],
  gaugehistogram: ['_bucket', '_sum', '_count'],
}

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/
const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/

/** @throws Error naming the line that breaks a rule */
export function readPage(text: string): Map<string, PageFamily> {
  const families = new Map<string, PageFamily>()
  const helps = new Set<string>()
  const series = new Set<string>()
  let current: PageFamily | undefined
  const fail = (why: string, line: string): never => {
    throw new Error(`${why}: ${line}`)
  }
  if (!text.endsWith('\n')) fail('the page does not end with a line feed', text.slice(-50))
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('#')) {
      const [, keyword, name = '', rest] =
        COMMENT.exec(line) ?? fail('no comment of the format', line)
      if (families.has(name)) fail('a comment about a family that was there already', line)
      if (keyword === 'HELP') {
        if (helps.has(name)) fail('a second HELP', line)
        helps.add(name)
        continue
      }
      if (!(rest! in SUFFIXES)) fail('an unknown type', line)
      current = { name, type: rest as MetricType, lines: [] }
      families.set(name, current)
      continue
    }
    const [, name, labels = ''] = SAMPLE.exec(line) ?? fail('no sample of the format', line)
    if (current === undefined) return fail('a sample before any TYPE', line)
    const suffixes = SUFFIXES[current.type].map((suffix) => current!.name + suffix)
    if (!suffixes.includes(name!)) fail(`no sample of ${current.type} ${current.name}`, line)
    const id = name! + labels
    if (series.has(id)) fail('a series that was there already', line)
    series.add(id)
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label)
    if (new Set(names).size < names.length) fail('a label twice', line)
    current.lines.push(line)
  }
  const all = [...families.values()]
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) {
      const broken = findBrokenPair(a, b)
      if (broken !== undefined) throw new Error(`the page contradicts itself: ${broken.where}`)
    }
  }
  return families
}
