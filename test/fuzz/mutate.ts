/** Makes new inputs out of old ones, the same from the same seed. */
import type { Random } from '../storage/random.ts'

export const INPUT_BYTES_MAX = 256 * 1024

/** Numbers that have stood at the edge of something, as bytes of several formats. */
const EDGES: readonly Buffer[] = [
  // Varints: huge, of too many bytes, negative.
  ...['ffffffff0f', 'ffffffffffffffffff01', 'ffffffffffffffff7f', '8080808080808080808000'],
  ...['80808080808080808080808080', 'ffffff7f', '8000', 'ff7f'],
  // Doubles: infinities, NaNs, -0, the smallest, the largest, 2 ** 53, 2 ** 63, 2 ** 64.
  ...['000000000000f07f', '000000000000f0ff', '000000000000f87f', '010000000000f07f'],
  ...['0000000000000080', '0100000000000000', 'ffffffffffffef7f', '0000000000004043'],
  ...['000000000000e043', '000000000000f043'],
  // Whole numbers of 16, 24 and 32 bits.
  ...['ffff', '0080', 'ffffff', '000001', '00000080', 'ffffffff', '00000000'],
].map((hex) => Buffer.from(hex, 'hex'))

const NUMBERS: readonly Buffer[] = [
  ...['0', '-0', '1', '-1', '+1', '.5', '5.', '1e400', '1e-400', '-1e308', '0x10', '1_0', 'NaN'],
  ...['-nan', 'Inf', '-Inf', '+infinity', '9007199254740993', '9223372036854775808'],
  ...['18446744073709551615', '18446744073709551616', '1e19', '00000000000000000000001', '1e+06'],
].map((text) => Buffer.from(text))

export interface MutationSources {
  readonly tokens: readonly Buffer[]
  /** Another input, for splices. */
  readonly other: () => Buffer
}

/** Mostly a few changes, now and then many. */
export function mutate(input: Buffer, random: Random, sources: MutationSources): Buffer {
  let result = input
  do {
    result = change(result, random, sources)
    if (result.length > INPUT_BYTES_MAX) result = result.subarray(0, INPUT_BYTES_MAX)
  } while (random.chance(0.6))
  return result
}

function change(input: Buffer, random: Random, { tokens, other }: MutationSources): Buffer {
  const at = random.below(input.length + 1)
  const rangeEnd = Math.min(input.length, at + 1 + lengthOf(random))
  switch (random.below(15)) {
    case 0:
      return replace(input, at, at + 1, Buffer.from([(input[at] ?? 0) ^ (1 << random.below(8))]))
    case 1:
      return replace(input, at, at + 1, Buffer.from([random.below(256)]))
    case 2:
      return replace(input, at, at, randomBytes(random))
    case 3:
      return replace(input, at, rangeEnd, Buffer.alloc(0))
    case 4:
      return replace(input, random.below(input.length + 1), undefined, input.subarray(at, rangeEnd))
    case 5:
      return overwrite(input, random.below(input.length + 1), input.subarray(at, rangeEnd))
    case 6:
      return replace(input, at, at, random.pick(tokens))
    case 7:
      return replace(input, at, rangeEnd, random.pick(tokens))
    case 8:
      return overwrite(input, at, random.pick(EDGES))
    case 9:
      return replace(input, at, at + random.below(3), random.pick(EDGES))
    case 10:
      return withNumber(input, at, random.pick(NUMBERS))
    case 11:
      return random.chance(0.5) ? input.subarray(0, at) : input.subarray(at)
    case 12: {
      const tail = other()
      return Buffer.concat([input.subarray(0, at), tail.subarray(random.below(tail.length + 1))])
    }
    case 13:
      return replace(input, at, at, repeated(input.subarray(at, rangeEnd), random))
    default:
      return swapLines(input, random)
  }
}

function replace(input: Buffer, start: number, end: number | undefined, by: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, start), by, input.subarray(end ?? start)])
}

function overwrite(input: Buffer, at: number, by: Buffer): Buffer {
  return replace(input, at, at + by.length, by)
}

/** Mostly short. */
function lengthOf(random: Random): number {
  return random.below(random.chance(0.7) ? 8 : random.chance(0.8) ? 64 : 4096)
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)))
}

/** Mostly a few times; now and then as often as would show what grows with the square. */
function repeated(block: Buffer, random: Random): Buffer {
  const times = random.chance(0.95) ? 1 + random.below(8) : 1 << random.below(15)
  const length = Math.min(block.length * times, INPUT_BYTES_MAX)
  return length === 0 ? block : Buffer.alloc(length, block)
}

/** Replaces the next run of what numbers are made of. */
function withNumber(input: Buffer, from: number, number: Buffer): Buffer {
  const isDigit = (byte: number | undefined): boolean =>
    byte !== undefined && '0123456789.+-'.includes(String.fromCharCode(byte))
  let start = from
  while (start < input.length && !isDigit(input[start])) start++
  let end = start
  while (isDigit(input[end])) end++
  return replace(input, start, end, number)
}

function swapLines(input: Buffer, random: Random): Buffer {
  const lines = input.toString('latin1').split('\n')
  const [a, b] = [random.below(lines.length), random.below(lines.length)]
  const line = lines[a]!
  if (random.chance(0.3)) lines.splice(b, 0, line)
  else [lines[a], lines[b]] = [lines[b]!, line]
  return Buffer.from(lines.join('\n'), 'latin1')
}
