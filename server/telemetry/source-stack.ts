/** Stack traces that name the sources, also in the built program: a few large files with maps beside them. */
import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath } from 'node:url'

const PLACE = /(file:\/\/\/\S+?\.js):(\d+):(\d+)/g

/** Of files that were looked for. Nobody reads a map before there is an error of ours. */
const maps = new Map<string, SourceMap | undefined>()

/** The stack of an error; where maps know the places in the sources, with those. */
export function sourceStack(error: Error): string {
  const stack = error.stack ?? String(error)
  return stack.replaceAll(PLACE, (place: string, url: string, line: string, column: string) => {
    const entry = mapOf(url)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !('originalSource' in entry)) return place
    const { originalSource, originalLine, originalColumn } = entry
    return `${new URL(originalSource, url).href}:${originalLine + 1}:${originalColumn + 1}`
  })
}

function mapOf(url: string): SourceMap | undefined {
  if (!maps.has(url)) maps.set(url, readMap(`${fileURLToPath(url)}.map`))
  return maps.get(url)
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload)
  } catch {
    // There is none, or it is no map: the trace is as good as it was.
    return undefined
  }
}
