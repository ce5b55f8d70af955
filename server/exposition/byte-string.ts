/**
 * Byte strings: strings each of whose characters is a byte of UTF-8. What a body says can be copied to what is stored
 * in this form without being decoded and encoded again, and `<` orders them as bytes are ordered.
 */
import { Memo } from './memo.ts'

/** The UTF-8 bytes of a text. */
export function toByteString(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** The text whose UTF-8 bytes these are. */
export function fromByteString(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

/**
 * The same text, but by itself. What is cut out of a text keeps all of it in memory, so names that are kept for long
 * must not be cut out of a body.
 */
export function detached(text: string): string {
  const known = DETACHED.get(text)
  if (known !== undefined) return known
  const copy = Buffer.from(text, 'utf8').toString('utf8')
  return DETACHED.set(copy, copy)
}

const DETACHED = new Memo<string>(4096)

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}
