/** Random bodies that come close to being OpenMetrics. */
import fc from 'fast-check'
import { blank, gap, labels, often, someHelp, someValue } from '../text/arbitraries.ts'

const someName = often(
  ['c', 'c_total', 'c_created', 'h', 'h_bucket', 'h_count', 'i_info', 'x'],
  [
    'c_total_total',
    'h_sum',
    'h_gcount',
    'h_gsum',
    'h_created',
    'i',
    'i_created',
    '_total',
    '"a.b"',
    '"a.b_total"',
    '"c_total"',
  ],
)
const someType = often(
  ['counter', 'counter', 'histogram', 'info', 'summary', 'gauge'],
  ['gaugehistogram', 'GAUGE_HISTOGRAM', 'stateset', 'Unknown', 'untyped', '', 'enum', 'info '],
)
const someUnit = often(['s', 'seconds'], ['', 'two words', 's ', '"s"'])
const someExemplarLabels = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'a="b"', 'le="x",trace_id="} # {"') },
  { weight: 1, arbitrary: labels },
)
const someExemplar = fc
  .tuple(
    someExemplarLabels,
    gap,
    someValue,
    often([''], [' 5', ' 5.25', ' -1.5', ' x', ' ', ' 5 6', ' 1e300']),
  )
  .map(([inside, before, value, time]) => ` # {${inside}}${before}${value}${time}`)
const someTail = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: someExemplar },
  {
    weight: 1,
    arbitrary: fc.constantFrom(' 5', ' 5.5', ' 1e400', ' x', ' ', ' #', ' # {', ' 5 6'),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(' 5', '\t5.5 '), someExemplar).map((all) => all.join('')),
  },
)

const sample = fc
  .tuple(blank, someName, fc.option(labels), gap, someValue, someTail)
  .map(([before, name, inside, between, value, tail]) => {
    if (inside === null) return `${before}${name}${between}${value}${tail}`
    return name.startsWith('"') && before === ''
      ? `{${name},${inside}}${between}${value}${tail}`
      : `${before}${name}{${inside}}${between}${value}${tail}`
  })
const observed = fc
  .tuple(
    fc.constantFrom('c_total 1', 'c_total{a="x"} 2', 'h_bucket{le="1"} 1', 'h_bucket{le="2"} 3 5'),
    someExemplar,
  )
  .map((all) => all.join(''))
const created = fc.constantFrom(
  'c_created 5',
  'c_created{a="x"} 1.5e9',
  'c_total{a="x"} 1\nc_created{a="x"} 1.5',
  'h_created 6.25\nh_count 2',
  'h_bucket{le="1"} 2\nh_created -1 5',
)
const metadata = fc
  .tuple(
    someName,
    gap,
    fc.oneof(
      { weight: 4, arbitrary: someType.map((type) => ['TYPE', type] as const) },
      { weight: 1, arbitrary: someHelp.map((text) => ['HELP', text] as const) },
      { weight: 1, arbitrary: someUnit.map((unit) => ['UNIT', unit] as const) },
    ),
  )
  .map(([name, between, [keyword, text]]) => `# ${keyword} ${name}${between}${text}`)

/** Where all metadata were random, hardly any exemplar would find its place. */
const someBeginning = fc.constantFrom(
  '',
  '# TYPE c counter\n',
  '# TYPE c counter\n# TYPE h histogram\n',
  '# TYPE h gaugehistogram\n# TYPE i info\n',
  '# HELP h_sum part\n# TYPE h summary\n',
)

/** Bodies of which a good part can be read. */
export const anyOpenMetricsBody = fc
  .tuple(
    someBeginning,
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: sample },
        { weight: 2, arbitrary: observed },
        { weight: 1, arbitrary: created },
        { weight: 4, arbitrary: metadata },
        {
          weight: 1,
          arbitrary: fc.constantFrom('', '# EOF', '#EOF', '# EOF ', '# eof', '# UNIT', '# UNIT c'),
        },
      ),
      { maxLength: 6 },
    ),
    often(['\n', '\n# EOF\n'], ['', '\n# EOF', '\n# EOF\n \n']),
  )
  .map(([beginning, lines, end]) => beginning + lines.join('\n') + end)
