/** Compresses bodies by every Content-Encoding that a push may have, under the names it may have in a header. */
import zlib from 'node:zlib'
import { snappySync } from './snappy.ts'

type Compress = (body: string | Buffer) => Buffer

// Node has it from 22.15 and 23.8 on.
const { zstdCompressSync } = zlib as { zstdCompressSync?: Compress }

export const KNOWS_ZSTD = zstdCompressSync !== undefined

/** By title; the name is what the header says. */
export const COMPRESSIONS: readonly (readonly [title: string, name: string, compress: Compress])[] =
  [
    ['gzip', 'gzip', zlib.gzipSync],
    ['x-gzip', 'x-gzip', zlib.gzipSync],
    ['deflate in the format of zlib', 'deflate', zlib.deflateSync],
    ['deflate as a bare stream', 'deflate', zlib.deflateRawSync],
    ['snappy', 'snappy', snappySync],
    ...(zstdCompressSync === undefined ? [] : [['zstd', 'zstd', zstdCompressSync] as const]),
  ]

/** The body as the header says it: the first one named is applied first. */
export function compressInOrder(header: string, body: string | Buffer): Buffer {
  const named = header.toLowerCase().split(/\s*,\s*/)
  return named.reduce<Buffer>((bytes, name) => {
    const found = COMPRESSIONS.find(([, known]) => known === name)
    if (found === undefined) throw new Error(`no way to compress with ${name}`)
    return found[2](bytes)
  }, Buffer.from(body))
}
