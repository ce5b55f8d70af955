import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  readStored,
  splitStored,
  storedHeaderLength,
  storedHeader,
  storedHelpText,
  storedTrailer,
  storedType,
  storedUnit,
} from '../../../server/exposition/stored-family.ts'
import { toByteString } from '../../../server/exposition/byte-string.ts'
import { spellFamily } from '../../../server/exposition/spelled/series.ts'
import {
  renderFamily,
  renderFamilySamples,
  shownName,
  unescapeHelp,
} from '../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../server/metrics/metric-family.ts'
import { anyFamily } from './protobuf/arbitraries.ts'

/** As groups/prepare.ts stores it, but without grouping labels. */
function store(family: MetricFamily): Buffer {
  const spelled = spellFamily(family)
  const shown = toByteString(shownName(family.name))
  const text = storedHeader(spelled, shown) + toByteString(renderFamilySamples(family))
  const isCarried = spelled.series.every(({ marks }) => marks?.source === undefined)
  return Buffer.from(isCarried ? text : text + storedTrailer(spelled, family.metrics), 'latin1')
}

/** Text shows a negative zero without its sign. */
function withoutNegativeZeros(family: MetricFamily): unknown {
  const unsigned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unsigned)
    if (typeof value === 'number') return value + 0
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unsigned(part)]))
  }
  return unsigned(family)
}

const COUNTER: MetricFamily = {
  name: 'c_total',
  type: 'counter',
  help: undefined,
  metrics: [{ labels: [], value: 1 }],
}

const CREATED: MetricFamily = {
  ...COUNTER,
  metrics: [{ labels: [], value: 1, created: { seconds: 10, nanos: 0 } }],
}

