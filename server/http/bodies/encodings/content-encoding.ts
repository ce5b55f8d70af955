/** Which compressions a Content-Encoding header names, and how each is undone. */
import zlib from 'node:zlib'
import { decompressParts, decompressSnappy, decompressWith, type Decompress } from './decompress.ts'
import { splitZstdFrames } from './zstd.ts'

export type ContentEncoding =
  | {
      readonly kind: 'known'
      /** How to undo them, the last one applied first; none for a plain body. */
      readonly steps: readonly Decompress[]
      /**
       * True for what the original does not know and reads as it is: then a body that turns out not to be compressed
       * is read like that here too.
       */
      readonly mayBePlain: boolean
    }
  /** In lower case; or the whole header, where there are too many. */
  | { readonly kind: 'unknown'; readonly name: string }

/** As many as a sender could mean; each can blow up a body to the limit. */
const ENCODINGS_MAX = 4

const gzip = decompressWith(() => zlib.createGunzip())

/** Half of the world means zlib's format by the name, as the standard does, and half a bare stream. */
const deflate = decompressWith((body) =>
  hasZlibHeader(body) ? zlib.createInflate() : zlib.createInflateRaw(),
)

// Node has it from 22.15 and 23.8 on.
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => zlib.Unzip }

const DECOMPRESS: ReadonlyMap<string, Decompress> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['snappy', decompressSnappy],
  ...(createZstdDecompress === undefined
    ? []
    : [['zstd', decompressParts(splitZstdFrames, createZstdDecompress)] as const]),
])

const KNOWN_TO_THE_ORIGINAL = ['', 'gzip', 'snappy']

/** What an answer with 415 names. */
export const KNOWN_ENCODINGS = [...DECOMPRESS.keys()].filter((name) => name !== 'x-gzip').join(', ')

const PLAIN: ContentEncoding = { kind: 'known', steps: [], mayBePlain: false }

/** Names may be in any case; `identity` says nothing. */
export function parseContentEncoding(header: string | undefined): ContentEncoding {
  // As nearly every push.
  if (header === undefined) return PLAIN
  const names = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  const steps: Decompress[] = []
  for (const name of names.reverse()) {
    const decompress = DECOMPRESS.get(name)
    if (decompress === undefined) return { kind: 'unknown', name }
    steps.push(decompress)
  }
  if (steps.length > ENCODINGS_MAX) return { kind: 'unknown', name: header }
  const mayBePlain = !KNOWN_TO_THE_ORIGINAL.includes(header.trim().toLowerCase())
  return { kind: 'known', steps, mayBePlain }
}

/** RFC 1950: method 8, a checksum over both bytes, and no dictionary that nobody has. */
function hasZlibHeader(body: Buffer): boolean {
  const [first = 0, second = 0] = body
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0 && (second & 0x20) === 0
}
