/** The connections of a listener, and how they end with it: what Node does not do for TLS and HTTP/2. */
import type { Socket } from 'node:net'

/** How often it is looked at who may be cut while the listener ends. */
const LOOK_MS = 250

export class OpenConnections {
  private readonly sockets = new Set<Socket>()

  /** @param socket as it was accepted, below TLS */
  add(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
  }

  /**
   * Cuts connections that are not in use, at two looks in a row, so that the end of an answer is not cut off; and all
   * of them after `timeoutMs`. Returns how to end that.
   *
   * @param peersInUse of requests that are not over yet
   */
  cutUnused(timeoutMs: number, peersInUse: () => ReadonlySet<string>): () => void {
    const deadline = performance.now() + timeoutMs
    let unused = new Set<Socket>()
    const look = (): void => {
      const isTime = performance.now() >= deadline
      const inUse = peersInUse()
      const now = new Set<Socket>()
      for (const socket of this.sockets) {
        if (isTime || unused.has(socket)) socket.destroy()
        else if (!inUse.has(peerOf(socket))) now.add(socket)
      }
      unused = now
    }
    const timer = setInterval(look, LOOK_MS)
    return () => clearInterval(timer)
  }
}

/** The same above and below TLS. Sockets in the file system have none, and so are in use together. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? '' : `${remoteAddress} ${remotePort}`
}
