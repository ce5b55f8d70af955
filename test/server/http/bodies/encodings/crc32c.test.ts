import { expect, test } from '@jest/globals'
import { crc32c } from '../../../../../server/http/bodies/encodings/crc32c.ts'

test.each([
  ['the check value of the catalogue', Buffer.from('123456789'), 0xe3069283],
  ['nothing', Buffer.alloc(0), 0],
  ['one letter', Buffer.from('a'), 0xc1d04330],
  ['RFC 3720: 32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['RFC 3720: 32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['RFC 3720: 0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['RFC 3720: 31 to 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  [
    'RFC 3720: a SCSI read command',
    Buffer.from(
      '01c00000000000000000000000000000' +
        '14000000000004000000001400000018' +
        '28000000000000000200000000000000',
      'hex',
    ),
    0xd9963a56,
  ],
])('the CRC-32C of %s is known', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc)
})
