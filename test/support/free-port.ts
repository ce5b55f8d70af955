/** Ports of 127.0.0.1 for programs that have to be told theirs. */
import net from 'node:net'

// Below those that the system gives away by itself, to listeners on port 0 and to connections.
const [LOWEST, HIGHEST] = [12_000, 31_999]

/** A port that nobody listens on. Whoever starts a program there tries another one if it is taken. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if (await isFree(port)) return port
  }
  throw new Error('no free port was found')
}

function isFree(port: number): Promise<boolean> {
  const server = net.createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
