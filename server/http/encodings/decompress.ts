/** Undoes one compression of a body, within limits that hold while it goes on. */
import { setImmediate } from 'node:timers/promises'
import type zlib from 'node:zlib'
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
      const pieces: Buffer[] = []
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
        pieces.push(piece)
      })
      engine.on('error', fail)
      engine.on('end', () => {
        if (engine.bytesWritten < body.length) fail(new Error('data after the end of the stream'))
        else resolve(joined(pieces))
      })
      engine.end(body)
    })
}

/** So much is decompressed before others get a turn. */
const BYTES_AT_A_TIME = 2 ** 20

export const decompressSnappy: Decompress = async (body, take) => {
  const pieces: Buffer[] = []
  let sinceTurn = 0
  for (const piece of readSnappyFrames(body)) {
    take(piece.length)
    pieces.push(piece)
    sinceTurn += piece.length
    if (sinceTurn < BYTES_AT_A_TIME) continue
    sinceTurn = 0
    await setImmediate()
  }
  return joined(pieces)
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}
