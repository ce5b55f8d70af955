/** Another reader of snappy's blocks, byte by byte from format_description.txt, to compare with. */

/** What the block holds; undefined where it is no block of at most `lengthMax` bytes. */
export function plainUncompress(block: Buffer, lengthMax: number): Buffer | undefined {
  let at = 0
  const little = (bytes: number): number => {
    let value = 0
    for (let i = 0; i < bytes; i++) value += (block[at + i] ?? NaN) * 256 ** i
    at += bytes
    return value
  }
  let length = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = block[at++]
    if (byte === undefined || shift > 63n) return undefined
    length |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  if (length > BigInt(lengthMax)) return undefined
  const content: number[] = []
  while (at < block.length) {
    const tag = little(1)
    const upper = tag >>> 2
    if ((tag & 3) === 0) {
      const literal = 1 + (upper < 60 ? upper : little(upper - 59))
      if (!(at + literal <= block.length && literal <= lengthMax)) return undefined
      content.push(...block.subarray(at, at + literal))
      at += literal
    } else {
      const isShort = (tag & 3) === 1
      const copied = isShort ? (upper & 7) + 4 : upper + 1
      const offset = isShort ? (tag >>> 5) * 256 + little(1) : little((tag & 3) === 2 ? 2 : 4)
      if (!(offset > 0 && offset <= content.length)) return undefined
      for (let i = 0; i < copied; i++) content.push(content[content.length - offset]!)
    }
    if (content.length > Number(length)) return undefined
  }
  return content.length === Number(length) ? Buffer.from(content) : undefined
}
