/** Makes an input smaller while what is wrong with it stays wrong. */

const TRIES_MAX = 3000
const MS_MAX = 10_000

/** Leaves out ever smaller pieces, as long as that takes no more than some seconds. */
export async function minimise(
  input: Buffer,
  isStillWrong: (input: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  const endsAt = performance.now() + MS_MAX
  let smallest = input
  let tries = 0
  for (let size = input.length >> 1; size > 0; size = size > 1 ? size >> 1 : 0) {
    for (let at = 0; at < smallest.length;) {
      if (tries++ > TRIES_MAX || performance.now() > endsAt) return smallest
      const smaller = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)])
      if (await isStillWrong(smaller)) smallest = smaller
      else at += size
    }
  }
  return smallest
}
