/**
 * Messages put together by hand, field by field, also as no encoder would. The field numbers in the tests are those
 * of metrics.proto, written out again: what fields.ts says is under test.
 */

type Integer = number | bigint

/** Of 64 bits; negative numbers as their two's complement. */
export function varint(value: Integer): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

export function zigzag(value: Integer): Buffer {
  const big = BigInt(value)
  return varint(big < 0n ? -2n * big - 1n : 2n * big)
}

export function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

export function tag(field: number, wireType: number): Buffer {
  return varint(field * 8 + wireType)
}

export function integer(field: number, value: Integer): Buffer {
  return Buffer.concat([tag(field, 0), varint(value)])
}

export function signed(field: number, value: Integer): Buffer {
  return Buffer.concat([tag(field, 0), zigzag(value)])
}

export function double(field: number, value: number): Buffer {
  return Buffer.concat([tag(field, 1), float64(value)])
}

export function fixed32(field: number): Buffer {
  return Buffer.concat([tag(field, 5), Buffer.from('1234')])
}

/** Anything that has its length before it: messages, strings, packed numbers. */
export function message(field: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([tag(field, 2), delimited(...parts)])
}

export function string(field: number, text: string): Buffer {
  return message(field, Buffer.from(text))
}

export function group(field: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([tag(field, 3), ...parts, tag(field, 4)])
}

export function delimited(...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts)
  return Buffer.concat([varint(bytes.length), bytes])
}

/** A whole family with its length before it. */
export function family(name: string, ...parts: readonly Buffer[]): Buffer {
  return delimited(string(1, name), ...parts)
}

export const COUNTER = integer(3, 0)
export const GAUGE = integer(3, 1)
export const SUMMARY = integer(3, 2)
export const UNTYPED = integer(3, 3)
export const HISTOGRAM = integer(3, 4)
export const GAUGE_HISTOGRAM = integer(3, 5)

export function metric(...parts: readonly Buffer[]): Buffer {
  return message(4, ...parts)
}

export function label(name: string, value: string): Buffer {
  return message(1, string(1, name), string(2, value))
}

export function gauge(value: number): Buffer {
  return message(2, double(1, value))
}

export function counter(value: number, ...parts: readonly Buffer[]): Buffer {
  return message(3, double(1, value), ...parts)
}

/** A family `h` of one histogram of these fields. */
export function histogram(...parts: readonly Buffer[]): Buffer {
  return family('h', HISTOGRAM, metric(message(7, ...parts)))
}

export function span(field: number, offset: Integer, length: Integer): Buffer {
  return message(field, signed(1, offset), integer(2, length))
}

export function time(field: number, seconds: Integer, nanos: Integer): Buffer {
  return message(field, integer(1, seconds), integer(2, nanos))
}
