import type { GroupStore } from '../../../storage/group-store.ts'

export interface StoreLimits {
  readonly historyMax: number
  readonly tombstonesMax: number
}

/** What the contract suite needs of a driver. Every store it opens is closed after the test. */
export interface Driver {
  /** An empty store of its own. */
  readonly open: () => Promise<GroupStore>
  /** An empty store whose maintain() keeps only so much. */
  readonly openLimited: (limits: StoreLimits) => Promise<GroupStore>
}
