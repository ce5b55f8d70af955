/** How much memory V8 takes for new objects. */
import v8 from 'node:v8'

const FACTOR_OF_V8 = 2

/**
 * Does work that reads something large in the room for new objects that there is. V8 would double that room again and again,
 * up to two times 16 MB, because so much of what is read stays; and it gives none of it back to a gateway that is then
 * idle. Later on it may grow: with less of it pushes would be collected more often.
 *
 * V8 looks at this flag whenever it thinks of growing (tried with Node 20, 22 and 24).
 */
export async function inSmallYoungGeneration<Result>(work: () => Promise<Result>): Promise<Result> {
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  try {
    return await work()
  } finally {
    v8.setFlagsFromString(`--semi-space-growth-factor=${FACTOR_OF_V8}`)
  }
}
