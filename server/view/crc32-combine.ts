/**
 * The CRC-32 of two byte strings joined, from the CRCs of each: what lets a gzip stream be joined
 * from parts compressed at different times. Polynomial arithmetic modulo the CRC's polynomial, as
 * in zlib's crc32_combine_gen; the bits of a factor are reflected, as everywhere in CRC-32.
 */

const POLYNOMIAL = 0xedb88320
const ONE = 0x80000000

/** a * b modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= b
    b = (b & 1) !== 0 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1
  }
  return product >>> 0
}

/** x^(2^n) modulo the polynomial, for n = 0…31. */
const SQUARES: number[] = []
for (let n = 0, power = ONE >>> 1; n < 32; n++, power = multiply(power, power)) SQUARES.push(power)

/** The factor that moves a CRC past `bytes` further bytes; worth keeping with a cached part. */
export function shiftFactor(bytes: number): number {
  let factor = ONE
  // One byte is x^8, so bit n of `bytes` stands for x^(2^(n+3)).
  for (let n = 3, rest = bytes; rest > 0; n++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) factor = multiply(SQUARES[n % 32]!, factor)
  }
  return factor
}

/** The CRC of A followed by B, where `factor` is shiftFactor(length of B). */
export function combineCrc32(crcOfA: number, crcOfB: number, factor: number): number {
  return (multiply(factor, crcOfA) ^ crcOfB) >>> 0
}
