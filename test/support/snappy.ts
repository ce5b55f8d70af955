/** Writes framed snappy: blocks by snappyjs, the frames around them by google/snappy's framing_format.txt. */
import { compress } from 'snappyjs'

export const IDENTIFIER = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1')

/** What a chunk may hold, before compression. */
export const BLOCK_BYTES = 65536

/** A whole stream, in chunks as large as they may be. */
export function snappySync(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  const chunks: Buffer[] = [IDENTIFIER]
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    chunks.push(compressedChunk(bytes.subarray(at, at + BLOCK_BYTES)))
  }
  return Buffer.concat(chunks)
}

export function compressedChunk(content: Buffer): Buffer {
  return dataChunk(0x00, content, compress(content))
}

export function uncompressedChunk(content: Buffer): Buffer {
  return dataChunk(0x01, content, content)
}

/** A chunk whose checksum is that of `content`, whatever its data says. */
export function dataChunk(type: number, content: Buffer, data: Buffer): Buffer {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(maskedCrc32c(content))
  return chunk(type, Buffer.concat([checksum, data]))
}

export function chunk(type: number, data: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header[0] = type
  header.writeUIntLE(data.length, 1, 3)
  return Buffer.concat([header, data])
}

/** Bit by bit, as the definition has it, and so without anything in common with the gateway's. */
function maskedCrc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78)
  }
  crc = ~crc >>> 0
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0
  return (rotated + 0xa282ead8) % 2 ** 32
}
