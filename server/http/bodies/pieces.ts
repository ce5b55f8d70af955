/** Bytes that come in pieces of any size, held without costing much more memory than they have. */

/** Smaller ones are copied together: a Buffer of one byte takes a hundred. */
const SMALL_BYTES = 1024
const BLOCK_BYTES = 16 * 1024
const NOTHING = Buffer.alloc(0)

export class Pieces {
  private readonly pieces: Buffer[] = []
  /** Where small pieces go; up to `start` it is among the pieces already. */
  private block: Buffer = NOTHING
  private start = 0
  private end = 0

  /** Keeps the piece itself when it is the first or not small: then its bytes must not change afterwards. */
  add(piece: Buffer): void {
    if (piece.length === 0) return
    if (piece.length >= SMALL_BYTES || this.pieces.length === 0) {
      this.closeRun()
      this.pieces.push(piece)
      return
    }
    if (this.end + piece.length > this.block.length) {
      this.closeRun()
      this.block = Buffer.allocUnsafe(BLOCK_BYTES)
      this.start = this.end = 0
    }
    this.end += piece.copy(this.block, this.end)
  }

  /** All of them, one behind the other; nothing can be added afterwards. */
  join(): Buffer {
    this.closeRun()
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
  }

  private closeRun(): void {
    if (this.end > this.start) this.pieces.push(this.block.subarray(this.start, this.end))
    this.start = this.end
  }
}
