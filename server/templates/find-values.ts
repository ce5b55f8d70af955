/** Where the values stand in a body of the text format. */

/** First and last index + 1 of a value. */
export interface ValueSpan {
  readonly start: number
  readonly end: number
}

/**
 * The values of a body that the parser has accepted, in order; undefined when something stands behind one of them.
 *
 * @param text the body's bytes as latin1
 */
export function findValues(text: string): ValueSpan[] | undefined {
  const spans: ValueSpan[] = []
  let lineStart = 0
  while (lineStart < text.length) {
    const end = text.indexOf('\n', lineStart)
    if (end < 0) return undefined
    const first = skipBlanks(text, lineStart)
    if (first < end && text[first] !== '#') {
      const start = skipBlanks(text, endOfSeries(text, first, end))
      if (start >= end || /[ \t]/.test(text.slice(start, end))) return undefined
      spans.push({ start, end })
    }
    lineStart = end + 1
  }
  return spans
}

/** Behind the name and the labels of a line; blanks in between are jumped over. */
function endOfSeries(text: string, start: number, end: number): number {
  let at = start
  while (at < end && text[at] !== '{' && text[at] !== ' ' && text[at] !== '\t') at++
  at = skipBlanks(text, at)
  if (text[at] !== '{') return at
  for (let quoted = false; at < end; at++) {
    if (quoted && text[at] === '\\') at++
    else if (text[at] === '"') quoted = !quoted
    else if (!quoted && text[at] === '}') return at + 1
  }
  return end
}

function skipBlanks(text: string, start: number): number {
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
