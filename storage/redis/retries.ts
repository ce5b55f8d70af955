/** What is done between an attempt that failed and the next one; the same for reads and writes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoreEvents } from '../group-store.ts'
import type { Connection } from './connection.ts'
import type { Link } from './link.ts'
import { storeErrorOf, troubleOf } from './reply-errors.ts'

export interface Attempts {
  readonly link: Link
  readonly shownUrl: string
  readonly events: Partial<StoreEvents>
  /** By performance.now(). */
  readonly deadline: number
}

const RETRY_MIN_MS = 5
const RETRY_MAX_MS = 200

/**
 * Resolves when it is time for another attempt.
 *
 * @param tries how many failed before this one
 * @throws StoreError when another one would not help, or would come too late; the error itself when it is a mistake of ours
 */
export async function untilNextAttempt(
  { link, shownUrl, events, deadline }: Attempts,
  connection: Connection,
  error: unknown,
  tries: number,
): Promise<void> {
  const trouble = troubleOf(error)
  const why = error instanceof Error ? error.message : String(error)
  switch (trouble) {
    case 'fault':
      throw error
    case 'full':
    case 'unusable':
    case 'corrupt':
    case 'other':
      throw storeErrorOf(trouble, shownUrl, error)
    case 'elsewhere':
      link.drop(connection, why)
      break
    case 'lost':
    case 'not sent':
      // The pause is that before the next connection.
      link.drop(connection, why)
      events.retried?.(why)
      return
    default:
  }
  const left = deadline - performance.now()
  const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** tries) * (0.5 + Math.random() / 2)
  await sleep(Math.max(0, Math.min(pause, left)))
  if (pause >= left) throw storeErrorOf(trouble, shownUrl, error)
  events.retried?.(why)
}
