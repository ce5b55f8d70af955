/**
 * The server's clock as seen from here, for deadlines: a write carries the server's time after which
 * the server must not make it any more, and that moment must not be later than the caller's own
 * deadline. So what is kept is the least that the server's clock can be ahead of ours.
 */
export class StoreClock {
  private leastAheadMs: number | undefined

  /**
   * Learns from one reply.
   *
   * @param storeTimeUs the server's clock when it made the reply
   * @param sentAtMs before the call, by performance.now()
   * @param receivedAtMs after the reply
   */
  learn(storeTimeUs: number, sentAtMs: number, receivedAtMs: number): void {
    const storeMs = storeTimeUs / 1000
    const least = storeMs - receivedAtMs
    const most = storeMs - sentAtMs
    const known = this.leastAheadMs
    // Beyond what is possible: the server's clock was set back, or runs slower than ours.
    if (known === undefined || least > known || most < known) this.leastAheadMs = least
  }

  /** The server's time, in whole milliseconds, that comes no later than this moment of ours. */
  at(localMs: number): number {
    return Math.floor(localMs + (this.leastAheadMs ?? -Infinity))
  }
}
