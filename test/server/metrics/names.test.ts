import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  escapeLabelName,
  escapeMetricName,
  isLegacyLabelName,
  isLegacyMetricName,
  isReservedLabelName,
  unescapeName,
  type EscapingScheme,
} from '../../../server/metrics/names.ts'

const SCHEMES: readonly EscapingScheme[] = ['allow-utf-8', 'underscores', 'dots', 'values']

const legacyMetricName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/)
const legacyLabelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/)

/** Any Unicode, with the characters that schemes treat specially in good supply. */
const anyName = fc.string({
  unit: fc.oneof(
    fc.constantFrom('_', '.', ':', 'a', '1', 'U', ' ', 'é', '😱'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 8,
})

describe('a metric name is shown without quotes exactly when it is a legacy name', () => {
  test.each<[name: string, legacy: boolean]>([
    ['a', true],
    ['a_b:c9', true],
    [':', true],
    ['_', true],
    ['__name__', true],
    ['9a', false],
    ['', false],
    ['a.b', false],
    ['a-b', false],
    ['a b', false],
    ['é', false],
    ['a\n', false],
    ['\na', false],
    ['a"', false],
  ])('%j', (name, legacy) => {
    expect(isLegacyMetricName(name)).toBe(legacy)
  })
})

describe('a label name is shown without quotes exactly when it is a legacy name without colon', () => {
  test.each<[name: string, legacy: boolean]>([
    ['a', true],
    ['_a9', true],
    ['a:b', false],
    [':', false],
    ['9', false],
    ['', false],
    ['a.b', false],
    ['a\n', false],
  ])('%j', (name, legacy) => {
    expect(isLegacyLabelName(name)).toBe(legacy)
  })
})

test('label names that begin with two underscores are reserved, others are not', () => {
  expect(['__', '__name__', '__x'].every(isReservedLabelName)).toBe(true)
  expect(['', '_', '_x', 'a__', ' __x'].some(isReservedLabelName)).toBe(false)
})

describe('escapeMetricName writes names as the schemes of Prometheus say', () => {
  test.each<[name: string, underscores: string, dots: string, values: string]>([
    [
      'no:escaping_required',
      'no:escaping_required',
      'no:escaping_required',
      'no:escaping_required',
    ],
    ['http.status:sum', 'http_status:sum', 'http_dot_status:sum', 'U__http_2e_status:sum'],
    [
      'http_server.status',
      'http_server_status',
      'http__server_dot_status',
      'U__http__server_2e_status',
    ],
    ['label with 😱', 'label_with__', 'label__with____', 'U__label_20_with_20__1f631_'],
    ['label.with.😱', 'label_with__', 'label_dot_with_dot___', 'U__label_2e_with_2e__1f631_'],
    ['0fünf', '_f_nf', '__f__nf', 'U___30_f_fc_nf'],
    ['1a:b_c é🚀', '_a:b_c___', '__a:b__c______', 'U___31_a:b__c_20__e9__1f680_'],
    ['U__x.y', 'U__x_y', 'U____x_dot_y', 'U__U____x_2e_y'],
    ['a__b.c', 'a__b_c', 'a____b_dot_c', 'U__a____b_2e_c'],
    ['a\nb"c', 'a_b_c', 'a__b__c', 'U__a_a_b_22_c'],
    ['.', '_', '_dot_', 'U___2e_'],
  ])('%j', (name, underscores, dots, values) => {
    expect({
      underscores: escapeMetricName(name, 'underscores'),
      dots: escapeMetricName(name, 'dots'),
      values: escapeMetricName(name, 'values'),
      plain: escapeMetricName(name, 'allow-utf-8'),
    }).toEqual({ underscores, dots, values, plain: name })
  })
})

test('a colon is escaped in label names, where Prometheus could not read it, and not in metric names', () => {
  expect(SCHEMES.map((scheme) => escapeLabelName('a:b', scheme))).toEqual([
    'a:b',
    'a_b',
    'a__b',
    'U__a_3a_b',
  ])
  expect(SCHEMES.map((scheme) => escapeMetricName('a:b', scheme))).toEqual(
    Array<string>(4).fill('a:b'),
  )
})

test('legacy names are left alone by every scheme', () => {
  fc.assert(
    fc.property(
      legacyMetricName,
      legacyLabelName,
      fc.constantFrom(...SCHEMES),
      (metric, label, scheme) => {
        expect(escapeMetricName(metric, scheme)).toBe(metric)
        expect(escapeLabelName(label, scheme)).toBe(label)
      },
    ),
  )
})

test('escaped names need no quotes', () => {
  fc.assert(
    fc.property(anyName, fc.constantFrom('underscores', 'dots', 'values'), (name, scheme) => {
      expect(isLegacyMetricName(escapeMetricName(name, scheme))).toBe(true)
      expect(isLegacyLabelName(escapeLabelName(name, scheme))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('unescapeName undoes the values scheme of every name that was escaped', () => {
  fc.assert(
    fc.property(anyName, (name) => {
      // Six digits are more than the original reads back.
      fc.pre([...name].every((character) => (character.codePointAt(0) ?? 0) < 0x100000))
      if (!isLegacyMetricName(name)) {
        expect(unescapeName(escapeMetricName(name, 'values'))).toBe(name)
      }
      if (!isLegacyLabelName(name)) {
        expect(unescapeName(escapeLabelName(name, 'values'))).toBe(name)
      }
    }),
    { numRuns: 1000 },
  )
})

describe('unescapeName decodes', () => {
  test.each<[what: string, escaped: string, name: string]>([
    ['a dot', 'U__a_2e_b', 'a.b'],
    ['upper-case digits', 'U__a_2E_b', 'a.b'],
    ['a doubled underscore', 'U__a__b', 'a_b'],
    ['characters in a row', 'U___e9__1f680_', 'é🚀'],
    ['leading zeros', 'U__a_002e_', 'a.'],
    ['a code point of five digits', 'U___fffff_', '\u{fffff}'],
    ['NUL', 'U__a_0_', 'a\u0000'],
    ['the prefix itself', 'U__U____a', 'U__a'],
    ['the bare prefix, to nothing', 'U__', ''],
    ['a name without escapes', 'U__abc', 'abc'],
    ['once only', 'U___5f_2e_5f_', '_2e_'],
  ])('%s', (_, escaped, name) => {
    expect(unescapeName(escaped)).toBe(name)
  })
})

describe('unescapeName leaves alone', () => {
  test.each<[what: string, name: string]>([
    ['nothing', ''],
    ['a name without the prefix', 'a_2e_b'],
    ['a prefix in lower case', 'u__a_2e_b'],
    ['half a prefix', 'U_a_2e_b'],
    ['an escape that is not closed', 'U__a_2e'],
    ['an underscore at the end', 'U__a_'],
    ['an escape that is not hexadecimal', 'U__a_zz_'],
    ['an escape with a sign', 'U__a_+2e_'],
    ['a surrogate', 'U__a_d800_'],
    ['the last surrogate', 'U__a_DFFF_'],
    ['six digits, as the original does', 'U__a_10ffff_'],
    ['six digits with leading zeros', 'U__a_00002e_'],
    ['a good escape before a bad one', 'U___61__zz_'],
  ])('%s', (_, name) => {
    expect(unescapeName(name)).toBe(name)
  })
})
