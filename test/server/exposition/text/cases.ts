/** What the text format accepts and what it refuses, one rule a row; parse.test.ts runs them. */

export interface AcceptedCase {
  readonly what: string
  readonly body: string | Buffer
  /** The families as the renderer writes them. */
  readonly canonical: string
  readonly utf8Names?: boolean
}

export interface RefusedCase {
  readonly what: string
  readonly body: string | Buffer
  readonly line: number
  /** A part of the message that says what is wrong. */
  readonly says: string
  readonly utf8Names?: boolean
}

const M = '# TYPE m untyped\n'

export const ACCEPTED: readonly AcceptedCase[] = [
  // Lines
  { what: 'an empty body', body: '', canonical: '' },
  { what: 'an empty line', body: '\n', canonical: '' },
  { what: 'a sample', body: 'm 1\n', canonical: `${M}m 1\n` },
  { what: 'blank lines between samples', body: '\n\nm 1\n\n\n', canonical: `${M}m 1\n` },
  { what: 'lines of blanks and tabs', body: ' \t \nm 1\n\t\n', canonical: `${M}m 1\n` },
  { what: 'blanks behind the last line feed', body: 'm 1\n  \t', canonical: `${M}m 1\n` },
  { what: 'nothing but blanks', body: '  \t', canonical: '' },
  { what: 'blanks and tabs before a name', body: ' \t m 1\n', canonical: `${M}m 1\n` },
  { what: 'blanks and tabs before a value', body: 'm \t  1\n', canonical: `${M}m 1\n` },
  { what: 'a value right behind the braces', body: 'm{}1\n', canonical: `${M}m 1\n` },
  { what: 'a signed value right behind the name', body: 'm-1\n', canonical: `${M}m -1\n` },
  { what: 'a value of a point right behind the name', body: 'm.5\n', canonical: `${M}m 0.5\n` },
  // Comments
  { what: 'plain comments', body: '# hello\n#\n# \n#x\n  # y\n', canonical: '' },
  { what: 'a comment that looks like a sample', body: '#m 1\n', canonical: '' },
  {
    what: 'a comment that is not UTF-8',
    body: Buffer.from('# \xff\nm 1\n', 'latin1'),
    canonical: `${M}m 1\n`,
  },
  { what: 'the end mark of OpenMetrics', body: 'm 1\n# EOF\n', canonical: `${M}m 1\n` },
  { what: 'a carriage return at the end of a plain comment', body: '# x\r\n#\r\n', canonical: '' },
  {
    what: 'keywords in lower case, as plain comments',
    body: '# type m gauge\n# help m x\nm 1\n',
    canonical: `${M}m 1\n`,
  },
  {
    what: 'keywords with something behind them, as plain comments',
    body: '# TYPES m gauge\n# HELP: m x\n',
    canonical: '',
  },
  {
    what: 'the unit of OpenMetrics, as a plain comment',
    body: '# UNIT m seconds\nm 1\n',
    canonical: `${M}m 1\n`,
  },
  // TYPE
  { what: 'a counter', body: '# TYPE m counter\nm 1\n', canonical: '# TYPE m counter\nm 1\n' },
  { what: 'a gauge', body: '# TYPE m gauge\nm 1\n', canonical: '# TYPE m gauge\nm 1\n' },
  { what: 'an untyped family', body: '# TYPE m untyped\nm 1\n', canonical: `${M}m 1\n` },
  {
    what: 'a type in capitals',
    body: '# TYPE m COUNTER\nm 1\n',
    canonical: '# TYPE m counter\nm 1\n',
  },
  {
    what: 'a type in mixed case',
    body: '# TYPE m GaUgE\nm 1\n',
    canonical: '# TYPE m gauge\nm 1\n',
  },
  {
    what: 'TYPE without a blank before it',
    body: '#TYPE m gauge\nm 1\n',
    canonical: '# TYPE m gauge\nm 1\n',
  },
  {
    what: 'TYPE with blanks everywhere before the type',
    body: ' \t#\t TYPE \t m \t gauge\nm 1\n',
    canonical: '# TYPE m gauge\nm 1\n',
  },
  { what: 'TYPE without a name', body: '# TYPE\n# TYPE \nm 1\n', canonical: `${M}m 1\n` },
  { what: 'TYPE without a type', body: '# TYPE m\nm 1\n', canonical: `${M}m 1\n` },
  { what: 'TYPE with only a blank for a type', body: '# TYPE m \nm 1\n', canonical: `${M}m 1\n` },
  {
    what: 'a TYPE that follows one without a type',
    body: '# TYPE m \n# TYPE m gauge\nm 1\n',
    canonical: '# TYPE m gauge\nm 1\n',
  },
  {
    what: 'a family without samples, which is left out',
    body: '# TYPE m gauge\n# HELP m x\n',
    canonical: '',
  },
  {
    what: 'a total without TYPE, whose type is not guessed',
    body: 'm_total 1\n',
    canonical: '# TYPE m_total untyped\nm_total 1\n',
  },
  // HELP
  { what: 'a HELP', body: '# HELP m some text\nm 1\n', canonical: `# HELP m some text\n${M}m 1\n` },
  {
    what: 'a HELP behind TYPE',
    body: '# TYPE m gauge\n# HELP m x\nm 1\n',
    canonical: '# HELP m x\n# TYPE m gauge\nm 1\n',
  },
  { what: 'a HELP behind samples', body: 'm 1\n# HELP m x\n', canonical: `# HELP m x\n${M}m 1\n` },
  {
    what: 'an empty HELP, which counts as none',
    body: '# HELP m \n# HELP m\nm 1\n',
    canonical: `${M}m 1\n`,
  },
  {
    what: 'a HELP behind an empty one',
    body: '# HELP m \n# HELP m x\nm 1\n',
    canonical: `# HELP m x\n${M}m 1\n`,
  },
  {
    what: 'escapes in HELP',
    body: '# HELP m a\\\\b\\nc\\"d\nm 1\n',
    canonical: `# HELP m a\\\\b\\nc"d\n${M}m 1\n`,
  },
  { what: 'quotes in HELP', body: '# HELP m "x" y\nm 1\n', canonical: `# HELP m "x" y\n${M}m 1\n` },
  {
    what: 'blanks before HELP, which are dropped',
    body: '# HELP m  \t x\nm 1\n',
    canonical: `# HELP m x\n${M}m 1\n`,
  },
  {
    what: 'blanks behind HELP, which are kept',
    body: '# HELP m x \t\nm 1\n',
    canonical: `# HELP m x \t\n${M}m 1\n`,
  },
  {
    what: 'a carriage return in HELP, which is kept',
    body: '# HELP m x\r\nm 1\n',
    canonical: `# HELP m x\r\n${M}m 1\n`,
  },
  {
    what: 'UTF-8 in HELP',
    body: '# HELP m é 日本 🚀\nm 1\n',
    canonical: `# HELP m é 日本 🚀\n${M}m 1\n`,
  },
  {
    what: 'HELP alone, which makes an untyped family',
    body: '# HELP m x\nm 1\n',
    canonical: `# HELP m x\n${M}m 1\n`,
  },
  // Names
  { what: 'a colon in a name', body: ':a:b 1\n', canonical: '# TYPE :a:b untyped\n:a:b 1\n' },
  { what: 'an underscore for a name', body: '_ 1\n', canonical: '# TYPE _ untyped\n_ 1\n' },
  {
    what: 'a name that begins with a keyword',
    body: 'HELP 1\n',
    canonical: '# TYPE HELP untyped\nHELP 1\n',
  },
  {
    what: 'a long name',
    body: `${'a'.repeat(5000)} 1\n`,
    canonical: `# TYPE ${'a'.repeat(5000)} untyped\n${'a'.repeat(5000)} 1\n`,
  },
  {
    what: 'a name that begins like the one before',
    body: 'm 1\nmm 2\nm 3\nm_ 4\n',
    canonical: `${M}m 1\nm 3\n# TYPE mm untyped\nmm 2\n# TYPE m_ untyped\nm_ 4\n`,
  },
  {
    what: 'names that take turns',
    body: 'a 1\nb 2\na{x="1"} 3\n',
    canonical: '# TYPE a untyped\na 1\na{x="1"} 3\n# TYPE b untyped\nb 2\n',
  },
  {
    what: 'families in the order in which they are first named',
    body: '# HELP b x\na 1\nb 2\n',
    canonical: '# HELP b x\n# TYPE b untyped\nb 2\n# TYPE a untyped\na 1\n',
  },
  // Labels
  { what: 'empty braces', body: 'm{} 1\nm{ } 2\n', canonical: `${M}m 1\nm 2\n` },
  {
    what: 'labels in the order they were written in',
    body: 'm{b="2",a="1"} 1\n',
    canonical: `${M}m{b="2",a="1"} 1\n`,
  },
  {
    what: 'a comma behind the last label',
    body: 'm{a="1",} 1\nm{a="1" , } 2\n',
    canonical: `${M}m{a="1"} 1\nm{a="1"} 2\n`,
  },
  {
    what: 'blanks and tabs around labels',
    body: 'm { a\t=\t"1" ,\tb = "2" }\t1\n',
    canonical: `${M}m{a="1",b="2"} 1\n`,
  },
  { what: 'an empty label value', body: 'm{a=""} 1\n', canonical: `${M}m{a=""} 1\n` },
  {
    what: 'the three escapes of label values',
    body: 'm{a="q\\"q",b="b\\\\b",c="n\\nn"} 1\n',
    canonical: `${M}m{a="q\\"q",b="b\\\\b",c="n\\nn"} 1\n`,
  },
  {
    what: 'an escaped backslash before an n',
    body: 'm{a="\\\\n"} 1\n',
    canonical: `${M}m{a="\\\\n"} 1\n`,
  },
  {
    what: 'braces, commas and hashes in a value',
    body: 'm{a="}, {#="} 1\n',
    canonical: `${M}m{a="}, {#="} 1\n`,
  },
  {
    what: 'tabs, carriage returns and NULs in a value',
    body: 'm{a="\t\r\u0000"} 1\n',
    canonical: `${M}m{a="\t\r\u0000"} 1\n`,
  },
  { what: 'UTF-8 in a value', body: 'm{a="日本語 🚀"} 1\n', canonical: `${M}m{a="日本語 🚀"} 1\n` },
  {
    what: 'a reserved label name, which is for later checks to refuse',
    body: 'm{__x="1"} 1\n',
    canonical: `${M}m{__x="1"} 1\n`,
  },
  {
    what: 'the same labels twice, which is for later checks to refuse',
    body: 'm{a="1"} 1\nm{a="1"} 2\n',
    canonical: `${M}m{a="1"} 1\nm{a="1"} 2\n`,
  },
  {
    what: 'le and quantile as plain labels of a gauge',
    body: '# TYPE g gauge\ng{le="x"} 1\ng{quantile="y"} 2\n',
    canonical: '# TYPE g gauge\ng{le="x"} 1\ng{quantile="y"} 2\n',
  },
  // Values
  {
    what: 'NaN and the infinities in any case',
    body: 'm nan\nm INF\nm -infinity\nm +Inf\n',
    canonical: `${M}m NaN\nm +Inf\nm -Inf\nm +Inf\n`,
  },
  {
    what: 'numbers that lack digits on one side',
    body: 'm .5\nm 5.\nm +3\n',
    canonical: `${M}m 0.5\nm 5\nm 3\n`,
  },
  { what: 'a value too small for a double', body: 'm 1e-400\n', canonical: `${M}m 0\n` },
  {
    what: 'large values, written with an exponent',
    body: 'm 1000000\nm 123456789\nm 999999\n',
    canonical: `${M}m 1e+06\nm 1.23456789e+08\nm 999999\n`,
  },
  {
    what: 'a negative counter',
    body: '# TYPE m counter\nm -1\n',
    canonical: '# TYPE m counter\nm -1\n',
  },
  // Timestamps are read here; a gateway refuses them later
  { what: 'a timestamp', body: 'm 1 1700000000000\n', canonical: `${M}m 1\n` },
  {
    what: 'timestamps with signs and tabs',
    body: 'm 1 -5\nm{} 1\t +7\n',
    canonical: `${M}m 1\nm 1\n`,
  },
  { what: 'the largest timestamp', body: 'm 1 9223372036854775807\n', canonical: `${M}m 1\n` },
  { what: 'the least timestamp', body: 'm 1 -9223372036854775808\n', canonical: `${M}m 1\n` },
  // Summaries
  {
    what: 'a summary, its parts in any order',
    body: '# TYPE s summary\ns_count 3\ns{quantile="0.9"} 2\ns_sum 4.5\ns{quantile="0.5"} 1\n',
    canonical: '# TYPE s summary\ns{quantile="0.9"} 2\ns{quantile="0.5"} 1\ns_sum 4.5\ns_count 3\n',
  },
  {
    what: 'a summary with nothing but a count',
    body: '# TYPE s summary\ns_count 3\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 3\n',
  },
  {
    what: 'a summary without a quantile on its line, whose value is lost',
    body: '# TYPE s summary\ns 7\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 0\n',
  },
  {
    what: 'a summary with a line without a quantile behind one with it',
    body: '# TYPE s summary\ns{quantile="0.5"} 1\ns 2\ns{a="1"} 3\n',
    canonical:
      '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 0\ns_count 0\ns_sum{a="1"} 0\ns_count{a="1"} 0\n',
  },
  {
    what: 'a quantile of NaN, which is dropped',
    body: '# TYPE s summary\ns{quantile="NaN"} 7\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 0\n',
  },
  {
    what: 'a quantile beside other labels, which is taken out of them',
    body: '# TYPE s summary\ns{a="1",quantile="0.5",b="2"} 7\ns_sum{b="2",a="1"} 8\n',
    canonical:
      '# TYPE s summary\ns{a="1",b="2",quantile="0.5"} 7\ns_sum{a="1",b="2"} 8\ns_count{a="1",b="2"} 0\n',
  },
  {
    what: 'a repeated quantile',
    body: '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.5"} 2\n',
    canonical: '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.5"} 2\ns_sum 0\ns_count 0\n',
  },
  {
    what: 'quantiles in other spellings',
    body: '# TYPE s summary\ns{quantile="5e-1"} 1\ns{quantile="+Inf"} 2\n',
    canonical: '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="+Inf"} 2\ns_sum 0\ns_count 0\n',
  },
  {
    what: 'a fraction as the count of a summary, which is cut off',
    body: '# TYPE s summary\ns_count 2.9\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 2\n',
  },
  {
    what: 'a negative count of a summary, which wraps around',
    body: '# TYPE s summary\ns_count -1\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 1.8446744073709552e+19\n',
  },
  {
    what: 'a count of a summary that no integer holds',
    body: '# TYPE s summary\ns_count 1e20\n',
    canonical: '# TYPE s summary\ns_sum 0\ns_count 9.223372036854776e+18\n',
  },
  {
    what: 'le as a plain label of a summary',
    body: '# TYPE s summary\ns_sum{le="x"} 1\n',
    canonical: '# TYPE s summary\ns_sum{le="x"} 1\ns_count{le="x"} 0\n',
  },
  {
    what: 'a _bucket beside a summary, as a family of its own',
    body: '# TYPE s summary\ns_bucket{le="1"} 1\ns_sum 2\n',
    canonical:
      '# TYPE s summary\ns_sum 2\ns_count 0\n# TYPE s_bucket untyped\ns_bucket{le="1"} 1\n',
  },
  // Histograms
  {
    what: 'a histogram, its parts in any order',
    body: '# TYPE h histogram\nh_sum 4.5\nh_bucket{le="+Inf"} 3\nh_bucket{le="1"} 2\nh_count 3\n',
    canonical:
      '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_bucket{le="1"} 2\nh_sum 4.5\nh_count 3\n',
  },
  {
    what: 'a histogram without +Inf, as pushed',
    body: '# TYPE h histogram\nh_bucket{le="1"} 2\nh_count 3\n',
    canonical: '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 0\nh_count 3\n',
  },
  {
    what: 'a histogram without le on its line, whose value is lost',
    body: '# TYPE h histogram\nh_bucket 7\nh 8\n',
    canonical: '# TYPE h histogram\nh_sum 0\nh_count 0\n',
  },
  {
    what: 'a histogram with a line without le behind one with it',
    body: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket 2\nh_bucket{a="1"} 3\nh 4\n',
    canonical:
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 0\nh_count 0\nh_sum{a="1"} 0\nh_count{a="1"} 0\n',
  },
  {
    what: 'bounds in other spellings',
    body: '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="0.50"} 0\nh_bucket{le="1e6"} 2\nh_bucket{le="inf"} 3\n',
    canonical:
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="0.5"} 0\nh_bucket{le="1e+06"} 2\nh_bucket{le="+Inf"} 3\nh_sum 0\nh_count 0\n',
  },
  {
    what: 'fractions as counts of a histogram',
    body: '# TYPE h histogram\nh_bucket{le="1"} 0.5\nh_count 2.5\n',
    canonical: '# TYPE h histogram\nh_bucket{le="1"} 0.5\nh_sum 0\nh_count 2.5\n',
  },
  {
    what: 'a repeated count, of which the last stays',
    body: '# TYPE h histogram\nh_count 1\nh_sum 2\nh_count 3\nh_sum 4\n',
    canonical: '# TYPE h histogram\nh_sum 4\nh_count 3\n',
  },
  {
    what: 'metrics of a histogram that take turns',
    body: '# TYPE h histogram\nh_count{a="1"} 1\nh_count{a="2"} 2\nh_sum{a="1"} 3\nh_sum{a="2"} 4\n',
    canonical:
      '# TYPE h histogram\nh_sum{a="1"} 3\nh_count{a="1"} 1\nh_sum{a="2"} 4\nh_count{a="2"} 2\n',
  },
  {
    what: 'labels of a histogram in another order',
    body: '# TYPE h histogram\nh_count{a="1",b="2"} 1\nh_sum{b="2",a="1"} 3\n',
    canonical: '# TYPE h histogram\nh_sum{a="1",b="2"} 3\nh_count{a="1",b="2"} 1\n',
  },
  {
    what: 'an absent label of a histogram, which is not an empty one',
    body: '# TYPE h histogram\nh_count 1\nh_count{a=""} 2\n',
    canonical: '# TYPE h histogram\nh_sum 0\nh_count 1\nh_sum{a=""} 0\nh_count{a=""} 2\n',
  },
  {
    what: 'parts of a histogram without TYPE, as families of their own',
    body: 'h_bucket{le="1"} 1\nh_sum 2\nh_count 3\n',
    canonical:
      '# TYPE h_bucket untyped\nh_bucket{le="1"} 1\n# TYPE h_sum untyped\nh_sum 2\n# TYPE h_count untyped\nh_count 3\n',
  },
  {
    what: 'parts before TYPE, which stay families of their own',
    body: 'h_count 3\n# TYPE h histogram\nh_count 4\nh_sum 5\n',
    canonical:
      '# TYPE h_count untyped\nh_count 3\nh_count 4\n# TYPE h histogram\nh_sum 5\nh_count 0\n',
  },
  {
    what: 'HELP of a part, which is HELP of its histogram',
    body: '# TYPE h histogram\n# HELP h_count x\nh_count 1\n',
    canonical: '# HELP h x\n# TYPE h histogram\nh_sum 0\nh_count 1\n',
  },
  {
    what: 'a part of a part',
    body: '# TYPE h_sum histogram\nh_sum_count 1\n',
    canonical: '# TYPE h_sum histogram\nh_sum_sum 0\nh_sum_count 1\n',
  },
  {
    what: 'a suffix without a name',
    body: '_count 1\n_sum 2\n',
    canonical: '# TYPE _count untyped\n_count 1\n# TYPE _sum untyped\n_sum 2\n',
  },
  {
    what: 'a _count beside a gauge',
    body: '# TYPE g gauge\ng 1\ng_count 2\n',
    canonical: '# TYPE g gauge\ng 1\n# TYPE g_count untyped\ng_count 2\n',
  },
  // Quoted names that need no quotes
  {
    what: 'a quoted legacy name',
    body: '{"m"} 1\n{"m",} 2\n{"m",a="1"} 3\n',
    canonical: `${M}m 1\nm 2\nm{a="1"} 3\n`,
  },
  {
    what: 'a bare name in braces',
    body: '{m} 1\n{ m , a = "1" } 2\n',
    canonical: `${M}m 1\nm{a="1"} 2\n`,
  },
  {
    what: 'a quoted name before braces',
    body: '"m" 1\n"m"{a="1"} 2\n',
    canonical: `${M}m 1\nm{a="1"} 2\n`,
  },
  { what: 'a quoted label name', body: 'm{"a"="1"} 1\n', canonical: `${M}m{a="1"} 1\n` },
  {
    what: 'a quoted name in TYPE',
    body: '# TYPE "m" gauge\nm 1\n',
    canonical: '# TYPE m gauge\nm 1\n',
  },
  {
    what: 'a part of a histogram in braces',
    body: '# TYPE h histogram\n{"h_bucket",le="1"} 2\n{"h_count"} 3\n',
    canonical: '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 0\nh_count 3\n',
  },
  // Names that need quotes
  {
    what: 'a name with a dot',
    utf8Names: true,
    body: '{"a.b"} 1\n',
    canonical: '# TYPE "a.b" untyped\n{"a.b"} 1\n',
  },
  {
    what: 'a name with a dot and labels',
    utf8Names: true,
    body: '{"a.b",c="1","d.e"="2"} 1\n',
    canonical: '# TYPE "a.b" untyped\n{"a.b",c="1","d.e"="2"} 1\n',
  },
  {
    what: 'a name with a dot before braces',
    utf8Names: true,
    body: '"a.b"{c="1"} 1\n',
    canonical: '# TYPE "a.b" untyped\n{"a.b",c="1"} 1\n',
  },
  {
    what: 'any Unicode for a name',
    utf8Names: true,
    body: '{"日本 🚀"} 1\n',
    canonical: '# TYPE "日本 🚀" untyped\n{"日本 🚀"} 1\n',
  },
  {
    what: 'metadata of a name with a dot',
    utf8Names: true,
    body: '# HELP "a.b" x\n# TYPE "a.b" gauge\n{"a.b"} 1\n',
    canonical: '# HELP "a.b" x\n# TYPE "a.b" gauge\n{"a.b"} 1\n',
  },
  {
    what: 'a histogram with a dot',
    utf8Names: true,
    body: '# TYPE "a.b" histogram\n{"a.b_bucket",le="1"} 1\n{"a.b_count"} 2\n',
    canonical: '# TYPE "a.b" histogram\n{"a.b_bucket",le="1"} 1\n{"a.b_sum"} 0\n{"a.b_count"} 2\n',
  },
  {
    what: 'a line feed and a backslash in a name',
    utf8Names: true,
    body: '{"a\\nb\\\\c"} 1\n',
    canonical: '# TYPE "a\\nb\\\\c" untyped\n{"a\\nb\\\\c"} 1\n',
  },
  {
    what: 'a quote in a name',
    utf8Names: true,
    body: '{"a\\"b"} 1\n',
    canonical: '# TYPE "a\\"b" untyped\n{"a\\"b"} 1\n',
  },
  {
    what: 'a quote in a label name',
    utf8Names: true,
    body: 'm{"a\\"b"="1"} 1\n',
    canonical: `${M}m{"a\\"b"="1"} 1\n`,
  },
]

