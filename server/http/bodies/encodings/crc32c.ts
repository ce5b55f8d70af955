/** CRC-32C (Castagnoli), which snappy frames are checked with. */

const TABLE = makeTable()

function makeTable(): Int32Array {
  const reversedPolynomial = 0x82f63b78
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ reversedPolynomial : crc >>> 1
    return crc
  })
}

/** An unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
