/** What clients asked for, what they were told and what they saw, by the one clock of the process that asked. */

/** A place in the order of all writes, as `Sluice-Revision` names it. */
export interface Position {
  /** The first eight characters of the store's epoch. */
  readonly epoch: string
  readonly revision: number
}

/** An expiry would be one more: a write that no client asked for, at a time that the store chose. */
export type WriteKind = 'replace' | 'merge' | 'delete'

export type Outcome =
  /** Without a position: a delete of a group that was not there. */
  | { readonly kind: 'acknowledged'; readonly position: Position | undefined }
  /** 4xx: nothing of it is ever seen. */
  | { readonly kind: 'refused'; readonly status: number }
  /** Answered as not stored: nothing of it is ever seen. */
  | { readonly kind: 'failed'; readonly status: number }
  /** May take effect, once, until a time: there was no answer, or one that says so. */
  | { readonly kind: 'ambiguous'; readonly status: number; readonly until: number }

export interface Write {
  readonly client: string
  readonly kind: WriteKind
  /** The URL it was sent to. */
  readonly target: string
  /** The labels of the group as the page shows them: `instance="a",job="b"`. */
  readonly group: string
  readonly families: readonly string[]
  /** Of all samples that it brings; no other write of the run has it. */
  readonly value: string
  /** It is one that no gateway may take. */
  readonly isFlawed: boolean
  /** Milliseconds of the run's clock. */
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: Outcome
}

/** Family -> value, of one group. */
export type Content = ReadonlyMap<string, string>

/** What a page says of the groups of the run. */
export interface ObservedPage {
  /** Of the whole body: equal digests, equal bytes. */
  readonly digest: string
  readonly groups: ReadonlyMap<string, Content>
  /** What no page may look like, a sentence each. */
  readonly problems: readonly string[]
}

/** A scrape that was answered with 200. */
export interface Scrape {
  readonly client: string
  readonly target: string
  readonly startedAt: number
  readonly endedAt: number
  /** Undefined when the answer did not name one. */
  readonly position: Position | undefined
  readonly page: ObservedPage
}

/** A time in which another server took over from the one that held the store, and what it had not got was lost. */
export interface Failover {
  readonly from: number
  readonly until: number
}

export interface History {
  readonly writes: readonly Write[]
  readonly scrapes: readonly Scrape[]
  /** Status -> how many scrapes were answered with it; 0 for none at all. */
  readonly failedScrapes: ReadonlyMap<number, number>
  /** In order of time. */
  readonly failovers: readonly Failover[]
}

/** `1f2e3d4c/17` of the header; undefined for anything else. */
export function parsePosition(header: string | string[] | undefined): Position | undefined {
  const [, epoch, revision] = /^(\w{1,8})\/(\d+)$/.exec(String(header ?? '')) ?? []
  return epoch === undefined ? undefined : { epoch, revision: Number(revision) }
}