export const REFUSED: readonly RefusedCase[] = [
  // Lines
  { what: 'a sample without a line feed', body: 'm 1', line: 1, says: 'unexpected end of input' },
  {
    what: 'a comment without a line feed',
    body: 'm 1\n# x',
    line: 2,
    says: 'unexpected end of input',
  },
  {
    what: 'TYPE without a line feed',
    body: '# TYPE m gauge',
    line: 1,
    says: 'unexpected end of input',
  },
  { what: 'a hash without a line feed', body: 'm 1\n#', line: 2, says: 'unexpected end of input' },
  { what: 'a carriage return behind a value', body: 'm 1\r\n', line: 1, says: 'must end with LF' },
  {
    what: 'a carriage return behind a timestamp',
    body: 'm 1 5\r\n',
    line: 1,
    says: 'must end with LF',
  },
  {
    what: 'a carriage return behind a type',
    body: '# TYPE m gauge\r\nm 1\n',
    line: 1,
    says: 'must end with LF',
  },
  {
    what: 'carriage returns for line feeds',
    body: 'm 1\rm 2\r',
    line: 1,
    says: 'expected float as value',
  },
  {
    what: 'a carriage return for an empty line',
    body: 'm 1\n\r\nm 2\n',
    line: 2,
    says: 'invalid metric name',
  },
  {
    what: 'a blank behind a value',
    body: 'm 1 \n',
    line: 1,
    says: 'expected integer as timestamp',
  },
  { what: 'a tab behind a value', body: 'm 1\t\n', line: 1, says: 'expected integer as timestamp' },
  {
    what: 'a blank behind a type',
    body: '# TYPE m gauge \nm 1\n',
    line: 1,
    says: 'unknown metric type "gauge "',
  },
  { what: 'a vertical tab for a blank', body: 'm\u000b1\n', line: 1, says: 'expected float' },
  { what: 'a no-break space for a blank', body: 'm\u00a01\n', line: 1, says: 'expected float' },
  { what: 'a byte order mark', body: '\ufeffm 1\n', line: 1, says: 'invalid metric name' },
  { what: 'JSON', body: '[1]\n', line: 1, says: 'invalid metric name' },
  { what: 'prose', body: 'hello world\n', line: 1, says: 'expected float as value, got "world"' },
  {
    what: 'an error behind many good lines',
    body: `${'m 1\n'.repeat(999)}1m 1\n`,
    line: 1000,
    says: 'invalid metric name',
  },
  // TYPE and HELP
  {
    what: 'an unknown type',
    body: '# TYPE m gauges\n',
    line: 1,
    says: 'unknown metric type "gauges"',
  },
  {
    what: 'the type unknown',
    body: '# TYPE m unknown\n',
    line: 1,
    says: 'unknown metric type "unknown"',
  },
  { what: 'the type info', body: '# TYPE m info\n', line: 1, says: 'unknown metric type "info"' },
  {
    what: 'the type stateset',
    body: '# TYPE m stateset\n',
    line: 1,
    says: 'unknown metric type "stateset"',
  },
  { what: 'two types', body: '# TYPE m gauge counter\n', line: 1, says: 'unknown metric type' },
  {
    what: 'a second TYPE',
    body: '# TYPE m gauge\n# TYPE m gauge\n',
    line: 2,
    says: 'second TYPE line for metric name "m"',
  },
  {
    what: 'TYPE behind samples',
    body: 'm 1\n# TYPE m untyped\n',
    line: 2,
    says: 'TYPE reported after samples',
  },
  {
    what: 'TYPE of a part of a histogram',
    body: '# TYPE h histogram\n# TYPE h_sum gauge\n',
    line: 2,
    says: 'second TYPE line for metric name "h"',
  },
  {
    what: 'a second HELP',
    body: '# HELP m x\n# HELP m x\n',
    line: 2,
    says: 'second HELP line for metric name "m"',
  },
  {
    what: 'an unknown escape in HELP',
    body: '# HELP m a\\tb\n',
    line: 1,
    says: "invalid escape sequence '\\t'",
  },
  {
    what: 'a backslash at the end of HELP',
    body: '# HELP m a\\\nm 1\n',
    line: 1,
    says: 'invalid escape sequence',
  },
  {
    what: 'TYPE of a bad name',
    body: '# TYPE 1m gauge\n',
    line: 1,
    says: 'invalid metric name in comment',
  },
  {
    what: 'HELP of a bad name',
    body: 'm 1\n# HELP m-n x\n',
    line: 2,
    says: 'invalid metric name in comment',
  },
  {
    what: 'a carriage return behind the name in TYPE',
    body: '# TYPE m\r\n',
    line: 1,
    says: 'invalid metric name in comment',
  },
  {
    what: 'braces in TYPE',
    body: '# TYPE {m} gauge\n',
    line: 1,
    says: 'invalid metric name in comment',
  },
  // Names
  { what: 'a name that begins with a digit', body: '1m 1\n', line: 1, says: 'invalid metric name' },
  { what: 'a dot in a name', body: 'a.b 1\n', line: 1, says: 'expected float as value, got ".b"' },
  { what: 'a letter beyond ASCII in a name', body: 'mé 1\n', line: 1, says: 'expected float' },
  { what: 'a NUL in a name', body: 'm\u0000 1\n', line: 1, says: 'expected float' },
  { what: 'a label for a name', body: '{a="1"} 1\n', line: 1, says: 'metric name' },
  { what: 'a bare name with a colon in braces', body: '{a:b} 1\n', line: 1, says: 'metric name' },
  { what: 'a comma for a name', body: '{,a="1"} 1\n', line: 1, says: 'metric name' },
  { what: 'an empty quoted name', body: '{""} 1\n', line: 1, says: 'metric name' },
  {
    what: 'an empty quoted name before braces',
    body: '"" 1\n',
    line: 1,
    says: 'invalid metric name',
  },
  {
    what: 'a quoted name that is not closed',
    body: '{"m} 1\n',
    line: 1,
    says: 'unescaped new-line',
  },
  {
    what: 'a quoted name that ends with the body',
    body: '{"m',
    line: 1,
    says: 'unexpected end of input',
  },
  {
    what: 'an unknown escape in a quoted name',
    body: '{"m\\t"} 1\n',
    line: 1,
    says: 'invalid escape sequence',
    utf8Names: true,
  },
  {
    what: 'a quoted name with a dot, which needs the flag',
    body: '{"a.b"} 1\n',
    line: 1,
    says: '--push.enable-utf8-names',
  },
  {
    what: 'TYPE of a name with a dot, which needs the flag',
    body: '# TYPE "a.b" gauge\n',
    line: 1,
    says: '--push.enable-utf8-names',
  },
  {
    what: 'a bare name with a dot in spite of the flag',
    body: 'a.b 1\n',
    line: 1,
    says: 'expected float',
    utf8Names: true,
  },
  {
    what: 'a name that is not UTF-8',
    body: Buffer.from('{"\xff"} 1\n', 'latin1'),
    line: 1,
    says: 'not valid UTF-8',
    utf8Names: true,
  },
  // Labels
  { what: 'a comma alone', body: 'm{,} 1\n', line: 1, says: 'invalid label name for metric "m"' },
  { what: 'two commas', body: 'm{a="1",,b="2"} 1\n', line: 1, says: 'invalid label name' },
  {
    what: 'no comma',
    body: 'm{a="1" b="2"} 1\n',
    line: 1,
    says: 'unexpected end of label value "1"',
  },
  { what: 'no quotes', body: 'm{a=1} 1\n', line: 1, says: "expected '\"' at start of" },
  { what: 'single quotes', body: "m{a='1'} 1\n", line: 1, says: "expected '\"' at start of" },
  { what: 'no equals sign', body: 'm{a"1"} 1\n', line: 1, says: "expected '=' after label name" },
  { what: 'no value', body: 'm{a=} 1\n', line: 1, says: "expected '\"' at start of" },
  { what: 'a name alone', body: 'm{a} 1\n', line: 1, says: "expected '=' after label name" },
  {
    what: 'a colon in a label name',
    body: 'm{a:b="1"} 1\n',
    line: 1,
    says: "expected '=' after label name",
  },
  {
    what: 'a label name that begins with a digit',
    body: 'm{1a="1"} 1\n',
    line: 1,
    says: 'invalid label name',
  },
  {
    what: 'an empty quoted label name',
    body: 'm{""="1"} 1\n',
    line: 1,
    says: 'invalid label name',
    utf8Names: true,
  },
  {
    what: 'a quoted label name with a dot, which needs the flag',
    body: 'm{"a.b"="1"} 1\n',
    line: 1,
    says: '--push.enable-utf8-names',
  },
  {
    what: 'a label value that is not closed',
    body: 'm{a="1} 1\n',
    line: 1,
    says: 'label value "1} 1" contains unescaped new-line',
  },
  {
    what: 'a label value that ends with the body',
    body: 'm{a="1',
    line: 1,
    says: 'unexpected end of input',
  },
  {
    what: 'a label value that ends with a backslash and the body',
    body: 'm{a="1\\',
    line: 1,
    says: 'unexpected end of input',
  },
  {
    what: 'braces that are not closed',
    body: 'm{a="1" 1\n',
    line: 1,
    says: 'unexpected end of label value',
  },
  { what: 'braces that end with the line', body: 'm{\n', line: 1, says: 'invalid label name' },
  { what: 'braces that end with the body', body: 'm{', line: 1, says: 'unexpected end of input' },
  { what: 'braces twice', body: 'm{}{} 1\n', line: 1, says: 'expected float as value, got "{}"' },
  {
    what: 'an unknown escape in a label value',
    body: 'm{a="x\\ty"} 1\n',
    line: 1,
    says: "invalid escape sequence '\\t'",
  },
  {
    what: 'a duplicate label name',
    body: 'm{a="1",b="2",a="1"} 1\n',
    line: 1,
    says: 'duplicate label name',
  },
  {
    what: 'a duplicate label name, once in quotes',
    body: 'm{a="1","a"="2"} 1\n',
    line: 1,
    says: 'duplicate label name',
  },
  {
    what: 'the label __name__',
    body: 'm{__name__="x"} 1\n',
    line: 1,
    says: '"__name__" is reserved',
  },
  {
    what: 'the label __name__ in quotes',
    body: '{"m","__name__"="x"} 1\n',
    line: 1,
    says: '"__name__" is reserved',
  },
  {
    what: 'a label value that is not UTF-8',
    body: Buffer.from('m 1\nm{a="\xff"} 1\n', 'latin1'),
    line: 2,
    says: 'not valid UTF-8',
  },
  {
    what: 'a label value that breaks off within a character',
    body: Buffer.from('m{a="\xe2\x82"} 1\n', 'latin1'),
    line: 1,
    says: 'not valid UTF-8',
  },
  {
    what: 'a label value with half of a surrogate pair',
    body: Buffer.from('m{a="\xed\xa0\x80"} 1\n', 'latin1'),
    line: 1,
    says: 'not valid UTF-8',
  },
  // Values and timestamps
  {
    what: 'no value for the sample',
    body: 'm\n',
    line: 1,
    says: 'expected float as value, got ""',
  },
  {
    what: 'no value behind labels',
    body: 'm{a="1"}\n',
    line: 1,
    says: 'expected float as value, got ""',
  },
  { what: 'a signed NaN', body: 'm +NaN\n', line: 1, says: 'expected float as value, got "+NaN"' },
  { what: 'a hexadecimal value', body: 'm 0x10\n', line: 1, says: 'expected float' },
  { what: 'a value with underscores', body: 'm 1_000\n', line: 1, says: 'expected float' },
  { what: 'a value too large for a double', body: 'm 1e400\n', line: 1, says: 'expected float' },
  { what: 'a value in quotes', body: 'm "1"\n', line: 1, says: 'expected float' },
  {
    what: 'a timestamp with a fraction',
    body: 'm 1 2.5\n',
    line: 1,
    says: 'expected integer as timestamp, got "2.5"',
  },
  {
    what: 'a timestamp too large',
    body: 'm 1 9223372036854775808\n',
    line: 1,
    says: 'expected integer as timestamp',
  },
  {
    what: 'a timestamp too small',
    body: 'm 1 -9223372036854775809\n',
    line: 1,
    says: 'expected integer as timestamp',
  },
  {
    what: 'two samples on a line',
    body: 'm 1 m 2\n',
    line: 1,
    says: 'expected integer as timestamp, got "m"',
  },
  {
    what: 'something behind the timestamp',
    body: 'm 1 2 3\n',
    line: 1,
    says: 'spurious string after timestamp',
  },
  {
    what: 'a blank behind the timestamp',
    body: 'm 1 2 \n',
    line: 1,
    says: 'spurious string after timestamp',
  },
  {
    what: 'an exemplar of OpenMetrics',
    body: 'm 1 # {a="1"} 2\n',
    line: 1,
    says: 'expected integer as timestamp, got "#"',
  },
  // Summaries and histograms
  {
    what: 'a quantile that is no number',
    body: '# TYPE s summary\ns{quantile="x"} 1\n',
    line: 2,
    says: "expected float as value for 'quantile' label",
  },
  {
    what: 'a bound that is no number',
    body: '# TYPE h histogram\nh_bucket{le="many"} 1\n',
    line: 2,
    says: "expected float as value for 'le' label",
  },
  {
    what: 'a negative count of a histogram',
    body: '# TYPE h histogram\nh_count -1\n',
    line: 2,
    says: 'negative count for histogram "h"',
  },
  {
    what: 'a negative bucket',
    body: '# TYPE h histogram\nh_bucket{le="1"} -1\n',
    line: 2,
    says: 'negative bucket population for histogram "h"',
  },
]
