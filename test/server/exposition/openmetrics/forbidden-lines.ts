/** What OpenMetrics 1.0 forbids in lines and the order of lines, though a lenient reader takes it. */
import type { StrictCase } from './allowed-cases.ts'

export interface ForbiddenCase extends StrictCase {
  readonly line: number
  /** A part of the message that says what is wrong. */
  readonly says: string
}

const H = '# TYPE h histogram\n'
const G = '# TYPE g gaugehistogram\n'
const S = '# TYPE s summary\n'
const C = '# TYPE c counter\n'
const END = '# EOF\n'

export const FORBIDDEN_LINES: readonly ForbiddenCase[] = [
  // Lines
  { what: 'no end mark', body: 'x 1\n', line: 1, says: 'must end in # EOF' },
  { what: 'no end mark in an empty body', body: '', line: 1, says: 'must end in # EOF' },
  {
    what: 'an end mark with more blanks',
    body: 'x 1\n#  EOF\n',
    line: 2,
    says: 'a comment must be',
  },
  {
    what: 'a sample behind the end mark',
    body: `x 1\n${END}y 2\n${END}`,
    line: 3,
    says: 'nothing may stand behind # EOF',
  },
  {
    what: 'an empty line behind the end mark',
    body: `${END}\n`,
    line: 2,
    says: 'nothing may stand',
  },
  { what: 'blanks behind the end mark', body: `${END}  `, line: 2, says: 'nothing may stand' },
  { what: 'an empty line', body: `x 1\n\ny 2\n${END}`, line: 2, says: 'no empty lines' },
  { what: 'a line of blanks', body: `x 1\n  \n${END}`, line: 2, says: 'is no sample' },
  { what: 'a plain comment', body: `# hello\n${END}`, line: 1, says: 'a comment must be' },
  { what: 'a blank before a comment', body: ` # TYPE x gauge\n${END}`, line: 1, says: 'no sample' },
  { what: 'a blank before a sample', body: ` x 1\n${END}`, line: 1, says: 'is no sample' },
  { what: 'two blanks before a value', body: `x  1\n${END}`, line: 1, says: 'is no sample' },
  { what: 'no blank before a value', body: `x{}1\n${END}`, line: 1, says: 'is no sample' },
  { what: 'a tab before a value', body: `x\t1\n${END}`, line: 1, says: 'is no sample' },
  { what: 'a blank before braces', body: `x {a="1"} 1\n${END}`, line: 1, says: 'is no sample' },
  {
    what: 'a blank behind a comma',
    body: `x{a="1", b="2"} 1\n${END}`,
    line: 1,
    says: 'is no sample',
  },
  {
    what: 'a comma behind the last label',
    body: `x{a="1",} 1\n${END}`,
    line: 1,
    says: 'no sample',
  },
  {
    what: 'a comma behind a name in quotes',
    body: `{"x",} 1\n${END}`,
    line: 1,
    says: 'is no sample',
  },
  {
    what: 'two blanks before an exemplar',
    body: `${C}c_total 1  # {a="b"} 1\n${END}`,
    line: 2,
    says: 'is no sample',
    pythonAccepts: true,
  },
  {
    what: 'a carriage return at the end of HELP',
    body: `# HELP x y\r\nx 1\n${END}`,
    line: 1,
    says: 'must end with LF, not CRLF',
    pythonAccepts: true,
  },
  // Metadata
  {
    what: 'a type in capitals',
    body: `# TYPE x GAUGE\n${END}`,
    line: 1,
    says: '"GAUGE" is no type',
  },
  {
    what: 'the type untyped',
    body: `# TYPE x untyped\n${END}`,
    line: 1,
    says: '"untyped" is no type',
  },
  {
    what: 'the other spelling of gaugehistogram',
    body: `# TYPE x gauge_histogram\n${END}`,
    line: 1,
    says: 'is no type',
  },
  { what: 'TYPE without a type', body: `# TYPE x\n${END}`, line: 1, says: 'a comment must be' },
  {
    what: 'HELP without a blank behind the name',
    body: `# HELP x\n${END}`,
    line: 1,
    says: 'a comment',
  },
  {
    what: 'two blanks in TYPE',
    body: `# TYPE x  gauge\n${END}`,
    line: 1,
    says: 'no type',
  },
  {
    what: 'TYPE without a blank before it',
    body: `#TYPE x gauge\n${END}`,
    line: 1,
    says: 'a comment',
  },
  {
    what: 'a quote in HELP that is not escaped',
    body: `# HELP x a "b"\n${END}`,
    line: 1,
    says: 'a quote in HELP must be escaped',
    pythonAccepts: true,
  },
  {
    what: 'HELP behind samples',
    body: `x 1\n# HELP x h\n${END}`,
    line: 2,
    says: 'before its samples',
  },
  {
    what: 'UNIT behind samples',
    body: `x_s 1\n# UNIT x_s s\n${END}`,
    line: 2,
    says: 'UNIT of x_s must stand before',
  },
  {
    what: 'two units',
    body: `# UNIT x_s s\n# UNIT x_s s\n${END}`,
    line: 2,
    says: 'UNIT of x_s is given twice',
  },
  {
    what: 'an empty HELP and another one',
    body: `# HELP x \n# HELP x h\n${END}`,
    line: 2,
    says: 'given twice',
  },
  {
    what: 'a unit that the name does not end in',
    body: `# UNIT x_seconds s\n${END}`,
    line: 1,
    says: 'x_seconds must end in its unit, s',
  },
  {
    what: 'a unit for the whole name',
    body: `# UNIT s s\n${END}`,
    line: 1,
    says: 'must end in its unit',
  },
  {
    what: 'a unit of an info',
    body: `# TYPE i_s info\n# UNIT i_s s\n${END}`,
    line: 2,
    says: 'must have no unit',
  },
  {
    what: 'a unit before the type info',
    body: `# UNIT i_s s\n# TYPE i_s info\n${END}`,
    line: 2,
    says: 'must have no unit',
  },
  {
    what: 'a unit of a stateset',
    body: `# TYPE e_s stateset\n# UNIT e_s s\n${END}`,
    line: 2,
    says: 'no unit',
  },
  // Families
  {
    what: 'families that take turns',
    body: `x 1\ny 1\nx 2\n${END}`,
    line: 3,
    says: 'must not be interleaved',
  },
  {
    what: 'metadata of two families that take turns',
    body: `# TYPE x gauge\n# TYPE y gauge\n# HELP x h\n${END}`,
    line: 3,
    says: 'must not be interleaved',
  },
  {
    what: 'metrics that take turns',
    body: `${C}c_total{a="1"} 1\nc_total{a="2"} 1\nc_created{a="1"} 1\n${END}`,
    line: 4,
    says: 'the metrics of c must not be interleaved',
  },
  {
    what: 'a sample twice',
    body: `x{a="1",b="2"} 1\nx{b="2",a="1"} 1\n${END}`,
    line: 2,
    says: 'x is given twice with these labels',
    pythonAccepts: true,
  },
  {
    what: 'le twice in a sample',
    body: `${H}h_bucket{le="1",le="+Inf"} 1\n${END}`,
    line: 2,
    says: 'the label le is given twice',
  },
  {
    what: 'a family named like a sample of a family above',
    body: `${C}c_total 1\n# TYPE c_created gauge\n${END}`,
    line: 3,
    says: 'c_created is, or is a sample of, a family above',
  },
  {
    what: 'a family named like a sample of a family above that has none',
    body: `${C}# TYPE c_total gauge\n${END}`,
    line: 2,
    says: 'c_total is, or is a sample of, a family above',
  },
  {
    what: 'a family named like a sample of a family below',
    body: `# TYPE s_sum gauge\n${S}s_count 1\n${END}`,
    line: 3,
    says: 's_sum is a family above and a sample of summary s',
  },
  // Suffixes
  {
    what: 'a counter without _total',
    body: `${C}c 1\n${END}`,
    line: 2,
    says: 'the suffixes of their type',
  },
  {
    what: 'an info within a gauge',
    body: `# TYPE x gauge\nx_info 1\nx 1\n${END}`,
    line: 3,
    says: 'suffixes',
  },
  {
    what: 'the count of a gauge histogram as in text',
    body: `${G}g_bucket{le="+Inf"} 1\ng_count 1\ng_gcount 1\n${END}`,
    line: 4,
    says: 'g_gcount is, or is a sample of',
  },
  {
    what: 'created without a total',
    body: `${C}c_created 1\n${END}`,
    line: 3,
    says: 'c_total is missing',
    pythonAccepts: true,
  },
]
