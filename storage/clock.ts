/**
 * Wall time in microseconds for stores that run on the gateway's own host. Date.now() alone would
 * give two pushes within a millisecond the same push time.
 */

/** A wall clock that was set back by more than this is followed; smaller steps are waited out. */
const STEP_BACK_US = 1_000_000

export function createClock(): () => number {
  let offsetMs = Date.now() - performance.now()
  let lastUs = 0
  return () => {
    const wallMs = Date.now()
    let nowMs = offsetMs + performance.now()
    // Follow the wall clock when it was set, or drifted from the monotonic one.
    if (nowMs < wallMs || nowMs >= wallMs + 1) {
      offsetMs += wallMs - nowMs
      nowMs = wallMs
    }
    const nowUs = Math.floor(nowMs * 1000)
    if (nowUs > lastUs || lastUs - nowUs > STEP_BACK_US) lastUs = nowUs
    return lastUs
  }
}
