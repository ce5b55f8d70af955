/** What the formats give a meaning, for mutations to insert. */

function tokens(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text))
}

export const TEXT_TOKENS: readonly Buffer[] = [
  ...tokens('# HELP ', '# TYPE ', '# ', '#', '\n', '\r\n', ' ', '\t', '{', '}', ',', '=', '"'),
  ...tokens('\\', '\\n', '\\"', '\\\\', '\\x', 'm', 'm 1\n', 'm{', '{"m"', '{"m",a="b"} 1\n'),
  ...tokens('counter\n', 'gauge\n', 'untyped\n', 'summary\n', 'histogram\n', 'gaugehistogram\n'),
  ...tokens('_sum', '_count', '_bucket', '_total', 'le="', 'quantile="', '="', '",', '"} 1\n'),
  ...tokens('job="', 'instance="', '__name__="', '__a="', 'push_time_seconds', 'go_info'),
  ...tokens('é', '🚀', '\ufeff', '\u0000', '\u2028'),
  ...['ff', 'c3', 'eda080', 'f4908080', 'c080'].map((hex) => Buffer.from(hex, 'hex')),
]

export const OPENMETRICS_TOKENS: readonly Buffer[] = [
  ...TEXT_TOKENS,
  ...tokens('# UNIT ', '# EOF\n', '# EOF', ' # {', ' # {} 1', ' # {a="b"} 1 2\n', 'unknown\n'),
  ...tokens('info\n', 'stateset\n', '_created', '_gsum', '_gcount', '_info', ' 1.5\n'),
]

/** Tags of fields in the wire types they should have, and others. */
export const PROTOBUF_TOKENS: readonly Buffer[] = [
  ...Array.from({ length: 17 }, (_, i) => Buffer.from([((i + 1) << 3) & 0xff, i > 14 ? 1 : 0])),
  ...['0a00', '0a01', '1200', '2200', '1801', '1805', '180f', '3000', '3a00', '3a02', '1a00'],
  ...['21', '29', '31', '39', '41', '4a00', '5000', '6200', '6a00', '7000', '7a00', '820100'],
  ...['0b0c', '0f', '04', '00', '2a0409000000', '0a016d', '0a0474657374', '12016d'],
].map((token) => (typeof token === 'string' ? Buffer.from(token, 'hex') : token))

export const SNAPPY_TOKENS: readonly Buffer[] = [
  ...['ff060000734e61507059', '00', '01', 'fe000000', '80010000', '00080000', '01040000', '02'],
  ...['f000', 'f40000', 'f8000000', 'fc00000000', '0101', '0d01', '020100', '0301000000', 'feff'],
].map((hex) => Buffer.from(hex, 'hex'))

export const PATH_TOKENS: readonly Buffer[] = tokens(
  ...['job', '/', '//', '@base64', '@base64/', '=', '==', '%', '%2F', '%2f', '%40', '%00', '%ff'],
  ...['%C3%A9', '%zz', '.', '..', '/../', 'U__', 'U__a_2e_b', '_', '__', '_1F600_', '_d800_'],
  ...['+', '-', 'YWJj', 'w6k', '_w', 'instance', 'a/b', 'job/', 'job@base64/', '\r', '\n', 'é'],
)

export const HEADER_TOKENS: readonly Buffer[] = tokens(
  ...['text/plain', 'application/openmetrics-text', 'application/vnd.google.protobuf', '*/*'],
  ...['; ', ';', ',', '=', '"', '\\', '\\"', 'q=0.5', 'q=', 'q=nan', 'version=1.0.0', 'text/*'],
  ...['version=0.0.4', 'escaping=allow-utf-8', 'escaping=dots', 'encoding=delimited', ' ', '\t'],
  ...['proto=io.prometheus.client.MetricFamily', 'charset=utf-8', '/', 'gzip', 'x-gzip', '*', '('],
)

export const WEB_CONFIG_TOKENS: readonly Buffer[] = tokens(
  ...['tls_server_config:\n', 'http_server_config:\n', 'basic_auth_users:\n', 'rate_limit:\n'],
  ...['  cert_file: a\n', '  key_file: b\n', '  client_ca: c\n', '  min_version: TLS13\n'],
  ...[
    '  headers:\n',
    '    X-Frame-Options: deny\n',
    '  interval: 1s\n',
    '  burst: 1\n',
    ': ',
    '- ',
  ],
  ...['&a ', '*a', '<<: *a\n', '!!str ', '!!binary ', '!!set ', '!!omap ', '? ', '|\n', '>-\n'],
  ...['---\n', '...\n', '%YAML 1.2\n', '%TAG ! x\n', '[', ']', '{', '}', '"', "'", '#', '\t', '\n'],
  ...['yes', 'null', '~', '0x1f', '0o7', '1e999', '.inf', '2001-01-01', '190:20:30', '__proto__: '],
  ...['constructor: ', 'toString: x\n', '  http2: true\n', '\u2028', '\ufeff', 'u: $2a$10$'],
)
