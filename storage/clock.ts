/**
 * Wall time in microseconds for stores that run on the gateway's own host. Date.now() alone would
 * give two pushes within a millisecond the same push time.
 */
export function createClock(): () => number {
  let offsetMs = Date.now() - performance.now()
  return () => {
    const wallMs = Date.now()
    let nowMs = offsetMs + performance.now()
    // Follow the wall clock when it was stepped, or drifted from the monotonic one.
    if (nowMs < wallMs || nowMs >= wallMs + 1) {
      offsetMs += wallMs - nowMs
      nowMs = wallMs
    }
    return Math.floor(nowMs * 1000)
  }
}
