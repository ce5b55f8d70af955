/** What protobuf bodies mean, one rule a row; decode.test.ts runs them. */
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import * as wire from './wire.ts'
import { counter, double, family, gauge, integer, label, message, metric, string } from './wire.ts'

export interface AcceptedCase {
  readonly what: string
  readonly body: Buffer
  readonly families: readonly MetricFamily[]
  readonly utf8Names?: boolean
}

type ScalarFamily = Extract<MetricFamily, { type: 'counter' | 'gauge' | 'untyped' }>

function scalars(
  type: ScalarFamily['type'],
  metrics: ScalarFamily['metrics'],
  extra: Partial<Pick<ScalarFamily, 'name' | 'help' | 'unit'>> = {},
): MetricFamily {
  return { name: 'm', help: undefined, type, metrics, ...extra }
}

const plain = (value: number): MetricFamily => scalars('counter', [{ labels: [], value }])

export const TIME = { seconds: 1_600_000_000, nanos: 5 }
export const EXEMPLAR = { labels: [{ name: 'trace', value: 'a' }], value: 0.5, timestamp: TIME }
export const timeIn = (field: number): Buffer => wire.time(field, TIME.seconds, TIME.nanos)
export const exemplarIn = (field: number): Buffer =>
  message(field, label('trace', 'a'), double(2, 0.5), timeIn(3))

const PLAIN = family('m', metric(counter(1)))

const TYPES_AND_HEADS: readonly AcceptedCase[] = [
  { what: 'an empty body', body: Buffer.alloc(0), families: [] },
  { what: 'a family without a type, as counter', body: PLAIN, families: [plain(1)] },
  {
    what: 'a counter with all it can have',
    body: family('m', wire.COUNTER, metric(label('a', '1'), counter(1, exemplarIn(2), timeIn(3)))),
    families: [
      scalars('counter', [
        { labels: [{ name: 'a', value: '1' }], value: 1, exemplar: EXEMPLAR, created: TIME },
      ]),
    ],
  },
  {
    what: 'a gauge',
    body: family('m', wire.GAUGE, metric(gauge(-1))),
    families: [scalars('gauge', [{ labels: [], value: -1 }])],
  },
  {
    what: 'an untyped metric',
    body: family('m', wire.UNTYPED, metric(message(5, double(1, 2.5)))),
    families: [scalars('untyped', [{ labels: [], value: 2.5 }])],
  },
  {
    what: 'a value that is not written, as 0',
    body: family('m', metric(message(3))),
    families: [plain(0)],
  },
  {
    what: 'a summary',
    body: family(
      'm',
      wire.SUMMARY,
      metric(
        message(
          4,
          integer(1, 4),
          double(2, 3),
          message(3, double(1, 0.5), double(2, 7)),
          message(3, double(2, 8)),
          timeIn(4),
        ),
      ),
    ),
    families: [
      {
        name: 'm',
        help: undefined,
        type: 'summary',
        metrics: [
          {
            labels: [],
            quantiles: [
              { quantile: 0.5, value: 7 },
              { quantile: 0, value: 8 },
            ],
            sum: 3,
            count: 4,
            created: TIME,
          },
        ],
      },
    ],
  },
  {
    what: 'help and unit',
    body: family('m', string(2, 'Some "help".\n'), string(5, 'seconds'), metric(counter(1))),
    families: [
      scalars('counter', [{ labels: [], value: 1 }], { help: 'Some "help".\n', unit: 'seconds' }),
    ],
  },
  {
    what: 'an empty help and an empty unit, as none',
    body: family('m', string(2, ''), string(5, ''), metric(counter(1))),
    families: [plain(1)],
  },
  { what: 'a family without metrics, which is left out', body: family('m'), families: [] },
  {
    what: 'several families, in their order',
    body: Buffer.concat([family('z', metric(counter(1))), family('a', metric(counter(2)))]),
    families: [
      scalars('counter', [{ labels: [], value: 1 }], { name: 'z' }),
      scalars('counter', [{ labels: [], value: 2 }], { name: 'a' }),
    ],
  },
  {
    what: 'of two families of one name the last',
    body: Buffer.concat([PLAIN, family('m', wire.GAUGE, metric(gauge(2)))]),
    families: [scalars('gauge', [{ labels: [], value: 2 }])],
  },
  {
    what: 'of two families of one name the last, though it has no metrics',
    body: Buffer.concat([PLAIN, family('m')]),
    families: [],
  },
]

