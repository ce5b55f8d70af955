/** Rule: a run that looked at too little proves nothing. */
import type { Counts, Violation } from './verdict.ts'

export type Minimums = Partial<Counts>

export function checkCoverage(counts: Counts, minimums: Minimums): Violation[] {
  return Object.entries(minimums)
    .filter(([name, minimum]) => counts[name as keyof Counts] < minimum)
    .map(([name, minimum]) => {
      const what = `${name} is ${counts[name as keyof Counts]}, which is less than ${minimum}`
      return { rule: 'enough was looked at', what, at: 0 }
    })
}
