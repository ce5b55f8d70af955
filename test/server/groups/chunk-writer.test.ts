import { expect, test } from '@jest/globals'
import { ChunkWriter } from '../../../server/groups/chunk-writer.ts'

test.each([
  ['nothing', []],
  ['little', ['a', 'bc', '', '\xe9']],
  ['much', Array.from({ length: 50 }, (_, i) => String.fromCharCode(i).repeat(i * 100))],
])('%s is written, and counted on the way', (_, parts) => {
  const writer = new ChunkWriter()
  let text = ''
  for (const part of parts) expect(writer.write(part)).toBe((text += part).length)
  expect(writer.finish().toString('latin1')).toBe(text)
})

test('what is written together lies in one buffer', () => {
  const writer = new ChunkWriter()
  const ends = ['a', 'bc', 'd'.repeat(100_000), 'e'].map((part) => writer.write(part))
  const bytes = writer.finish()
  expect(ends).toEqual([1, 3, 100_003, 100_004])
  expect(bytes.length).toBe(100_004)
})