const ENCODINGS: readonly AcceptedCase[] = [
  {
    what: 'unknown fields of all wire types, at every level',
    body: (() => {
      const unknown = [
        integer(100, 1),
        double(101, 1),
        string(102, 'x'),
        wire.fixed32(103),
        wire.group(104, integer(1, 1), wire.group(2, string(1, 'y'))),
        integer(2 ** 29 - 1, -1),
      ]
      const labels = message(1, string(1, 'a'), string(2, '1'), ...unknown)
      return family('m', ...unknown, metric(...unknown, labels, counter(1, ...unknown)))
    })(),
    families: [scalars('counter', [{ labels: [{ name: 'a', value: '1' }], value: 1 }])],
  },
  {
    what: 'fields in any order',
    body: wire.delimited(
      metric(gauge(1), message(1, string(2, '1'), string(1, 'a'))),
      wire.GAUGE,
      string(2, 'h'),
      string(1, 'm'),
    ),
    families: [
      scalars('gauge', [{ labels: [{ name: 'a', value: '1' }], value: 1 }], { help: 'h' }),
    ],
  },
  {
    what: 'of a field that comes again the last',
    body: wire.delimited(
      string(1, 'x'),
      string(1, 'm'),
      string(2, 'first'),
      string(2, 'last'),
      wire.HISTOGRAM,
      wire.COUNTER,
      metric(
        message(1, string(1, 'x'), string(1, 'a'), string(2, 'x'), string(2, '1')),
        counter(1, double(1, 2)),
      ),
    ),
    families: [
      scalars('counter', [{ labels: [{ name: 'a', value: '1' }], value: 2 }], { help: 'last' }),
    ],
  },
  {
    what: 'a help that is taken back',
    body: family('m', string(2, 'first'), string(2, ''), metric(counter(1))),
    families: [plain(1)],
  },
  {
    what: 'a value that comes in pieces, as all of them together',
    body: family('m', metric(counter(1), message(3, timeIn(3)), message(3))),
    families: [scalars('counter', [{ labels: [], value: 1, created: TIME }])],
  },
  {
    what: 'lengths and tags with more bytes than needed',
    body: Buffer.concat([
      Buffer.from([0x93, 0x80, 0x00, 0x8a, 0x00, 0x81, 0x80, 0x00]),
      Buffer.from('m'),
      metric(counter(1)),
    ]),
    families: [plain(1)],
  },
  {
    what: 'labels in any order, which is kept',
    body: family('m', metric(label('b', '1'), label('a', ''), label('c', 'é"\n'), counter(1))),
    families: [
      scalars('counter', [
        {
          labels: [
            { name: 'b', value: '1' },
            { name: 'a', value: '' },
            { name: 'c', value: 'é"\n' },
          ],
          value: 1,
        },
      ]),
    ],
  },
  {
    what: 'names in UTF-8 where they are allowed',
    body: family('a.b', metric(label('c d', '1'), counter(1))),
    utf8Names: true,
    families: [
      scalars('counter', [{ labels: [{ name: 'c d', value: '1' }], value: 1 }], { name: 'a.b' }),
    ],
  },
  {
    what: 'a byte order mark as what it is',
    body: family('m', string(2, '\ufeffx'), metric(counter(1))),
    families: [scalars('counter', [{ labels: [], value: 1 }], { help: '\ufeffx' })],
  },
  {
    what: 'exemplars without labels, and with ones that text could not show',
    body: family(
      'm',
      metric(counter(1, message(2))),
      metric(label('a', ''), counter(1, message(2, label('é', ''), label('é', 'x')))),
    ),
    families: [
      scalars('counter', [
        { labels: [], value: 1, exemplar: { labels: [], value: 0 } },
        {
          labels: [{ name: 'a', value: '' }],
          value: 1,
          exemplar: {
            labels: [
              { name: 'é', value: '' },
              { name: 'é', value: 'x' },
            ],
            value: 0,
          },
        },
      ]),
    ],
  },
  {
    what: 'times before 1970, and those without a field',
    body: family(
      'm',
      metric(counter(1, wire.time(3, -62_135_596_800, 999_999_999))),
      metric(label('a', ''), counter(1, message(3))),
    ),
    families: [
      scalars('counter', [
        { labels: [], value: 1, created: { seconds: -62_135_596_800, nanos: 999_999_999 } },
        { labels: [{ name: 'a', value: '' }], value: 1, created: { seconds: 0, nanos: 0 } },
      ]),
    ],
  },
]

export const ACCEPTED: readonly AcceptedCase[] = [...TYPES_AND_HEADS, ...ENCODINGS]
