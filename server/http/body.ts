/** Reads the body of a push: raw bytes, whatever the Content-Type says, undone of its encoding. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { SluiceError } from '../errors.ts'

/** The sender went away before the body was complete; nobody is left to answer. */
export class RequestAborted extends Error {
  constructor() {
    super('the client closed the connection before its request was complete')
    this.name = 'RequestAborted'
  }
}

/** How much of all bodies may be held at a time; what is beyond is refused, not queued. */
export class BodyBudget {
  private readonly bytesMax: number
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** @throws SluiceError overloaded */
  take(bytes: number): void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new SluiceError('overloaded', `${this.bytesMax} bytes of bodies are being read already`)
    }
    this.bytes += bytes
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}

/**
 * The body of a request, decompressed. Encodings other than gzip are ignored, as in the original.
 *
 * @throws SluiceError body_too_large, invalid_encoding, overloaded
 * @throws RequestAborted
 */
export async function readBody(
  request: IncomingMessage,
  bytesMax: number,
  budget: BodyBudget,
): Promise<Buffer> {
  const raw = await readRaw(request, bytesMax, budget)
  const encoding = request.headers['content-encoding']?.trim().toLowerCase()
  return encoding === 'gzip' ? gunzip(raw, bytesMax) : raw
}

function readRaw(request: IncomingMessage, bytesMax: number, budget: BodyBudget): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let byteLength = 0
    const giveBack = (): void => {
      budget.give(byteLength)
      byteLength = 0
    }
    const refuse = (error: Error): void => {
      giveBack()
      request.removeAllListeners('data')
      request.resume()
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      if (byteLength + chunk.length > bytesMax) return refuse(tooLarge(bytesMax))
      try {
        budget.take(chunk.length)
      } catch (error) {
        return refuse(error instanceof Error ? error : new Error(String(error)))
      }
      byteLength += chunk.length
      chunks.push(chunk)
    })
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, byteLength)
      giveBack()
      resolve(body)
    })
    request.on('error', () => refuse(new RequestAborted()))
    request.on('close', () => {
      if (!request.complete) refuse(new RequestAborted())
    })
  })
}

const gunzipWithInfo = promisify(zlib.gunzip) as unknown as (
  data: Buffer,
  options: zlib.ZlibOptions,
) => Promise<{ buffer: Buffer; engine: zlib.Gunzip }>

async function gunzip(raw: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    const { buffer, engine } = await gunzipWithInfo(raw, { info: true, maxOutputLength: bytesMax })
    if (engine.bytesWritten < raw.length) throw new Error('data after the end of the gzip stream')
    return buffer
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax)
    throw new SluiceError('invalid_encoding', `the body is not valid gzip: ${message}`)
  }
}

function tooLarge(bytesMax: number): SluiceError {
  return new SluiceError(
    'body_too_large',
    `the body is larger than ${bytesMax} bytes (--push.max-body-bytes)`,
  )
}
