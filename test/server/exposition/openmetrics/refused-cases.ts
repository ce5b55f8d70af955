/**
 * What is refused as OpenMetrics, one rule a row; parse.test.ts runs them. What the text format has in common with
 * it stands in the text format's cases.
 */

export interface RefusedCase {
  readonly what: string
  readonly body: string | Buffer
  readonly line: number
  /** A part of the message that says what is wrong. */
  readonly says: string
  readonly utf8Names?: boolean
}

export const REFUSED: readonly RefusedCase[] = [
  // Lines
  {
    what: '# EOF without a line feed',
    body: 'x 1\n# EOF',
    line: 2,
    says: 'the last line must end with a line feed',
  },
  {
    what: 'an exemplar without a line feed',
    body: 'x 1 # {} 1',
    line: 1,
    says: 'the last line must end with a line feed',
  },
  {
    what: 'a carriage return behind an exemplar',
    body: 'x 1 # {} 1\r\n',
    line: 1,
    says: 'must end with LF, not CRLF',
  },
  {
    what: 'a carriage return behind a timestamp',
    body: 'x 1 5.5\r\n',
    line: 1,
    says: 'must end with LF, not CRLF',
  },
  {
    what: 'a carriage return behind a type',
    body: '# TYPE i info\r\n',
    line: 1,
    says: 'must end with LF, not CRLF',
  },
  // Types
  {
    what: 'a type of no format',
    body: '# TYPE x enum\n',
    line: 1,
    says: 'unknown metric type "enum"',
  },
  {
    what: 'a second TYPE',
    body: '# TYPE c counter\nc_total 1\n# TYPE c counter\n',
    line: 3,
    says: 'second TYPE line for metric family "c"',
  },
  {
    what: 'an info without _info',
    body: '# TYPE i info\ni 1\n',
    line: 2,
    says: 'a sample of info "i" must be called i_info',
  },
  {
    what: 'a family that is stored under the name of another one of another type',
    body: '# TYPE c counter\nc_total 1\n# TYPE c_total gauge\nc_total 2\n',
    line: 4,
    says: 'metric family "c_total" is a gauge here and a counter above',
  },
  {
    what: 'a second HELP',
    body: '# HELP c a\n# TYPE c counter\n# HELP c a\n',
    line: 3,
    says: 'second HELP line for metric family "c"',
  },
  // Timestamps
  {
    what: 'a word for a timestamp',
    body: 'x 1 now\n',
    line: 1,
    says: 'expected a number as timestamp, got "now"',
  },
  {
    what: 'a blank behind a value',
    body: 'x 1 \n',
    line: 1,
    says: 'expected a number as timestamp',
  },
  {
    what: 'something behind a timestamp',
    body: 'x 1 2 3\n',
    line: 1,
    says: 'expected an exemplar, found "3"',
  },
  { what: 'a blank behind a timestamp', body: 'x 1 2 \n', line: 1, says: 'expected an exemplar' },
  // Exemplars
  { what: 'a hash behind a value', body: 'x 1 #\n', line: 1, says: "expected '{' of an exemplar" },
  {
    what: 'an exemplar without labels',
    body: 'x 1 # 1\n',
    line: 1,
    says: `expected '{' of an exemplar, found "1"`,
  },
  {
    what: 'an exemplar whose labels are not closed',
    body: 'x 1 # {a="b" 1\n',
    line: 1,
    says: 'unexpected end of label value "b"',
  },
  {
    what: 'an exemplar whose label value is not closed',
    body: 'x 1 # {a="b} 1\n',
    line: 1,
    says: 'contains unescaped new-line',
  },
  {
    what: 'an exemplar without a value',
    body: 'x 1 # {a="b"}\n',
    line: 1,
    says: 'expected float as value of an exemplar, got ""',
  },
  {
    what: 'an exemplar whose value is a word',
    body: 'x 1 # {a="b"} one\n',
    line: 1,
    says: 'expected float as value of an exemplar, got "one"',
  },
  {
    what: 'an exemplar with a bad timestamp',
    body: 'x 1 # {a="b"} 1 now\n',
    line: 1,
    says: 'expected a timestamp to end the exemplar, got "now"',
  },
  {
    what: 'an exemplar with a timestamp beyond all time',
    body: 'x 1 # {a="b"} 1 1e300\n',
    line: 1,
    says: 'expected a timestamp to end the exemplar, got "1e300"',
  },
  {
    what: 'something behind the timestamp of an exemplar',
    body: 'x 1 # {a="b"} 1 2 3\n',
    line: 1,
    says: 'expected a timestamp to end the exemplar',
  },
  {
    what: 'two exemplars',
    body: 'x 1 # {a="b"} 1 # {a="b"} 1\n',
    line: 1,
    says: 'expected a timestamp to end the exemplar, got "#"',
  },
  {
    what: 'a label twice in an exemplar',
    body: '# TYPE c counter\nc_total 1 # {a="b",a="c"} 1\n',
    line: 2,
    says: 'duplicate label name "a" for metric "the exemplar of c_total"',
  },
  {
    what: 'an unknown escape in an exemplar',
    body: 'x 1 # {a="\\t"} 1\n',
    line: 1,
    says: "invalid escape sequence '\\t'",
  },
  {
    what: 'an exemplar that is not UTF-8',
    body: Buffer.from('x 1 # {a="\xff"} 1\n', 'latin1'),
    line: 1,
    says: 'is not valid UTF-8',
  },
  {
    what: 'a label with a dot in an exemplar, which needs the flag',
    body: 'x 1 # {"a.b"="1"} 1\n',
    line: 1,
    says: '--push.enable-utf8-names',
  },
  // Created
  {
    what: 'a label twice in a created line',
    body: '# TYPE c counter\nc_created{a="b",a="c"} 1\n',
    line: 2,
    says: 'duplicate label name "a"',
  },
]
