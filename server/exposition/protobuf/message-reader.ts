/** Reads the fields of one protobuf message, each as the type it should have. */
import { isUtf8 } from 'node:buffer'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { BodyLimits } from '../body-limits.ts'

/** Bytes that are no message of the kind they should be. */
export class MalformedMessage extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MalformedMessage'
  }
}

export interface MessageContext {
  /** The kind of message, for errors. */
  readonly what: string
  /** Every message is a part of the body; every value of a repeated number belongs to a sample. */
  readonly limits: BodyLimits
}

/** After `next()` returned true, one of the other methods must be called, once. */
export class MessageReader {
  private readonly source: Uint8Array
  private readonly reader: BinaryReader
  private readonly what: string
  private readonly limits: BodyLimits
  private wireType: WireType = WireType.Varint
  /** The number of the field that `next` found. */
  field = 0

  /** @throws SluiceError body_too_large, as all that reads values */
  constructor(bytes: Uint8Array, { what, limits }: MessageContext) {
    limits.takeParts(1)
    this.source = bytes
    this.reader = new BinaryReader(bytes)
    this.what = what
    this.limits = limits
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    const { reader } = this
    if (reader.pos >= reader.len) return false
    const [field, wireType] = this.attempt(() => reader.tag())
    this.field = field
    this.wireType = wireType
    return true
  }

  /** For fields that are not known. */
  skip(): void {
    if (this.wireType === WireType.LengthDelimited) this.bytes()
    else this.attempt(() => this.reader.skip(this.wireType, this.field))
  }

  double(): number {
    this.expect(WireType.Bit64)
    return this.attempt(() => this.reader.double())
  }

  /** As a double: beyond 2 ** 53 the last digits are lost. */
  uint64(): number {
    this.expect(WireType.Varint)
    return Number(this.attempt(() => this.reader.uint64()))
  }

  int64(): number {
    this.expect(WireType.Varint)
    return Number(this.attempt(() => this.reader.int64()))
  }

  uint32(): number {
    this.expect(WireType.Varint)
    return this.attempt(() => this.reader.uint32())
  }

  int32(): number {
    this.expect(WireType.Varint)
    return this.attempt(() => this.reader.int32())
  }

  sint32(): number {
    this.expect(WireType.Varint)
    return this.attempt(() => this.reader.sint32())
  }

  /** @returns a view of the message's bytes */
  bytes(): Uint8Array {
    this.expect(WireType.LengthDelimited)
    const start = this.reader.pos
    const bytes = this.attempt(() => this.reader.bytes())
    // The library drops what is beyond 32 bits, and would go on in the wrong place.
    const lengthBytes = this.reader.pos - bytes.length - start
    if (lengthBytes > 5 || (lengthBytes === 5 && this.source[start + 4]! > 0x0f)) {
      throw new MalformedMessage(`${this.what}: field ${this.field} has no possible length`)
    }
    return bytes
  }

  string(): string {
    const bytes = this.bytes()
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    // Nearly all are; then nothing need be checked or decoded.
    if (isAscii(buffer)) return buffer.toString('latin1')
    if (!isUtf8(buffer)) {
      throw new MalformedMessage(
        `${this.what}: ${JSON.stringify(buffer.toString('latin1'))} is not valid UTF-8`,
      )
    }
    return buffer.toString('utf8')
  }

  /** A repeated double, packed or one at a time. */
  doubles(values: number[]): void {
    if (this.wireType !== WireType.LengthDelimited) {
      this.limits.checkSamples(values.push(this.double()))
      return
    }
    const packed = new BinaryReader(this.bytes())
    while (packed.pos < packed.len) {
      this.limits.checkSamples(values.push(this.attempt(() => packed.double(), packed)))
    }
  }

  /** A repeated sint64, packed or one at a time. */
  sint64s(values: bigint[]): void {
    if (this.wireType !== WireType.LengthDelimited) {
      this.expect(WireType.Varint)
      const value = BigInt(this.attempt(() => this.reader.sint64()))
      this.limits.checkSamples(values.push(value))
      return
    }
    const packed = new BinaryReader(this.bytes())
    while (packed.pos < packed.len) {
      this.limits.checkSamples(values.push(BigInt(this.attempt(() => packed.sint64(), packed))))
    }
  }

  private expect(wireType: WireType): void {
    if (this.wireType === wireType) return
    throw new MalformedMessage(
      `${this.what}: field ${this.field} has wire type ${this.wireType} instead of ${wireType}`,
    )
  }

  /** What the library throws says nothing of where. */
  private attempt<Value>(read: () => Value, reader = this.reader): Value {
    try {
      const value = read()
      if (reader.pos <= reader.len) return value
    } catch (error) {
      if (reader.pos <= reader.len) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new MalformedMessage(`${this.what}: ${reason}`)
      }
    }
    throw new MalformedMessage(`${this.what}: it ends too early`)
  }
}

/** A loop over so few bytes is faster than a call out of JavaScript. */
function isAscii(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false
  return true
}
