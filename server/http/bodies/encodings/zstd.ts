/**
 * Where the frames of a zstd body lie (RFC 8878, section 3). Node decompresses one frame and leaves the rest; and
 * before version 24 it takes one that was cut off for complete.
 */

const MAGIC = 0xfd2fb528
/** The last four bits may be any. */
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_HEADER_BYTES = 3
const RLE = 1
const RESERVED = 3
const CHECKSUM_BYTES = 4
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]
const CONTENT_SIZE_BYTES = [0, 2, 4, 8]

/** Every compressor makes one, and Node's an empty one behind it. */
const FRAMES_MAX = 1000

/**
 * The frames that have content, each as a whole.
 *
 * @throws Error that says what is wrong
 */
export function splitZstdFrames(body: Buffer): Buffer[] {
  const frames: Buffer[] = []
  let at = 0
  while (at < body.length) {
    const magic = readUnsigned(body, at, 4)
    const isSkippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC
    if (!isSkippable && magic !== MAGIC) throw new Error('there is no frame where one should begin')
    const end = isSkippable ? at + 8 + readUnsigned(body, at + 4, 4) : endOfFrame(body, at + 4)
    if (end > body.length) throw cutOff()
    if (!isSkippable) frames.push(body.subarray(at, end))
    if (frames.length > FRAMES_MAX) throw new Error(`more than ${FRAMES_MAX} frames`)
    at = end
  }
  return frames
}

/** @param start behind the magic number */
function endOfFrame(body: Buffer, start: number): number {
  const descriptor = readUnsigned(body, start, 1)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >>> 6
  let at = start + 1
  if (!isSingleSegment) at += 1
  at += DICTIONARY_ID_BYTES[descriptor & 3]!
  at += sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!
  for (let isLast = false; !isLast;) {
    const header = readUnsigned(body, at, BLOCK_HEADER_BYTES)
    isLast = (header & 1) === 1
    const type = (header >>> 1) & 3
    if (type === RESERVED) throw new Error('a block of no known type')
    at += BLOCK_HEADER_BYTES + (type === RLE ? 1 : header >>> 3)
  }
  return (descriptor & 4) === 0 ? at : at + CHECKSUM_BYTES
}

function readUnsigned(body: Buffer, at: number, bytes: number): number {
  if (at + bytes > body.length) throw cutOff()
  return body.readUIntLE(at, bytes)
}

function cutOff(): Error {
  return new Error('it ends within a frame')
}
