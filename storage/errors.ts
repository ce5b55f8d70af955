/** How a store fails. The write in question is not applied, except where the code says that it may be. */

export type StoreErrorCode =
  /** Cannot be reached, is busy beyond the deadline, or was closed. Trying again may help. */
  | 'unavailable'
  /**
   * The store took the write, or may have taken it, but did not confirm what an answer promises.
   * It is applied at most once, and not after its deadline. Trying again is safe.
   */
  | 'unconfirmed'
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
