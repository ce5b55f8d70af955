/** The nonces of all revisions since some moment, eight bytes each: a Map of texts took ten times as much. */
import type { Revision } from './group-store.ts'

const NONCE_BYTES = 8

export class NonceLog {
  private bytes = Buffer.alloc(1024 * NONCE_BYTES)
  /** The nonce at the beginning of `bytes` is that of the revision after this one. */
  private dropped: Revision = 0
  private last: Revision = 0

  /** Adds the nonce (16 hexadecimal digits) of the next revision. */
  add(nonce: string): void {
    const at = (this.last - this.dropped) * NONCE_BYTES
    if (at === this.bytes.length) {
      const grown = Buffer.alloc(2 * at)
      this.bytes.copy(grown)
      this.bytes = grown
    }
    this.bytes.write(nonce, at, NONCE_BYTES, 'hex')
    this.last++
  }

  /** Undefined when it was dropped, or there is no such revision yet. */
  at(revision: Revision): string | undefined {
    if (revision <= this.dropped || revision > this.last) return undefined
    const at = (revision - this.dropped - 1) * NONCE_BYTES
    return this.bytes.toString('hex', at, at + NONCE_BYTES)
  }

  /** Drops all but the last ones. */
  keep(count: number): void {
    const excess = this.last - this.dropped - count
    if (excess <= 0) return
    this.bytes.copyWithin(0, excess * NONCE_BYTES, (excess + count) * NONCE_BYTES)
    this.dropped += excess
  }
}
