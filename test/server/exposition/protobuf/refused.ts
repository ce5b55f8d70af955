/** What protobuf bodies are refused for, one rule a row; decode.test.ts runs them. */
import * as wire from './wire.ts'
import { counter, double, family, integer, label, message, metric, string } from './wire.ts'

export interface RefusedCase {
  readonly what: string
  readonly body: Buffer
  /** A part of the message that says what is wrong. */
  readonly says: string
  readonly utf8Names?: boolean
}

const GOOD = family('good', metric(counter(1)))
const NOT_UTF8 = Buffer.from('a\xff', 'latin1')

function labelled(...labels: readonly Buffer[]): Buffer {
  return family('m', metric(...labels, counter(1)))
}

function manyLabels(...names: readonly string[]): Buffer {
  const all = [...Array.from({ length: 40 }, (_, i) => `l${i}`), ...names]
  return labelled(...all.map((name) => label(name, 'x')))
}

const NAMES: readonly RefusedCase[] = [
  { what: 'a message without bytes', body: Buffer.from([0]), says: 'metric family without a name' },
  {
    what: 'a family without a name',
    body: wire.delimited(metric(counter(1))),
    says: 'metric family without a name',
  },
  {
    what: 'a family without a name, also where names may be anything',
    body: family('', metric(counter(1))),
    utf8Names: true,
    says: 'metric family without a name',
  },
  ...['a.b', '1a', 'é', 'a b', 'a\n'].map((name) => ({
    what: `the metric name ${JSON.stringify(name)}`,
    body: family(name, metric(counter(1))),
    says: `invalid metric name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
  })),
  ...['a.b', '1a', 'é', 'a:b'].map((name) => ({
    what: `the label name ${JSON.stringify(name)}`,
    body: labelled(label(name, '1')),
    says: `metric family "m": invalid label name ${JSON.stringify(name)} (other characters need --push.enable-utf8-names)`,
  })),
  {
    what: 'a label without a name',
    body: labelled(label('', '1')),
    utf8Names: true,
    says: 'metric family "m": label without a name',
  },
  {
    what: 'a label that is no more than there',
    body: labelled(message(1)),
    says: 'metric family "m": label without a name',
  },
  {
    what: 'the label __name__',
    body: labelled(label('__name__', 'x')),
    says: 'metric family "m": label name "__name__" is reserved',
  },
  {
    what: 'a label name twice',
    body: labelled(label('a', '1'), label('b', '1'), label('a', '1')),
    says: 'metric family "m": duplicate label name "a"',
  },
  {
    what: 'a label name twice among many',
    body: manyLabels('l7'),
    says: 'metric family "m": duplicate label name "l7"',
  },
]

const TEXTS: readonly RefusedCase[] = [
  {
    what: 'a metric name that is not UTF-8',
    body: wire.delimited(message(1, NOT_UTF8)),
    utf8Names: true,
    says: 'metric family: "aÿ" is not valid UTF-8',
  },
  {
    what: 'a help that is not UTF-8',
    body: family('m', message(2, NOT_UTF8)),
    says: 'is not valid UTF-8',
  },
  {
    what: 'a unit that is not UTF-8',
    body: family('m', message(5, NOT_UTF8)),
    says: 'is not valid UTF-8',
  },
  {
    what: 'a label name that is not UTF-8',
    body: labelled(message(1, message(1, NOT_UTF8))),
    says: 'metric family "m": "aÿ" is not valid UTF-8',
  },
  {
    what: 'a label value that is not UTF-8',
    body: labelled(message(1, string(1, 'a'), message(2, NOT_UTF8))),
    says: 'metric family "m": "aÿ" is not valid UTF-8',
  },
  {
    what: 'a surrogate, which UTF-8 has not',
    body: family('m', message(2, Buffer.from('eda080', 'hex'))),
    says: 'is not valid UTF-8',
  },
  {
    what: 'a label of an exemplar that is not UTF-8',
    body: family('m', metric(counter(1, message(2, message(1, message(2, NOT_UTF8)))))),
    says: 'metric family "m": "aÿ" is not valid UTF-8',
  },
]

const WIRE_TYPES: readonly RefusedCase[] = [
  {
    what: 'a name that is a number',
    body: wire.delimited(integer(1, 5)),
    says: 'metric family: field 1 has wire type 0 instead of 2',
  },
  {
    what: 'a type that is a double',
    body: family('m', double(3, 1)),
    says: 'metric family: field 3 has wire type 1 instead of 0',
  },
  {
    what: 'a metric that is a group',
    body: family('m', wire.group(4, counter(1))),
    says: 'metric family: field 4 has wire type 3 instead of 2',
  },
  {
    what: 'a value of 32 bits',
    body: family('m', metric(message(3, wire.fixed32(1)))),
    says: 'metric family "m": field 1 has wire type 5 instead of 1',
  },
  {
    what: 'a count that is a double',
    body: wire.histogram(double(1, 1)),
    says: 'metric family "h": field 1 has wire type 1 instead of 0',
  },
  {
    what: 'an unknown type',
    body: family('m', integer(3, 6)),
    says: 'metric family "m" has the unknown type 6',
  },
  {
    what: 'a negative type',
    body: family('m', integer(3, -1)),
    says: 'metric family "m" has the unknown type -1',
  },
  { what: 'field 0', body: family('m', integer(0, 1)), says: 'illegal tag: field no 0' },
  {
    what: 'a wire type that does not exist',
    body: family('m', wire.tag(9, 7)),
    says: 'illegal tag: field no 9 wire type 7',
  },
  {
    what: 'a field number that does not exist',
    body: family('m', Buffer.from('ffffffff1f00', 'hex')),
    says: 'illegal tag',
  },
  {
    what: 'a group that does not end',
    body: family('m', wire.tag(9, 3), integer(1, 1)),
    says: 'metric family: it ends too early',
  },
  {
    what: 'a group that ends as another one',
    body: family('m', wire.tag(9, 3), wire.tag(8, 4)),
    says: 'metric family: invalid end group tag',
  },
  {
    what: 'the end of a group that never began',
    body: family('m', wire.tag(9, 4)),
    says: 'metric family: cant skip wire type 4',
  },
  {
    what: 'groups within each other without end',
    body: family('m', Buffer.alloc(100_000, wire.tag(9, 3))),
    says: 'metric family: maximum recursion depth reached',
  },
  {
    what: 'a number of more than ten bytes',
    body: wire.histogram(wire.tag(1, 0), Buffer.alloc(10, 0xff), Buffer.from([1])),
    says: 'metric family "h": invalid varint',
  },
]

const TIMES: readonly RefusedCase[] = [
  ...[-1, 1_000_000_000].map((nanos) => ({
    what: `a time of ${nanos} nanoseconds`,
    body: family('m', metric(counter(1, wire.time(3, 1, nanos)))),
    says: `metric family "m": 1 seconds and ${nanos} nanoseconds are no time`,
  })),
  {
    what: 'a time that no double can hold',
    body: family('m', metric(counter(1, message(2, wire.time(3, -(2n ** 63n), 0))))),
    says: 'seconds and 0 nanoseconds are no time',
  },
]

const LENGTHS: readonly RefusedCase[] = [
  {
    what: 'a length without a message',
    body: Buffer.from([5]),
    says: 'it should have 5 bytes, the body has 0',
  },
  {
    what: 'a length without an end',
    body: Buffer.from([0x80]),
    says: 'the body ends within its length',
  },
  {
    what: 'a length of many bytes without an end',
    body: Buffer.alloc(9, 0xff),
    says: 'the body ends within its length',
  },
  {
    what: 'a length of more than ten bytes',
    body: Buffer.concat([Buffer.alloc(10, 0x80), Buffer.from([0]), GOOD]),
    says: 'its length is no varint',
  },
  ...[2n ** 31n, 2n ** 32n + BigInt(GOOD.length - 1), 2n ** 63n, 2n ** 64n - 1n].map((length) => ({
    what: `the length ${length}`,
    body: Buffer.concat([wire.varint(length), GOOD.subarray(1)]),
    says: `it should have ${Number(length)} bytes, the body has ${GOOD.length - 1}`,
  })),
  ...[2n ** 31n, 2n ** 32n - 1n].flatMap((length) => [
    {
      what: `a help of ${length} bytes`,
      body: family('m', wire.tag(2, 2), wire.varint(length), Buffer.from('text')),
      says: 'metric family: it ends too early',
    },
    {
      what: `an unknown field of ${length} bytes`,
      body: family('m', wire.tag(99, 2), wire.varint(length), Buffer.from('text')),
      says: 'metric family: it ends too early',
    },
  ]),
  ...[2, 99].map((field) => ({
    what: `a length of field ${field} that would be right but for what is beyond 32 bits`,
    body: family('m', wire.tag(field, 2), wire.varint(2n ** 32n + 4n), Buffer.from('text')),
    says: `metric family: field ${field} has no possible length`,
  })),
  {
    what: 'a label that is longer than its metric',
    body: family('m', metric(wire.tag(1, 2), wire.varint(50)), string(2, 'x'.repeat(50))),
    says: 'metric family "m": it ends too early',
  },
]

export const REFUSED: readonly RefusedCase[] = [
  ...NAMES,
  ...TEXTS,
  ...WIRE_TYPES,
  ...TIMES,
  ...LENGTHS,
]
