/**
 * Reads single lines by the grammar of OpenMetrics 1.0, where one blank is one blank. Names in quotes came later, and
 * are taken too. By hand, since regular expressions run out of stack on lines of many megabytes.
 */
import { parseFloat64 } from '../../metrics/numbers.ts'
import { unescape } from '../escapes.ts'

export interface MetadataLine {
  readonly keyword: string
  readonly name: string
  readonly text: string
}

export type LabelPair = readonly [name: string, value: string]

export interface SampleLine {
  readonly name: string
  readonly labels: readonly LabelPair[]
  readonly value: number
  readonly exemplar: { readonly labels: readonly LabelPair[]; readonly value: number } | undefined
}

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y
const KEYWORD = /HELP|TYPE|UNIT/y
const NUMBER = /[^ ]+/y
const TIMESTAMP = / [+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?/y

/** `# TYPE name text`; undefined for any other line. */
export function readMetadataLine(line: string): MetadataLine | undefined {
  const cursor = new LineCursor(line)
  const keyword = cursor.skips('# ') ? cursor.take(KEYWORD) : undefined
  if (keyword === undefined || !cursor.skips(' ')) return undefined
  const name = cursor.take(METRIC_NAME) ?? cursor.takeQuoted()
  return name !== undefined && cursor.skips(' ') ? { keyword, name, text: cursor.rest } : undefined
}

/** `name{labels} value timestamp # {labels} value timestamp`; undefined for any other line. */
export function readSampleLine(line: string): SampleLine | undefined {
  const cursor = new LineCursor(line)
  const series = takeSeries(cursor)
  const value = takeValue(cursor)
  if (series === undefined || value === undefined) return undefined
  if (cursor.rest === '') return { ...series, value, exemplar: undefined }
  const labels = cursor.skips(' # {') ? takeLabels(cursor) : undefined
  const observed = takeValue(cursor)
  if (labels === undefined || observed === undefined || cursor.rest !== '') return undefined
  return { ...series, value, exemplar: { labels, value: observed } }
}

function takeSeries(cursor: LineCursor): Pick<SampleLine, 'name' | 'labels'> | undefined {
  const bare = cursor.take(METRIC_NAME)
  if (bare !== undefined) {
    const labels = cursor.skips('{') ? takeLabels(cursor) : []
    return labels && { name: bare, labels }
  }
  const name = cursor.skips('{') ? cursor.takeQuoted() : undefined
  if (name === undefined) return undefined
  if (cursor.skips('}')) return { name, labels: [] }
  const labels = cursor.skips(',') ? takeLabelList(cursor) : undefined
  return labels && { name, labels }
}

/** Behind the '{'; with the '}'. */
function takeLabels(cursor: LineCursor): LabelPair[] | undefined {
  return cursor.skips('}') ? [] : takeLabelList(cursor)
}

/** At least one label, and the '}'. */
function takeLabelList(cursor: LineCursor): LabelPair[] | undefined {
  const labels: LabelPair[] = []
  do {
    const name = cursor.take(LABEL_NAME) ?? cursor.takeQuoted()
    const value = cursor.skips('=') ? cursor.takeQuoted() : undefined
    if (name === undefined || value === undefined) return undefined
    labels.push([name, value])
  } while (cursor.skips(','))
  return cursor.skips('}') ? labels : undefined
}

/** ` value`, and a timestamp if there is one. */
function takeValue(cursor: LineCursor): number | undefined {
  const text = cursor.skips(' ') ? cursor.take(NUMBER) : undefined
  cursor.take(TIMESTAMP)
  return text === undefined ? undefined : parseFloat64(text)
}

class LineCursor {
  private readonly line: string
  private at = 0

  constructor(line: string) {
    this.line = line
  }

  get rest(): string {
    return this.line.slice(this.at)
  }

  skips(text: string): boolean {
    if (!this.line.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  /** What fits the pattern, which is sticky. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const taken = pattern.exec(this.line)?.[0]
    this.at += taken?.length ?? 0
    return taken
  }

  /** What stands between quotes, unescaped. */
  takeQuoted(): string | undefined {
    if (this.line[this.at] !== '"') return undefined
    const start = this.at + 1
    for (let end = start; end < this.line.length; end++) {
      if (this.line[end] === '\\') end++
      else if (this.line[end] === '"') {
        this.at = end + 1
        return unescape(this.line.slice(start, end))
      }
    }
    return undefined
  }
}
