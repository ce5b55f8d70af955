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
export function readBody(request: IncomingMessage, options: BodyOptions): Promise<Body> {
  const header = request.headers['content-encoding']
  // As nearly every push.
  if (header === undefined) return readRaw(request, options.bytesMax, options.budget.lease(), true)
  return readEncoded(request, header, options)
}

async function readEncoded(
  request: IncomingMessage,
  header: string,
  { bytesMax, budget, strictEncodings }: BodyOptions,
): Promise<Body> {
  const encoding = parseContentEncoding(header)
  if (encoding.kind === 'unknown' && strictEncodings) {
    throw new SluiceError('unknown_encoding', unknown(encoding.name))
  }
  const lease = budget.lease()
  try {
    const { bytes: raw } = await readRaw(request, bytesMax, lease, false)
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

const BODY = Symbol('what has come of the body of this request')

type ReadRequest = IncomingMessage & { [BODY]?: RawBody }

/** A body as it comes in. Its listeners are the same for all requests, which are what they are called on. */
class RawBody {
  private readonly bytesMax: number
  private readonly lease: BodyLease
  private readonly endsLease: boolean
  private readonly resolve: (body: Body) => void
  private readonly reject: (error: Error) => void
  private byteLength = 0
  /** The only one, as a rule. */
  private first: Buffer | undefined
  private pieces: Pieces | undefined
  /** Complete, or refused: then nothing of it is kept. */
  isOver = false

  constructor(
    bytesMax: number,
    lease: BodyLease,
    endsLease: boolean,
    resolve: (body: Body) => void,
    reject: (error: Error) => void,
  ) {
    this.bytesMax = bytesMax
    this.lease = lease
    this.endsLease = endsLease
    this.resolve = resolve
    this.reject = reject
  }

  add(request: IncomingMessage, piece: Buffer): void {
    this.byteLength += piece.length
    try {
      if (this.byteLength > this.bytesMax) throw tooLarge(this.bytesMax)
      this.lease.take(piece.length)
    } catch (error) {
      return this.refuse(request, error)
    }
    if (this.first === undefined) {
      this.first = piece
      return
    }
    if (this.pieces === undefined) {
      this.pieces = new Pieces()
      this.pieces.add(this.first)
    }
    this.pieces.add(piece)
  }

  complete(): void {
    if (this.endsLease) this.lease.end()
    this.resolve({ bytes: this.pieces?.join() ?? this.first ?? NOTHING, readAsItIs: undefined })
    this.finish()
  }

  refuse(request: IncomingMessage, error: unknown): void {
    request.removeAllListeners('data')
    request.resume()
    if (this.endsLease) this.lease.end()
    this.reject(error instanceof Error ? error : new Error(String(error)))
    this.finish()
  }

  private finish(): void {
    this.isOver = true
    this.first = this.pieces = undefined
  }
}

const NOTHING = Buffer.alloc(0)

function onData(this: ReadRequest, piece: Buffer): void {
  this[BODY]!.add(this, piece)
}

function onEnd(this: ReadRequest): void {
  const body = this[BODY]!
  if (body.isOver) return
  if (isCutOff(this)) body.refuse(this, new RequestAborted())
  else body.complete()
}

function onGone(this: ReadRequest): void {
  const body = this[BODY]!
  // Every request is closed at last.
  if (!body.isOver) body.refuse(this, new RequestAborted())
}

/** @param endsLease whether the bytes are given back as soon as all have come */
function readRaw(
  request: ReadRequest,
  bytesMax: number,
  lease: BodyLease,
  endsLease: boolean,
): Promise<Body> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax))
  return new Promise((resolve, reject) => {
    request[BODY] = new RawBody(bytesMax, lease, endsLease, resolve, reject)
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onGone)
    request.on('close', onGone)
  })
}

function notValid(header: string, error: unknown): string {
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
