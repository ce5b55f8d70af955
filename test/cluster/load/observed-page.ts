/** From the bytes of a page to what it says of the groups of a run. */
import { createHash } from 'node:crypto'
import { readPage } from '../../model/page.ts'
import type { ObservedPage } from '../history.ts'

/** The label that tells the series of one family in one group apart; all of them have the value of their push. */
export const PART_LABEL = 'part'
export const PARTS = 2

const PUSH_TIME = 'push_time_seconds'
const OWN_OF_GROUPS = [PUSH_TIME, 'push_failure_time_seconds']

/** Reads pages; equal ones are read once. */
export class PageReader {
  private readonly known = new Map<string, ObservedPage>()

  read(body: Buffer): ObservedPage {
    const digest = createHash('sha256').update(body).digest('hex').slice(0, 32)
    let page = this.known.get(digest)
    if (page === undefined) {
      page = observe(digest, body.toString('utf8'))
      this.known.set(digest, page)
    }
    return page
  }
}

function observe(digest: string, text: string): ObservedPage {
  const groups = new Map<string, Map<string, string>>()
  const problems: string[] = []
  const pushed = new Set<string>()
  try {
    // A store that holds nothing makes a page of nothing.
    const families = text === '' ? [] : readPage(text).values()
    for (const { name, lines } of families) {
      const parts = new Map<string, number>()
      for (const line of lines) {
        const { group, part, value } = readSample(line)
        if (group === undefined) {
          problems.push(`a series that is of no group: ${line}`)
        } else if (OWN_OF_GROUPS.includes(name)) {
          if (name === PUSH_TIME && value !== '0') pushed.add(group)
        } else if (part === undefined) {
          problems.push(`a series that nobody pushed: ${line}`)
        } else {
          parts.set(group, (parts.get(group) ?? 0) + 1)
          const content = groups.get(group) ?? new Map<string, string>()
          groups.set(group, content)
          const other = content.get(name)
          if (other !== undefined && other !== value) {
            problems.push(
              `${name} of {${group}} has the values of two pushes, ${other} and ${value}`,
            )
          }
          content.set(name, value)
        }
      }
      for (const [group, count] of parts) {
        if (count !== PARTS) problems.push(`${name} of {${group}} has ${count} of ${PARTS} series`)
      }
    }
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  for (const group of groups.keys()) {
    if (!pushed.has(group)) problems.push(`{${group}} has series and no push time`)
  }
  for (const group of pushed) {
    if (!groups.has(group)) problems.push(`{${group}} has a push time and no series`)
  }
  return { digest, groups, problems }
}

function readSample(line: string): {
  group: string | undefined
  part: string | undefined
  value: string
} {
  const blank = line.lastIndexOf(' ')
  const labels = [...line.slice(0, blank).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
  const part = labels.find(([, name]) => name === PART_LABEL)?.[2]
  const grouping = labels.filter(([, name]) => name !== PART_LABEL)
  return {
    group: grouping.some(([, name]) => name === 'job')
      ? grouping.map(([text]) => text).join(',')
      : undefined,
    part,
    value: line.slice(blank + 1),
  }
}
