/** Which fault comes when: the first one first, then all kinds in turn, in an order that the seed decides. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FAULTS, type FaultContext, type FaultName } from './faults.ts'

export interface Injected {
  readonly name: FaultName
  /** When it began, in seconds after the start of the schedule. */
  readonly at: number
  /** Until everything was as before, in seconds. */
  readonly took: number
}

export interface ScheduleOptions {
  readonly faults: readonly FaultName[]
  readonly seconds: number
  /** Between two faults, on average. */
  readonly pauseMs: number
  readonly context: FaultContext
  readonly onFault: (injected: Injected) => void
}

/** Ends with the fault that is under way when the time is up. */
export async function injectFaults(options: ScheduleOptions): Promise<Injected[]> {
  const { faults, seconds, pauseMs, context, onFault } = options
  const { random, recorder } = context
  const startedAt = recorder.now()
  const secondsSince = (time: number): number => (recorder.now() - time) / 1000
  const injected: Injected[] = []
  let deck: FaultName[] = [...faults]
  for (;;) {
    await sleep(pauseMs / 2 + random.below(pauseMs))
    if (secondsSince(startedAt) >= seconds) return injected
    if (deck.length === 0) deck = [...faults]
    const next = injected.length === 0 ? 0 : random.below(deck.length)
    const [name] = deck.splice(next, 1) as [FaultName]
    const at = secondsSince(startedAt)
    const began = recorder.now()
    await FAULTS[name](context)
    const fault = { name, at, took: secondsSince(began) }
    injected.push(fault)
    onFault(fault)
  }
}
