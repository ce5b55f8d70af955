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

/**
 * The body of a request, decompressed. Encodings other than gzip are ignored, as in the original.
 *
 * @throws SluiceError body_too_large, invalid_encoding
 * @throws RequestAborted
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const raw = await readRaw(request, bytesMax)
  const encoding = request.headers['content-encoding']?.trim().toLowerCase()
  return encoding === 'gzip' ? gunzip(raw, bytesMax) : raw
}

function readRaw(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let byteLength = 0
    request.on('data', (chunk: Buffer) => {
      byteLength += chunk.length
      if (byteLength > bytesMax) {
        request.removeAllListeners('data')
        request.resume()
        reject(tooLarge(bytesMax))
        return
      }
      chunks.push(chunk)
    })
    request.on('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, byteLength)),
    )
    request.on('error', () => reject(new RequestAborted()))
    request.on('close', () => {
      if (!request.complete) reject(new RequestAborted())
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
