/**
 * Reads framed snappy, chunk by chunk (google/snappy: framing_format.txt, format_description.txt). What is allowed
 * in a stream is what the original's reader allows: it begins with the stream identifier, which may come again.
 */
import { crc32c } from './crc32c.ts'

/** What a chunk may hold, before compression. */
export const SNAPPY_CHUNK_BYTES_MAX = 65536

const NOTHING = Buffer.alloc(0)
const STREAM_IDENTIFIER = Buffer.from('sNaPpY')
const HEADER_BYTES = 4
const CHECKSUM_BYTES = 4
/** Of 64 bits, zeros at the end included. */
const VARINT_BYTES_MAX = 10

const COMPRESSED = 0x00
const UNCOMPRESSED = 0x01
const FIRST_SKIPPABLE = 0x80
const IDENTIFIER = 0xff

export interface SnappyChunk {
  /** At most SNAPPY_CHUNK_BYTES_MAX bytes; none for chunks that carry no data. */
  readonly content: Buffer
  /** Where the next chunk begins in the stream. */
  readonly end: number
}

/**
 * The chunks of a stream, one after the other.
 *
 * @throws Error that says what is wrong, when that is reached
 */
export function* readSnappyFrames(stream: Buffer): Generator<SnappyChunk> {
  let at = 0
  let isIdentified = false
  while (at < stream.length) {
    if (at + HEADER_BYTES > stream.length) throw new Error('the stream ends inside a chunk header')
    const type = stream[at]!
    const start = at + HEADER_BYTES
    const end = start + stream.readUIntLE(at + 1, 3)
    if (!isIdentified && type !== IDENTIFIER) throw new Error('the stream identifier is missing')
    if (end > stream.length) throw new Error('the stream ends inside a chunk')
    const chunk = stream.subarray(start, end)
    at = end
    let content: Buffer = NOTHING
    if (type === IDENTIFIER) {
      if (!chunk.equals(STREAM_IDENTIFIER)) throw new Error('the stream identifier is damaged')
      isIdentified = true
    } else if (type === COMPRESSED || type === UNCOMPRESSED) {
      content = readChunk(chunk, type === COMPRESSED)
    } else if (type < FIRST_SKIPPABLE) {
      throw new Error(`chunk type 0x${type.toString(16).padStart(2, '0')} is unknown`)
    }
    yield { content, end }
  }
}

function readChunk(chunk: Buffer, isCompressed: boolean): Buffer {
  if (chunk.length < CHECKSUM_BYTES) throw new Error('a chunk is too short for its checksum')
  const data = chunk.subarray(CHECKSUM_BYTES)
  if (!isCompressed && data.length > SNAPPY_CHUNK_BYTES_MAX) throw new Error('a chunk is too large')
  const content = isCompressed ? decompressBlock(data) : data
  if (masked(crc32c(content)) !== chunk.readUInt32LE(0)) {
    throw new Error('a chunk does not fit its checksum')
  }
  return content
}

/** Checksums are stored like this, so that one of data that holds a checksum is no special case. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One compressed block: the length of its content as a varint, then literals and copies. */
function decompressBlock(block: Buffer): Buffer {
  const preamble = readLength(block)
  const content = Buffer.allocUnsafe(preamble.length)
  let from = preamble.end
  let to = 0
  while (from < block.length) {
    const tag = block[from]!
    const kind = tag & 3
    // Bytes behind the tag that say how long a literal is, or how far back a copy begins.
    const extra = kind === 0 ? Math.max(0, (tag >>> 2) - 59) : kind === 3 ? 4 : kind
    if (from + 1 + extra > block.length) throw new Error('a block ends inside an element')
    const operand = extra === 0 ? 0 : block.readUIntLE(from + 1, extra)
    from += 1 + extra
    if (kind === 0) {
      const length = (extra === 0 ? tag >>> 2 : operand) + 1
      if (from + length > block.length) throw new Error('a block ends inside a literal')
      if (to + length > content.length) throw new Error('a block is longer than it says')
      block.copy(content, to, from, from + length)
      from += length
      to += length
    } else {
      const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
      const offset = kind === 1 ? ((tag >>> 5) << 8) | operand : operand
      if (offset === 0 || offset > to) throw new Error('a block copies from before its beginning')
      if (to + length > content.length) throw new Error('a block is longer than it says')
      copyWithin(content, to, offset, length)
      to += length
    }
  }
  if (to !== content.length) throw new Error('a block is shorter than it says')
  return content
}

function readLength(block: Buffer): { readonly length: number; readonly end: number } {
  let length = 0
  for (let at = 0; at < block.length; at++) {
    if (at === VARINT_BYTES_MAX) throw new Error('the length of a block is no varint')
    const byte = block[at]!
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (length > SNAPPY_CHUNK_BYTES_MAX) throw new Error('a chunk is too large')
    if (byte < 0x80) return { length, end: at + 1 }
  }
  throw new Error('a block ends inside its length')
}

/** What is copied may reach into what the copy itself writes: then it repeats. */
function copyWithin(content: Buffer, to: number, offset: number, length: number): void {
  const from = to - offset
  if (offset >= length) {
    content.copy(content, to, from, from + length)
    return
  }
  for (let i = 0; i < length; i++) content[to + i] = content[from + i]!
}
