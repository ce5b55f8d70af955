/** Histories written by hand: a line an operation, times in milliseconds. */
import type { Content, Failover, History, Outcome, Scrape, Write, WriteKind } from '../history.ts'

export const GROUP = 'instance="a",job="j"'
export const OTHER = 'instance="b",job="j"'

type Times = readonly [startedAt: number, endedAt: number]

interface WriteOptions {
  readonly group?: string
  readonly target?: string
}

/** What was answered: a revision, `refused`, `failed`, `unchanged`, or until when nobody knows. */
type Told = number | 'refused' | 'failed' | 'unchanged' | { readonly until: number }

export function put(
  value: string,
  families: string,
  times: Times,
  told: Told,
  options: WriteOptions = {},
): Write {
  return write('replace', value, families, times, told, options)
}

export function post(
  value: string,
  families: string,
  times: Times,
  told: Told,
  options: WriteOptions = {},
): Write {
  return write('merge', value, families, times, told, options)
}

export function remove(value: string, times: Times, told: Told, options: WriteOptions = {}): Write {
  return write('delete', value, '', times, told, options)
}

function write(
  kind: WriteKind,
  value: string,
  families: string,
  [startedAt, endedAt]: Times,
  told: Told,
  { group = GROUP, target = 'one' }: WriteOptions,
): Write {
  return {
    client: `client of ${value}`,
    kind,
    target,
    group,
    families: families.split(' ').filter((family) => family !== ''),
    value,
    isFlawed: false,
    startedAt,
    endedAt,
    outcome: outcomeOf(told),
  }
}

function outcomeOf(told: Told): Outcome {
  if (typeof told === 'number') {
    return { kind: 'acknowledged', position: { epoch: 'e', revision: told } }
  }
  if (told === 'unchanged') return { kind: 'acknowledged', position: undefined }
  if (told === 'refused') return { kind: 'refused', status: 400 }
  if (told === 'failed') return { kind: 'failed', status: 507 }
  return { kind: 'ambiguous', status: 0, until: told.until }
}

/** @param shown such as `a=1 b=1`, of the one group, or by group */
export function scrape(
  shown: string | Readonly<Record<string, string>>,
  [startedAt, endedAt]: Times,
  revision: number,
  { target = 'two', problems = [] as string[], epoch = 'e' } = {},
): Scrape {
  const byGroup = typeof shown === 'string' ? { [GROUP]: shown } : shown
  const groups = new Map<string, Content>(
    Object.entries(byGroup)
      .filter(([, text]) => text !== '')
      .map(([group, text]) => [
        group,
        new Map(text.split(' ').map((pair) => pair.split('=') as [string, string])),
      ]),
  )
  const digest = JSON.stringify([...groups].map(([group, content]) => [group, [...content]]))
  return {
    client: 'scraper',
    target,
    startedAt,
    endedAt,
    position: { epoch, revision },
    page: { digest, groups, problems },
  }
}

export function history(
  operations: readonly (Write | Scrape)[],
  failovers: readonly Failover[] = [],
): History {
  return {
    writes: operations.filter((operation) => 'kind' in operation),
    scrapes: operations.filter((operation) => 'page' in operation),
    failedScrapes: new Map(),
    failovers,
  }
}
