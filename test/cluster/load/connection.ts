/** A client's connection: kept open as real ones are, and given up after a while. */
import http from 'node:http'
import { gunzipSync } from 'node:zlib'

export interface Answered {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** Without its Content-Encoding. */
  readonly body: Buffer
}

/** There was no answer, or not all of it. */
export interface Unanswered {
  readonly status: 0
  /** True when nobody was there to connect to, so nothing was sent. */
  readonly refused: boolean
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly body?: string
  readonly gzip?: boolean
}

export class Connection {
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  private readonly patienceMs: number

  constructor(patienceMs: number) {
    this.patienceMs = patienceMs
  }

  /** Never throws: no answer is an outcome, too. */
  ask({ method, url, body, gzip = false }: Asked): Promise<Answered | Unanswered> {
    const headers = {
      ...(gzip ? { 'Accept-Encoding': 'gzip' } : {}),
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    }
    return new Promise((resolve) => {
      const over = (answer: Answered | Unanswered): void => {
        clearTimeout(timer)
        resolve(answer)
      }
      const fail = (error: NodeJS.ErrnoException): void => {
        over({ status: 0, refused: error.code === 'ECONNREFUSED' })
      }
      const request = http.request(url, { agent: this.agent, method, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () => {
          const whole = Buffer.concat(chunks)
          const isPacked = response.headers['content-encoding'] === 'gzip'
          over({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: isPacked ? gunzipSync(whole) : whole,
          })
        })
      })
      const timer = setTimeout(() => request.destroy(new Error('no answer')), this.patienceMs)
      request.on('error', fail)
      request.end(body)
    })
  }

  close(): void {
    this.agent.destroy()
  }
}
