/** Reads the body of a push: raw bytes, whatever the Content-Type says, undone of its encodings. */
import type { IncomingMessage } from 'node:http'
import { SluiceError } from '../../errors.ts'
import type { BodyBudget, BodyLease } from './body-budget.ts'
import { isCutOff } from '../http-versions.ts'
import { KNOWN_ENCODINGS, parseContentEncoding } from './encodings/content-encoding.ts'
import { Pieces } from './pieces.ts'

/** The sender went away before the body was complete; nobody is left to answer. */
export class RequestAborted extends Error {
  constructor() {
    super('the client closed the connection before its request was complete')
    this.name = 'RequestAborted'
  }
}

export interface BodyOptions {
  /** Before and after decompression. */
  readonly bytesMax: number
  readonly budget: BodyBudget
  /** --push.strict-encodings: an encoding that is not known, or not what the body has, is an error. */
  readonly strictEncodings: boolean
}

export interface Body {
  readonly bytes: Buffer
  /** Why it is read as it came, where its Content-Encoding says otherwise. */
  readonly readAsItIs: string | undefined
}

/**
 * The body of a request, decompressed. What the original would read as it is (encodings that are not known, bodies
 * that only claim to be in one that the original does not know) is read like that here too.
 *
 * @throws SluiceError body_too_large, invalid_encoding, unknown_encoding, overloaded
 * @throws RequestAborted
 */
export async function readBody(request: IncomingMessage, options: BodyOptions): Promise<Body> {
  const { bytesMax, budget, strictEncodings } = options
  const { headers } = request
  const header = headers['content-encoding']
  const encoding = parseContentEncoding(header)
  if (encoding.kind === 'unknown' && strictEncodings) {
    throw new SluiceError('unknown_encoding', unknown(encoding.name))
  }
  const lease = budget.lease()
  try {
    const raw = await readRaw(request, bytesMax, lease)
    if (encoding.kind === 'unknown') {
      return { bytes: raw, readAsItIs: unknown(encoding.name) }
    }
    if (raw.length === 0 && isBodiless(request)) return { bytes: raw, readAsItIs: undefined }
    let bytes = raw
    for (const decompress of encoding.steps) {
      try {
        bytes = await decompress(bytes, limitedTake(lease, bytesMax))
      } catch (error) {
        if (error instanceof SluiceError) throw error
        const problem = notValid(header, error)
        if (encoding.mayBePlain && !strictEncodings) return { bytes: raw, readAsItIs: problem }
        throw new SluiceError('invalid_encoding', problem)
      }
    }
    return { bytes, readAsItIs: undefined }
  } finally {
    lease.end()
  }
}

/** A request that does not even say that its body is empty: then its other headers say nothing of one either. */
function isBodiless({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
}

/** Counts what becomes of one decompression, and ends it where that gets too large. */
function limitedTake(lease: BodyLease, bytesMax: number): (bytes: number) => void {
  let byteLength = 0
  return (bytes) => {
    byteLength += bytes
    if (byteLength > bytesMax) throw tooLarge(bytesMax)
    lease.take(bytes)
  }
}

function readRaw(request: IncomingMessage, bytesMax: number, lease: BodyLease): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax))
  return new Promise((resolve, reject) => {
    const take = limitedTake(lease, bytesMax)
    const pieces = new Pieces()
    let isComplete = false
    const refuse = (error: unknown): void => {
      request.removeAllListeners('data')
      request.resume()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    request.on('data', (chunk: Buffer) => {
      try {
        take(chunk.length)
      } catch (error) {
        return refuse(error)
      }
      pieces.add(chunk)
    })
    request.on('end', () => {
      if (isCutOff(request)) return refuse(new RequestAborted())
      isComplete = true
      resolve(pieces.join())
    })
    request.on('error', () => refuse(new RequestAborted()))
    request.on('close', () => {
      if (!isComplete) refuse(new RequestAborted())
    })
  })
}

function notValid(header: string | undefined, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  return `the body is not valid ${JSON.stringify(header)}: ${reason}`
}

function unknown(name: string): string {
  return `the Content-Encoding ${JSON.stringify(name)} is not known (known are ${KNOWN_ENCODINGS})`
}

function tooLarge(bytesMax: number): SluiceError {
  return new SluiceError(
    'body_too_large',
    `the body is larger than ${bytesMax} bytes (--push.max-body-bytes)`,
  )
}
