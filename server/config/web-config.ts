/**
 * The file of --web.config.file: TLS, HTTP/2, headers, basic authentication and a rate limit, in the format of the
 * Prometheus exporter-toolkit (its docs/web-configuration.md). Unknown keys are refused.
 */
import path from 'node:path'
import { isScalar, parseDocument, visit, type Pair, type YAMLParseError } from 'yaml'
import { z } from 'zod'
import { parseDuration } from './duration.ts'

/** How clients are asked for certificates, as Go's tls.ClientAuthType names it. */
export type ClientAuthType =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert'

/** A text of the file itself, or the path of one to read. */
export type TextSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly file: string }

export interface TlsConfig {
  readonly cert: TextSource
  readonly key: TextSource
  readonly clientCa: TextSource | undefined
  readonly clientAuthType: ClientAuthType
  /** Undefined: any. */
  readonly clientAllowedSans: readonly string[] | undefined
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** OpenSSL's names, for TLS 1.2 and below; none: the usual ones. */
  readonly ciphers: readonly string[]
  readonly prefersServerCiphers: boolean
  /** OpenSSL's names; none: the usual ones. */
  readonly curves: readonly string[]
}

export interface RateLimit {
  /** Between two requests. */
  readonly intervalMs: number
  readonly burst: number
}

export interface WebConfig {
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined
  readonly http2: boolean
  /** Set on every answer. */
  readonly headers: ReadonlyMap<string, string>
  /** Bcrypt hashes by user; none: nobody has to say who they are. */
  readonly users: ReadonlyMap<string, string>
  readonly rateLimit: RateLimit | undefined
}

/** A file that cannot be used. The message names the key, not what is secret. */
export class WebConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WebConfigError'
  }
}

export const TLS_VERSIONS = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const

export type TlsVersion = (typeof TLS_VERSIONS)[keyof typeof TLS_VERSIONS]

/** Go's names for what its crypto/tls offers, and OpenSSL's. Those of TLS 1.3 are always on, as in Go. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: '',
  TLS_AES_256_GCM_SHA384: '',
  TLS_CHACHA20_POLY1305_SHA256: '',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
}

const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
}

/** The headers that may be set, and the values of those that have few. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'Strict-Transport-Security': [],
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': [],
  'Content-Security-Policy': [],
}

// All scalars come as the texts they stand as: a user may be called `no` or `0123`, which YAML would read otherwise.
const NULLS = ['', '~', 'null', 'Null', 'NULL']
const TRUE = ['y', 'yes', 'true', 'on']
const FALSE = ['n', 'no', 'false', 'off']

const text = z.string().transform((value) => (NULLS.includes(value) ? '' : value))

/** As the original's reader takes them, which knows YAML 1.1. */
const boolean = z.string().transform((value, context) => {
  const lower = value.toLowerCase()
  if (TRUE.includes(lower)) return true
  if (FALSE.includes(lower)) return false
  context.addIssue(`${JSON.stringify(value)} must be true or false`)
  return z.NEVER
})

const wholeNumber = z.string().transform((value, context) => {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  context.addIssue(`${JSON.stringify(value)} must be a whole number`)
  return z.NEVER
})

/** A section, or nothing: its key may stand there alone. */
function optional<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(
    (value) => (typeof value === 'string' && NULLS.includes(value) ? undefined : value),
    schema.optional(),
  )
}

const bcryptHash = z
  .string()
  .regex(/^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/, 'must be a bcrypt hash')

function oneOf(values: Readonly<Record<string, string>>) {
  return z.string().transform((name, context) => {
    if (Object.hasOwn(values, name)) return values[name]!
    context.addIssue(`${JSON.stringify(name)} is none of ${Object.keys(values).join(', ')}`)
    return z.NEVER
  })
}

const clientAuthType = z.string().transform((name, context): ClientAuthType => {
  switch (name) {
    case '':
    case 'NoClientCert':
      return 'NoClientCert'
    case 'RequestClientCert':
    case 'RequireAnyClientCert':
    case 'VerifyClientCertIfGiven':
    case 'RequireAndVerifyClientCert':
      return name
    // An older name of it.
    case 'RequireClientCert':
      return 'RequireAnyClientCert'
    default:
      context.addIssue(`${JSON.stringify(name)} is no type of client authentication`)
      return z.NEVER
  }
})

const tlsVersion = oneOf(TLS_VERSIONS).transform((version) => version as TlsVersion)

const interval = z.string().transform((value, context) => {
  // A bare number counts nanoseconds, as in Go.
  const ms = /^\d{1,15}$/.test(value) ? Number(value) / 1e6 : parseDuration(value)
  if (ms !== undefined && ms >= 0) return ms
  context.addIssue(`${JSON.stringify(value)} is no duration such as 1s`)
  return z.NEVER
})

const schema = z.strictObject({
  tls_server_config: optional(
    z.strictObject({
      cert: text.default(''),
      key: text.default(''),
      cert_file: text.default(''),
      key_file: text.default(''),
      client_ca: text.default(''),
      client_ca_file: text.default(''),
      client_auth_type: clientAuthType.optional(),
      client_allowed_sans: optional(z.array(text)),
      min_version: tlsVersion.default('TLSv1.2'),
      max_version: tlsVersion.default('TLSv1.3'),
      cipher_suites: optional(z.array(oneOf(CIPHERS))),
      prefer_server_cipher_suites: boolean.default(true),
      curve_preferences: optional(z.array(oneOf(CURVES))),
    }),
  ),
  http_server_config: optional(
    z.strictObject({
      http2: boolean.default(true),
      headers: optional(z.record(z.string(), text)),
    }),
  ),
  basic_auth_users: optional(z.record(z.string(), bcryptHash)),
  rate_limit: optional(
    z.strictObject({ interval: interval.default(0), burst: wholeNumber.default(0) }),
  ),
})

