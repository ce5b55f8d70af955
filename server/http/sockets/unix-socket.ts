/** A socket in the file system: what must be so before one can listen on it. */
import { lstatSync, unlinkSync } from 'node:fs'
import net from 'node:net'

/** What fits into a socket address of the kernel, with the zero byte at its end. */
const PATH_BYTES_MAX = 107

/**
 * Removes what a gateway that was killed left behind. A socket that somebody listens on stays, and so does every
 * other file.
 *
 * @throws Error that says why the path cannot be listened on
 */
export async function makeWayForSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new Error(`unix:${path}: the path is longer than ${PATH_BYTES_MAX} bytes`)
  }
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw new Error(`unix:${path}: there is a file that is no socket`)
  if (await isListenedOn(path)) throw new Error(`unix:${path}: somebody listens on it already`)
  unlinkSync(path)
}

function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // What refuses for another reason than that nobody is there is not ours to remove.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'))
  })
}
