/** A load of its own: connections that each send the next request when the last one is answered. */
import net from 'node:net'

export interface LoadResult {
  readonly perSecond: number
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly warmUpMs: number
  /** Without one, until there are no more requests. */
  readonly durationMs?: number
  /** The next request, whole; undefined when there are no more. */
  readonly request: () => string | undefined
  /** The status that every answer must have: a benchmark of errors is worth nothing. */
  readonly status: number
}

export async function closedLoop(options: LoadOptions): Promise<LoadResult> {
  const startedAt = performance.now()
  const measuredFrom = startedAt + options.warmUpMs
  const until = measuredFrom + (options.durationMs ?? Infinity)
  const latencies: number[] = []
  const connection = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port: options.port, noDelay: true })
      let sentAt = 0
      const next = (): void => {
        const request = options.request()
        if (request === undefined) {
          socket.end(resolve)
          return
        }
        sentAt = performance.now()
        socket.write(request)
      }
      socket.on('connect', next)
      socket.on('error', reject)
      // Answers are small: each comes in one piece, with its head.
      socket.on('data', (data) => {
        const now = performance.now()
        const status = Number(data.toString('latin1', 9, 12))
        if (status !== options.status) {
          socket.destroy()
          reject(new Error(`answered ${data.toString('latin1')}`))
          return
        }
        if (now >= measuredFrom) latencies.push(now - sentAt)
        if (now < until) next()
        else socket.end(resolve)
      })
    })
  await Promise.all(Array.from({ length: options.connections }, connection))
  const tookMs = performance.now() - measuredFrom
  latencies.sort((a, b) => a - b)
  const quantile = (q: number): number => latencies[Math.floor(latencies.length * q)] ?? NaN
  return {
    perSecond: (latencies.length / tookMs) * 1000,
    requests: latencies.length,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  }
}
