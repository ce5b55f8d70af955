/** Undoes one compression of a body, within limits that hold while it goes on. */
import { setImmediate } from 'node:timers/promises'
import type zlib from 'node:zlib'
import { Pieces } from '../pieces.ts'
import { readSnappyFrames } from './snappy.ts'

/** Called with the size of each piece, before it is kept. */
export type TakeBytes = (bytes: number) => void

/**
 * Resolves to what the body was before it was compressed.
 *
 * @throws what `take` throws, at once, whatever is left of the body
 * @throws Error that says what is wrong with the body
 */
export type Decompress = (body: Buffer, take: TakeBytes) => Promise<Buffer>

/** Decompression by zlib, in its threads. All of the body has to be one stream, or several in a row. */
export function decompressWith(create: (body: Buffer) => zlib.Unzip): Decompress {
  return (body, take) =>
    new Promise((resolve, reject) => {
      const engine = create(body)
      const pieces = new Pieces()
      const fail = (error: unknown): void => {
        engine.destroy()
        reject(error instanceof Error ? error : new Error(String(error)))
      }
      engine.on('data', (piece: Buffer) => {
        try {
          take(piece.length)
        } catch (error) {
          return fail(error)
        }
        pieces.add(piece)
      })
      engine.on('error', fail)
      engine.on('end', () => {
        if (engine.bytesWritten < body.length) fail(new Error('data after the end of the stream'))
        else resolve(pieces.join())
      })
      engine.end(body)
    })
}

/** As `decompressWith`, for formats whose parts have to be given one by one. */
export function decompressParts(
  split: (body: Buffer) => readonly Buffer[],
  create: () => zlib.Unzip,
): Decompress {
  const decompress = decompressWith(create)
  return async (body, take) => {
    const pieces = new Pieces()
    for (const part of split(body)) pieces.add(await decompress(part, take))
    return pieces.join()
  }
}

/** So much is read before others get a turn: bytes of the body or of its content, whichever are more. */
const BYTES_AT_A_TIME = 2 ** 20

export const decompressSnappy: Decompress = async (body, take) => {
  const pieces = new Pieces()
  let turnAt = BYTES_AT_A_TIME
  let decompressed = 0
  for (const { content, end } of readSnappyFrames(body)) {
    take(content.length)
    pieces.add(content)
    decompressed += content.length
    if (Math.max(decompressed, end) < turnAt) continue
    turnAt = Math.max(decompressed, end) + BYTES_AT_A_TIME
    await setImmediate()
  }
  return pieces.join()
}