describe('a family that was stored', () => {
  test('is read as it was', () => {
    fc.assert(
      fc.property(anyFamily, (family) => {
        const parts = splitStored(store(family))
        const expected = parts.full === undefined ? withoutNegativeZeros(family) : family
        expect(readStored(parts)).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  test('has the text that a page shows, with its unit before the type', () => {
    fc.assert(
      fc.property(anyFamily, (family) => {
        const { text } = splitStored(store(family))
        const lines = text.toString().split('\n')
        const unitAt = lines.findIndex((line) => line.startsWith('# UNIT '))
        expect(unitAt >= 0).toBe(family.unit !== undefined)
        if (unitAt >= 0) expect(lines[unitAt + 1]).toMatch(/^# TYPE /)
        const shown = lines.filter((_, i) => i !== unitAt).join('\n')
        expect(shown).toBe(renderFamily(family))
      }),
      { numRuns: 200 },
    )
  })

  test('says what it is in its header', () => {
    fc.assert(
      fc.property(anyFamily, (family) => {
        const { text } = splitStored(store(family))
        const header = text.toString('utf8', 0, storedHeaderLength(text))
        expect(storedType(header)).toBe(family.type)
        expect(storedUnit(header, family.name)).toBe(family.unit)
        expect(unescapeHelp(storedHelpText(header, family.name))).toBe(family.help ?? '')
      }),
      { numRuns: 200 },
    )
  })

  test('whose name looks like a header has its unit in its place all the same', () => {
    const family = { ...COUNTER, name: 'c# TYPE x', unit: 'seconds', help: '# UNIT x y' }
    expect(store(family).toString()).toBe(
      '# HELP "c# TYPE x" # UNIT x y\n' +
        '# UNIT "c# TYPE x" seconds\n' +
        '# TYPE "c# TYPE x" counter\n' +
        '{"c# TYPE x"} 1\n',
    )
  })

  test.each(['two words', 'a\nb', '', 'é', '"s"'])(
    'loses the unit %j, which is no word',
    (unit) => {
      expect(readStored(splitStored(store({ ...COUNTER, unit })))).toEqual(COUNTER)
      expect(readStored(splitStored(store({ ...CREATED, unit })))).toEqual(CREATED)
    },
  )
})

describe('protobuf lies behind the text', () => {
  const hasFull = (family: MetricFamily): boolean => splitStored(store(family)).full !== undefined
  const summary = (count: number, quantile: number): MetricFamily => ({
    name: 's',
    type: 'summary',
    help: undefined,
    metrics: [{ labels: [], sum: 0, count, quantiles: [{ quantile, value: 1 }] }],
  })
  const histogram = (upperBound: number, cumulativeCount: number): MetricFamily => ({
    name: 'h',
    type: 'histogram',
    help: undefined,
    metrics: [{ labels: [], sum: 0, count: 1, buckets: [{ upperBound, cumulativeCount }] }],
  })

  test.each<[what: string, family: MetricFamily, expected: boolean]>([
    ['not of a plain counter', COUNTER, false],
    ['not for a unit, which has a line of text', { ...COUNTER, unit: 'seconds' }, false],
    ['not of a plain summary', summary(2 ** 64 - 2 ** 11, Infinity), false],
    ['not of a plain histogram, though it counts by halves', histogram(Infinity, 0.5), false],
    ['where there is a created timestamp', CREATED, true],
    ['where a quantile is NaN, which text does not read', summary(1, NaN), true],
    ['where a bound is NaN, which text does not read', histogram(NaN, 1), true],
    [
      'where a count is the largest of all, which text reads as another one',
      summary(2 ** 64, 1),
      true,
    ],
  ])('%s', (_, family, expected) => {
    expect(hasFull(family)).toBe(expected)
    expect(readStored(splitStored(store(family)))).toEqual(family)
  })

  test('of all metrics, when one of them needs it', () => {
    const plain = { labels: [{ name: 'a', value: '1' }], value: 2 }
    const family = { ...CREATED, metrics: [...CREATED.metrics, plain] } as MetricFamily
    expect(hasFull(family)).toBe(true)
    expect(readStored(splitStored(store(family)))).toEqual(family)
  })
})

describe('bytes that nobody stored are refused', () => {
  const trailer = (length: number): Buffer => {
    const bytes = Buffer.alloc(5)
    bytes.writeUInt32BE(length)
    return bytes
  }

  test.each<[what: string, data: Buffer]>([
    ['no bytes', Buffer.alloc(0)],
    ['a zero byte', Buffer.from([0])],
    ['text without its last line feed', Buffer.from('m 1')],
    ['a length of more than there is', Buffer.concat([Buffer.from('m 1\nabc'), trailer(100)])],
    ['the largest length', Buffer.concat([Buffer.from('m 1\nabc'), trailer(2 ** 32 - 1)])],
    ['a length that leaves no text', Buffer.concat([Buffer.from('abc'), trailer(3)])],
    ['a length that leaves half a line', Buffer.concat([Buffer.from('m 1\nabc'), trailer(2)])],
    ['another byte where the mark should be', Buffer.from('m 1\nabc\0\0\0\x03\x01')],
  ])('%s', (_, data) => {
    expect(() => splitStored(data)).toThrow('neither with a line feed nor with a protobuf form')
  })

  test('protobuf that is none', () => {
    const data = Buffer.concat([Buffer.from('m 1\n'), Buffer.from([0x0a, 9]), trailer(2)])
    const parts = splitStored(data)
    expect(parts.text.toString()).toBe('m 1\n')
    expect(() => readStored(parts)).toThrow('metric family: it ends too early')
  })

  test('text without samples, or without an end of its header', () => {
    const parts = (text: string) => ({ text: Buffer.from(text), full: undefined })
    expect(() => readStored(parts('# TYPE m gauge\n'))).toThrow('it is without samples')
    expect(() => storedHeaderLength(Buffer.from('# TYPE m gauge'))).toThrow('has no end')
  })

  test('what is left when the protobuf form is cut off, unless only text is left', () => {
    const data = store(CREATED)
    const { text } = splitStored(data)
    // The first byte of the form looks like a line feed.
    for (let length = text.length + 2; length < data.length; length++) {
      expect(() => readStored(splitStored(data.subarray(0, length)))).toThrow()
    }
    expect(readStored(splitStored(data.subarray(0, text.length)))).toEqual(COUNTER)
  })
})