type Parsed = z.infer<typeof schema>

/**
 * @param content of the file
 * @param folder that relative paths in it start from: the one the file is in
 * @throws WebConfigError
 */
export function parseWebConfig(content: string, folder: string): WebConfig {
  const parsed = validate(readYaml(content))
  const headers = new Map(Object.entries(parsed.http_server_config?.headers ?? {}))
  checkHeaders(headers)
  const limit = parsed.rate_limit
  return {
    tls: tlsConfig(parsed.tls_server_config, folder),
    http2: parsed.http_server_config?.http2 ?? true,
    headers: new Map([...headers].filter(([, value]) => value !== '')),
    users: new Map(Object.entries(parsed.basic_auth_users ?? {})),
    rateLimit: rateLimit(limit),
  }
}

function readYaml(content: string): unknown {
  try {
    // Warnings would repeat what stands there, which may be a secret.
    const document = parseDocument(content, {
      schema: 'failsafe',
      merge: true,
      logLevel: 'error',
    })
    const [error] = document.errors
    // Of an error only the place is said, not the line.
    if (error !== undefined)
      throw new WebConfigError(`it is no YAML${placeOf(error)}: ${error.code}`)
    visit(document, { Pair: refusePrototype })
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return value === null || value === undefined || value === '' ? {} : value
  } catch (error) {
    if (error instanceof WebConfigError) throw error
    throw new WebConfigError('it has too many aliases, or is nested too deeply')
  }
}

function placeOf({ linePos }: YAMLParseError): string {
  const [place] = linePos ?? []
  return place === undefined ? '' : ` in line ${place.line}, column ${place.col}`
}

/** What reads objects leaves this key out, and with it perhaps the only user. */
function refusePrototype(_: unknown, { key }: Pair): void {
  if (isScalar(key) && key.value === '__proto__') {
    throw new WebConfigError('the key __proto__ cannot be used')
  }
}

function validate(value: unknown): Parsed {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => {
    const key = issue.path.join('.')
    if (issue.code === 'unrecognized_keys') {
      const names = issue.keys.map((name) => (key === '' ? name : `${key}.${name}`))
      return `unknown key ${names.join(', ')}`
    }
    return key === '' ? issue.message : `${key}: ${issue.message}`
  })
  throw new WebConfigError(problems.join('; '))
}

function checkHeaders(headers: ReadonlyMap<string, string>): void {
  for (const [name, value] of headers) {
    const key = `http_server_config.headers.${name}`
    const values = Object.hasOwn(HEADERS, name) ? HEADERS[name]! : undefined
    if (values === undefined) {
      throw new WebConfigError(`${key}: only ${Object.keys(HEADERS).join(', ')} can be set`)
    }
    if (value !== '' && values.length > 0 && !values.includes(value)) {
      throw new WebConfigError(`${key}: must be ${values.join(' or ')}`)
    }
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new WebConfigError(`${key}: has a character that a header cannot have`)
    }
  }
}

function tlsConfig(given: Parsed['tls_server_config'], folder: string): TlsConfig | undefined {
  if (given === undefined) return undefined
  const cert = source(given.cert, given.cert_file, folder)
  const key = source(given.key, given.key_file, folder)
  const clientCa = source(given.client_ca, given.client_ca_file, folder)
  const type = given.client_auth_type
  // As in the original: with none of these TLS is off, whatever else is set.
  if ([cert, key, clientCa, type].every((setting) => setting === undefined)) return undefined
  if (cert === undefined) throw tlsError('one of cert and cert_file is missing')
  if (key === undefined) throw tlsError('one of key and key_file is missing')
  const clientAuth = type ?? 'NoClientCert'
  if (clientCa !== undefined && clientAuth === 'NoClientCert') {
    throw tlsError('client_ca without a client_auth_type that asks for certificates')
  }
  const sans = given.client_allowed_sans
  const requires = ['RequireAnyClientCert', 'RequireAndVerifyClientCert'].includes(clientAuth)
  if (sans !== undefined && !requires) {
    throw tlsError(
      'client_allowed_sans needs the client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert',
    )
  }
  if (given.min_version > given.max_version) throw tlsError('min_version is above max_version')
  return {
    cert,
    key,
    clientCa,
    clientAuthType: clientAuth,
    clientAllowedSans: sans,
    minVersion: given.min_version,
    maxVersion: given.max_version,
    ciphers: (given.cipher_suites ?? []).filter((name) => name !== ''),
    prefersServerCiphers: given.prefer_server_cipher_suites,
    curves: given.curve_preferences ?? [],
  }
}

/** Of a text and a file, the file is taken, as in the original. */
function source(inline: string, file: string, folder: string): TextSource | undefined {
  if (file !== '') return { kind: 'file', file: path.resolve(folder, file) }
  return inline === '' ? undefined : { kind: 'text', text: inline }
}

function tlsError(message: string): WebConfigError {
  return new WebConfigError(`tls_server_config: ${message}`)
}

function rateLimit(given: Parsed['rate_limit']): RateLimit | undefined {
  if (given === undefined || given.interval === 0) return undefined
  if (given.burst < 1) {
    throw new WebConfigError('rate_limit.burst: must be at least 1, or nothing would be answered')
  }
  return { intervalMs: given.interval, burst: given.burst }
}
