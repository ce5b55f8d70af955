/** What a body may hold is counted while it is read: what is too much is refused before it is in memory. */
import { describe, expect, test } from '@jest/globals'
import { SluiceError } from '../../../server/errors.ts'
import { parseBody } from '../../../server/exposition/parse-body.ts'
import type { Syntax } from '../../../server/exposition/negotiate.ts'
import { encodeLength } from '../../../server/exposition/protobuf/encode.ts'

/** With so few samples allowed, ten thousand other parts are. */
const SAMPLES_MAX = 100
const PARTS_MAX = 10_000

function refusalOf(body: string | Buffer, syntax: Syntax): string {
  const options = {
    utf8Names: false,
    lenientNewlines: false,
    strictOpenMetrics: false,
    samplesMax: SAMPLES_MAX,
  }
  try {
    parseBody(Buffer.from(body), syntax, options)
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'body_too_large') return error.message
    throw error
  }
  return ''
}

function times(count: number, text: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => text(i)).join('')
}

/** Field `number`, of the wire type that has its length before it. */
function field(number: number, ...content: Buffer[]): Buffer {
  const whole = Buffer.concat(content)
  return Buffer.concat([encodeLength(number * 8 + 2), encodeLength(whole.length), whole])
}

function repeated(count: number, one: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => one))
}

function family(name: string, type: number, ...rest: Buffer[]): Buffer {
  const message = Buffer.concat([field(1, Buffer.from(name)), Buffer.from([0x18, type]), ...rest])
  return Buffer.concat([encodeLength(message.length), message])
}

const [SUMMARY, UNTYPED, HISTOGRAM] = [2, 3, 4]
const EMPTY = Buffer.alloc(0)

const metrics = (count: number): Buffer => family('m', UNTYPED, repeated(count, field(4)))
const histogram = (...content: Buffer[]): Buffer =>
  family('m', HISTOGRAM, field(4, field(7, ...content)))

describe('samples', () => {
  test.each<[what: string, syntax: Syntax, body: (count: number) => string | Buffer]>([
    ['lines of text', 'text', (count) => times(count, (i) => `m{a="${i}"} 1\n`)],
    ['lines of OpenMetrics', 'openmetrics', (count) => times(count, (i) => `m{a="${i}"} 1\n`)],
    ['metrics of protobuf', 'protobuf', metrics],
    [
      'metrics of many families',
      'protobuf',
      (count) =>
        Buffer.concat(Array.from({ length: count }, (_, i) => family(`m${i}`, UNTYPED, field(4)))),
    ],
    // A sum and a count are samples too.
    ['buckets', 'protobuf', (count) => histogram(repeated(count - 2, field(3)))],
    [
      'quantiles',
      'protobuf',
      (count) => family('m', SUMMARY, field(4, field(4, repeated(count - 2, field(3))))),
    ],
    [
      'packed buckets of native histograms',
      'protobuf',
      (count) =>
        histogram(field(12, Buffer.from([0x10, count - 2])), field(13, Buffer.alloc(count - 2))),
    ],
    [
      'single buckets of native histograms',
      'protobuf',
      (count) =>
        histogram(
          field(12, Buffer.from([0x10, count - 2])),
          repeated(count - 2, Buffer.from([13 * 8, 0])),
        ),
    ],
  ])('as many as --push.max-samples are taken, one more is refused: %s', (_, syntax, body) => {
    expect(refusalOf(body(SAMPLES_MAX), syntax)).toBe('')
    expect(refusalOf(body(SAMPLES_MAX + 1), syntax)).toBe(
      `the body holds more than ${SAMPLES_MAX} samples (--push.max-samples)`,
    )
  })
})

describe('labels, families and the like', () => {
  const few = PARTS_MAX / 10
  const many = PARTS_MAX + 1

  test.each<[what: string, syntax: Syntax, body: (count: number) => string | Buffer]>([
    ['labels of a line of text', 'text', (count) => `m{${times(count, (i) => `a${i}="",`)}} 1\n`],
    [
      'labels in OpenMetrics',
      'openmetrics',
      (count) => `m{${times(count, (i) => `a${i}="",`)}} 1\n# EOF\n`,
    ],
    [
      'labels of exemplars',
      'openmetrics',
      (count) => `# TYPE m counter\nm_total 1 # {${times(count, (i) => `a${i}="",`)}} 1\n# EOF\n`,
    ],
    [
      'families without samples in text',
      'text',
      (count) => times(count, (i) => `# TYPE m${i} gauge\n`),
    ],
    [
      'families without metrics in protobuf',
      'protobuf',
      (count) => Buffer.concat(Array.from({ length: count }, (_, i) => family(`m${i}`, UNTYPED))),
    ],
    [
      'labels in protobuf',
      'protobuf',
      (count) =>
        family(
          'm',
          UNTYPED,
          field(
            4,
            ...Array.from({ length: count }, (_, i) => field(1, field(1, Buffer.from(`a${i}`)))),
          ),
        ),
    ],
    [
      'exemplars of a native histogram',
      'protobuf',
      (count) => histogram(field(12), repeated(count, field(16))),
    ],
    [
      'labels of its exemplars',
      'protobuf',
      (count) => histogram(field(12), field(16, repeated(count, field(1)))),
    ],
    ['spans', 'protobuf', (count) => histogram(repeated(count, field(12)))],
  ])('are bounded: %s', (_, syntax, body) => {
    expect(refusalOf(body(few), syntax)).toBe('')
    expect(refusalOf(body(many), syntax)).toBe(
      `the body holds more than ${PARTS_MAX} labels, families and the like (--push.max-samples allows 16 for each sample)`,
    )
  })

  test('comments and fields that say nothing are not counted', () => {
    expect(refusalOf('# nothing\n'.repeat(many), 'text')).toBe('')
    expect(refusalOf(family('m', UNTYPED, repeated(many, field(99, EMPTY))), 'protobuf')).toBe('')
  })
})
