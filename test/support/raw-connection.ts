/** A connection whose every byte the test decides, with the answers that came back on it. */
import net from 'node:net'
import { closeAfterTest } from './cleanup.ts'
import { waitFor } from './http.ts'

export interface RawAnswer {
  readonly version: string
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

export interface RawConnection {
  write(bytes: string | Buffer): void
  /** The next whole answer, 100 Continue included. */
  answer(options?: { readonly toHead?: boolean }): Promise<RawAnswer>
  /** What came in and is no part of an answer that was asked for. */
  rest(): string
  /** Resolves when the gateway has closed its side, or cut the connection. */
  closed(timeoutMs?: number): Promise<void>
  /** Sends the end of our side and goes on reading. */
  end(): void
  /** Goes away at once. */
  destroy(): void
}

/** Connects to the host and port of a base URL. */
export async function connectTo(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  closeAfterTest(() => void socket.destroy())
  let buffer: Buffer = Buffer.alloc(0)
  let ended = false
  socket.on('data', (chunk) => (buffer = Buffer.concat([buffer, chunk])))
  socket.on('end', () => (ended = true))
  // A gateway that cuts the connection is seen by 'close'; the tests say whether it may.
  socket.on('error', () => undefined)
  socket.on('close', () => (ended = true))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    write: (bytes) => void socket.write(bytes),
    answer: ({ toHead = false } = {}) =>
      waitFor(`an answer (so far: ${JSON.stringify(buffer.toString('latin1', 0, 200))})`, () => {
        const read = readAnswer(buffer, ended, toHead)
        if (read === undefined && ended) {
          throw new Error(`closed before an answer: ${JSON.stringify(buffer.toString('latin1'))}`)
        }
        if (read !== undefined) buffer = buffer.subarray(read.length)
        return read?.answer
      }),
    rest: () => buffer.toString('utf8'),
    closed: async (timeoutMs = 5_000) => {
      await waitFor('the connection to be closed', () => ended || undefined, timeoutMs)
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

/** A request as bytes, with Host and the Content-Length of its body. */
export function rawRequest(
  method: string,
  path: string,
  { headers = [], body }: { readonly headers?: readonly string[]; readonly body?: string } = {},
): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gateway', ...length, ...headers]
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

function readAnswer(
  buffer: Buffer,
  ended: boolean,
  toHead: boolean,
): { answer: RawAnswer; length: number } | undefined {
  const headEnd = buffer.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [statusLine = '', ...lines] = buffer.toString('latin1', 0, headEnd).split('\r\n')
  const [version = '', status = ''] = statusLine.split(' ')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const start = headEnd + 4
  const bodyless = toHead || status.startsWith('1') || status === '204' || status === '304'
  const body = bodyless ? { text: '', end: start } : readBody(buffer, start, headers, ended)
  if (body === undefined) return undefined
  return {
    answer: { version, status: Number(status), headers, text: body.text },
    length: body.end,
  }
}

function readBody(
  buffer: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): { text: string; end: number } | undefined {
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(buffer, start)
  const length = headers.get('content-length')
  if (length === undefined) {
    return ended ? { text: buffer.toString('utf8', start), end: buffer.length } : undefined
  }
  const end = start + Number(length)
  return buffer.length < end ? undefined : { text: buffer.toString('utf8', start, end), end }
}

function readChunks(buffer: Buffer, start: number): { text: string; end: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = buffer.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (buffer.length < end) return undefined
    if (size === 0) return { text: Buffer.concat(chunks).toString('utf8'), end }
    chunks.push(buffer.subarray(lineEnd + 2, end - 2))
    at = end
  }
}
