import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SluiceError } from '../../../../server/errors.ts'
import { decodeFamily, parseProtobuf } from '../../../../server/exposition/protobuf/decode.ts'
import { encodeFamily, encodeLength } from '../../../../server/exposition/protobuf/encode.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { ACCEPTED_VALUES } from './accepted-values.ts'
import { ACCEPTED } from './accepted.ts'
import { anyByteEdits, anyFamily, anyHistogramBody, edited } from './arbitraries.ts'
import { decodeByOracle, encodeByOracle, fieldsOf } from './oracle.ts'

const UTF8 = { utf8Names: true }

const anyFamilies = fc.uniqueArray(anyFamily, { maxLength: 3, selector: ({ name }) => name })

function bodyOf(families: readonly MetricFamily[]): Buffer {
  const messages = families.map(encodeFamily)
  return Buffer.concat(messages.flatMap((message) => [encodeLength(message.length), message]))
}

/** What parsing ends in: undefined when refused; anything but a SluiceError is thrown on. */
function outcome(body: Buffer): MetricFamily[] | undefined {
  try {
    return parseProtobuf(body, UTF8)
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'invalid_exposition') return undefined
    throw error
  }
}

describe('a family that is encoded and decoded again is the same family', () => {
  test('alone', () => {
    fc.assert(
      fc.property(anyFamily, (family) => {
        expect(decodeFamily(encodeFamily(family))).toEqual(family)
      }),
      { numRuns: 500 },
    )
  })

  test('among others', () => {
    fc.assert(
      fc.property(anyFamilies, (families) => {
        expect(parseProtobuf(bodyOf(families), UTF8)).toEqual(families)
      }),
      { numRuns: 200 },
    )
  })
})

describe('another implementation', () => {
  test('reads what is encoded here', () => {
    fc.assert(
      fc.property(anyFamilies, (families) => {
        expect(decodeByOracle(bodyOf(families))).toEqual(families.map(fieldsOf))
      }),
      { numRuns: 300 },
    )
  })

  test('encodes what is read here', () => {
    fc.assert(
      fc.property(anyFamilies, (families) => {
        expect(parseProtobuf(encodeByOracle(families.map(fieldsOf)), UTF8)).toEqual(families)
      }),
      { numRuns: 300 },
    )
  })

  test('reads the same where bodies of the table are encoded again', () => {
    for (const { body } of [...ACCEPTED, ...ACCEPTED_VALUES]) {
      const families = parseProtobuf(body, UTF8)
      const again = parseProtobuf(encodeByOracle(decodeByOracle(bodyOf(families))), UTF8)
      expect(again).toEqual(families)
    }
  })
})

describe('a body that is cut off is refused, unless where a message ends', () => {
  const check = (families: readonly MetricFamily[]): void => {
    const body = bodyOf(families)
    const ends = families.map((_, i) => bodyOf(families.slice(0, i)).length)
    for (let length = 0; length < body.length; length++) {
      const whole = ends.indexOf(length)
      const expected = whole < 0 ? undefined : families.slice(0, whole)
      expect(outcome(body.subarray(0, length))).toEqual(expected)
    }
  }

  test('wherever that is', () => {
    fc.assert(fc.property(anyFamilies, check), { numRuns: 8 })
  })
})

test('a message that is cut off, with a length that fits, is refused unless a field ends there', () => {
  fc.assert(
    fc.property(anyFamily, (family) => {
      const message = encodeFamily(family)
      const ends = new Map([[0, 0]])
      for (let metrics = 0; metrics < family.metrics.length; metrics++) {
        const part = { ...family, metrics: family.metrics.slice(0, metrics) } as MetricFamily
        ends.set(encodeFamily(part).length, metrics)
      }
      const headEnd = Math.min(...[...ends.keys()].filter((end) => end > 0))
      for (let length = headEnd; length < message.length; length++) {
        const result = outcome(Buffer.concat([encodeLength(length), message.subarray(0, length)]))
        const metrics = ends.get(length)
        if (metrics === undefined) expect(result).toBeUndefined()
        else expect(result?.[0]?.metrics ?? []).toEqual(family.metrics.slice(0, metrics))
      }
    }),
    { numRuns: 15 },
  )
})

describe('whatever comes, parsing ends in families or in an error of the body', () => {
  /** What was read can be kept: it is encoded so that it can be read, and then stays as it is. */
  const check = (body: Buffer): boolean => {
    const families = outcome(body)
    if (families === undefined) return false
    const kept = families.map((family) => decodeFamily(encodeFamily(family)))
    expect(kept.map((family) => decodeFamily(encodeFamily(family)))).toEqual(kept)
    return true
  }

  test('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void check(Buffer.from(bytes))),
      { numRuns: 2000 },
    )
  })

  test('for good messages with bytes changed, dropped, doubled and cut off', () => {
    const message = fc.oneof(
      anyFamily.map(encodeFamily),
      fc.constantFrom(...[...ACCEPTED, ...ACCEPTED_VALUES].map(({ body }) => body.subarray(1))),
    )
    let read = 0
    fc.assert(
      fc.property(message, anyByteEdits, (good, edits) => {
        const bytes = edited(good, edits)
        if (check(Buffer.concat([encodeLength(bytes.length), bytes]))) read++
      }),
      { numRuns: 3000 },
    )
    // Worth it only while many of them get past the first checks.
    expect(read).toBeGreaterThan(100)
  })

  test('for histograms of any fields', () => {
    let read = 0
    fc.assert(
      fc.property(anyHistogramBody, (body) => {
        if (check(body)) read++
      }),
      { numRuns: 3000 },
    )
    expect(read).toBeGreaterThan(100)
  })
})
