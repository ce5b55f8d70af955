import { describe, expect, test } from '@jest/globals'
import { splitZstdFrames } from '../../../../../server/http/bodies/encodings/zstd.ts'
import { startTestApp } from '../../../../support/app.ts'
import { KNOWS_ZSTD } from '../../../../support/encodings.ts'
import { send } from '../../../../support/http.ts'
import { pushedValues, scrape } from '../../../../support/page.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** Made by Node's zlib: zstdCompressSync, and createZstdCompress, which puts an empty frame behind its own. */
const FRAMES = {
  'a compressed block': hex('28b52ffd2050550000206d20310a010039ea88'),
  'a checksum': hex('28b52ffd24084100006d20310a6e20320a1b74af0c'),
  'a size of two bytes': hex('28b52ffd602c004d0000100a0a0100272ac002'),
  'no content': hex('28b52ffd2000010000'),
  'a window instead of a size': hex('28b52ffd00584100006d20310a6e20320a'),
  // One byte, three times over (RFC 8878, 3.1.1.2.2).
  'a repeated byte': hex('28b52ffd20031b00000a'),
}
const SKIPPABLE = hex('502a4d1803000000aabbcc')

describe('the frames of a zstd body', () => {
  test.each(Object.entries(FRAMES))('are found where they end: %s', (_, frame) => {
    expect(splitZstdFrames(frame)).toEqual([frame])
    expect(splitZstdFrames(Buffer.concat([frame, SKIPPABLE, frame]))).toEqual([frame, frame])
  })

  test.each([...Object.entries(FRAMES), ['a frame to be skipped', SKIPPABLE] as const])(
    'are refused wherever they are cut off: %s',
    (_, frame) => {
      for (let length = 1; length < frame.length; length++) {
        expect(() => splitZstdFrames(frame.subarray(0, length))).toThrow('it ends within a frame')
      }
    },
  )

  test.each([
    ['text', Buffer.from('m 1\n'), 'there is no frame where one should begin'],
    ['rubbish behind a frame', Buffer.concat([FRAMES['no content'], hex('01020304')]), 'no frame'],
    ['a block of a type that is reserved', hex('28b52ffd2003070000'), 'a block of no known type'],
    ['too many', Buffer.concat(Array(1001).fill(FRAMES['no content'])), 'more than 1000 frames'],
  ])('are refused: %s', (_, body, reason) => {
    expect(() => splitZstdFrames(body)).toThrow(reason)
  })

  test('are none in an empty body', () => {
    expect(splitZstdFrames(Buffer.alloc(0))).toEqual([])
  })
})

describe('a push in zstd', () => {
  const push = (url: string, body: Buffer): Promise<number> =>
    send('PUT', url, '/metrics/job/j', { headers: { 'Content-Encoding': 'zstd' }, body }).then(
      ({ status }) => status,
    )

  test('is stored whole, with all its frames, where Node has zstd', async () => {
    const { url } = await startTestApp()
    const body = Buffer.concat([
      FRAMES['a checksum'],
      FRAMES['no content'],
      FRAMES['a repeated byte'],
    ])
    expect(await push(url, body)).toBe(KNOWS_ZSTD ? 200 : 400)
    expect(pushedValues(await scrape(url))).toEqual(
      KNOWS_ZSTD ? { 'm{instance="",job="j"}': '1', 'n{instance="",job="j"}': '2' } : {},
    )
  })

  test('that is cut off, or whose checksum is wrong, is refused everywhere', async () => {
    const { url } = await startTestApp()
    const frame = FRAMES['a checksum']
    expect(await push(url, frame.subarray(0, -1))).toBe(400)
    const damaged = Buffer.from(frame)
    damaged[damaged.length - 1]! ^= 1
    expect(await push(url, damaged)).toBe(400)
    expect(pushedValues(await scrape(url))).toEqual({})
  })
})
