/** How a store fails. In each case the write in question is not applied. */

export type StoreErrorCode =
  /** Cannot be reached, is busy beyond the deadline, or was closed. Trying again may help. */
  | 'unavailable'
  /** There is no room for what the write brings. */
  | 'full'
  /** The store holds something that cannot be right. Somebody must look at it. */
  | 'corrupt'
  /** What is configured cannot be used: not ours, too new, on a network filesystem, … */
  | 'unusable'

export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}
