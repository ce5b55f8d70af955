import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { detached, fromByteString, toByteString } from '../../../server/exposition/byte-string.ts'

const anyText = fc.string({ unit: 'binary' })

test('a byte string has one character for each byte of UTF-8, and is read back', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const bytes = toByteString(text)
      expect(Buffer.from(bytes, 'latin1').equals(Buffer.from(text))).toBe(true)
      expect(fromByteString(bytes)).toBe(text)
    }),
  )
})

test('byte strings are ordered as bytes are', () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      const byBytes = Buffer.compare(Buffer.from(a), Buffer.from(b))
      expect(toByteString(a) < toByteString(b)).toBe(byBytes < 0)
    }),
  )
})

test('a detached text is the same text', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(detached(text)).toBe(text)
      expect(detached(text)).toBe(text)
    }),
  )
})
