/** Single writes: where in the order they are, and until when they may find their place. */
import type { Write } from '../history.ts'

/** Until when a write may take effect. */
export function untilOf({ outcome, endedAt }: Write): number {
  return outcome.kind === 'ambiguous' ? outcome.until : endedAt
}

/** Where in the order of all writes it is, if somebody said so. */
export function revisionOf({ outcome }: Write): number | undefined {
  return outcome.kind === 'acknowledged' ? outcome.position?.revision : undefined
}

export function hasEffect({ outcome }: Write): boolean {
  return outcome.kind === 'acknowledged' || outcome.kind === 'ambiguous'
}

export function isWithoutRevision(write: Write): boolean {
  return write.outcome.kind === 'acknowledged' && revisionOf(write) === undefined
}
