/** Waiting for the store, but not for ever. */
import { StoreError } from '../storage/errors.ts'

/**
 * The outcome of what the store was asked for; what takes longer goes on by itself, for others that wait for it.
 *
 * @throws StoreError unavailable when it takes longer than `timeoutMs`
 */
export async function within<T>(timeoutMs: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = Number((timeoutMs / 1000).toFixed(3))
      reject(new StoreError('unavailable', `the store did not answer within ${seconds} s`))
    }, timeoutMs)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
