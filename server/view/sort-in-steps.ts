/** Sorting that can be interrupted: with 50 000 keys, sorting them at once takes longer than anybody should wait. */
import type { Steps } from './in-slices.ts'

const RUN = 1024

/** The texts in the order of `<`, each of them once in what is given. */
export function* sortInSteps(texts: readonly string[]): Steps<string[]> {
  let runs: string[][] = []
  for (let at = 0; at < texts.length; at += RUN) {
    // Without a function, sort compares as `<` does, and faster.
    runs.push(texts.slice(at, at + RUN).sort())
    yield
  }
  while (runs.length > 1) {
    const merged: string[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(runs[i + 1] === undefined ? runs[i]! : yield* merge(runs[i]!, runs[i + 1]!))
    }
    runs = merged
  }
  return runs[0] ?? []
}

function* merge(left: readonly string[], right: readonly string[]): Steps<string[]> {
  const merged: string[] = []
  let l = 0
  let r = 0
  while (l < left.length && r < right.length) {
    merged.push(left[l]! < right[r]! ? left[l++]! : right[r++]!)
    if (merged.length % RUN === 0) yield
  }
  while (l < left.length) merged.push(left[l++]!)
  while (r < right.length) merged.push(right[r++]!)
  return merged
}
