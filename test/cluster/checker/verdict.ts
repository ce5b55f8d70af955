/** What the rules of the checker say: what was violated, what was lost where that is allowed, and how much was looked at. */

export interface Violation {
  /** Short name of the rule. */
  readonly rule: string
  readonly what: string
  /** Milliseconds of the run's clock. */
  readonly at: number
}

/** An acknowledged write that a failover undid. */
export interface Loss {
  readonly group: string
  readonly value: string
}

/** How many of each thing were looked at. */
export interface Comparisons {
  /** Pairs in order of time whose revisions were compared. */
  readonly inOrder: number
  /** Pages that were compared byte by byte with another of their revision. */
  readonly equalPages: number
  /** Groups on pages, compared with what the writes up to the page's revision make of them. */
  readonly groups: number
  /** Of those, groups that differed from the page before. */
  readonly changedGroups: number
  /** Looks at a page that began after an acknowledgement, through another target than the push. */
  readonly freshElsewhere: number
}

export interface Counts extends Comparisons {
  readonly operations: number
  readonly acknowledged: number
  readonly refused: number
  readonly failed: number
  readonly ambiguous: number
  /** Ambiguous writes that were seen. */
  readonly ambiguousSeen: number
  readonly scrapes: number
  readonly failedScrapes: number
  readonly revisions: number
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly losses: readonly Loss[]
  readonly counts: Counts
}

/** What a store promises across a failover. */
export type Guarantee = 'lossless' | 'may lose the tail'
