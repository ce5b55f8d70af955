/**
 * From a storage URL to where a Redis or Valkey is and how to get in:
 * `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://`, `redis+unix://`, and with TLS
 * `rediss+sentinel://` and `rediss+cluster://`. README, "Storage URLs", has the whole syntax.
 */
import { readFileSync } from 'node:fs'
import { StoreError } from '../errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where to ask for the server that takes writes. */
export type Place =
  | ({ readonly kind: 'single' } & Address)
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly Address[]; readonly name: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly Address[] }

/** Contents of the files, not their paths. */
export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

export interface Login {
  readonly username?: string
  readonly password?: string
}

export interface RedisTarget {
  /** The URL without passwords. */
  readonly shownUrl: string
  readonly place: Place
  readonly db: number
  /** Read from its file each time, since passwords and certificates are changed while one runs. */
  readonly login: () => Login
  readonly sentinelLogin: () => Login
  /** Undefined: no TLS. */
  readonly tls: () => TlsFiles | undefined
  /** All keys begin with this in braces, so that they lie in one slot of a cluster. */
  readonly prefix: string
  /** How many replicas must have a write before it is acknowledged; 0 = none. */
  readonly wait: number
}

/** Passwords that stand neither in the URL nor in a file it names. */
export interface RedisSecrets {
  readonly password?: string | undefined
  readonly sentinelPassword?: string | undefined
}

const SHAPE =
  /^(rediss?)(?:\+(sentinel|cluster|unix))?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/
const PREFIX = /^[A-Za-z0-9_.:-]{1,100}$/
const DEFAULT_PREFIX = 'sluice'
const REDIS_PORT = 6379
const SENTINEL_PORT = 26379
const WAIT_MAX = 100

const TLS_OPTIONS = ['ca_file', 'cert_file', 'key_file', 'tls_servername']

const OPTIONS = [
  'prefix',
  'wait',
  'db',
  'username',
  'password_file',
  'sentinel_username',
  'sentinel_password_file',
  ...TLS_OPTIONS,
]

/** The URL with `***` in place of passwords, and of whatever may be part of one. */
export function withoutPassword(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#@]*):.*@/is, '$1:***@')
    .replace(/^([a-z][a-z0-9+.-]*:)(?!\/\/).*@/is, '$1***@')
    .replace(/([?&][^=&]*(?:password|secret|token)[^=&]*(?<!_file)=)[^&]*/gi, '$1***')
}

/** An `@` ends user and password, once. */
const AFTER_LOGIN = /^[a-z+]+:\/\/[^@/?#]*@(.*)$/s

/** @throws StoreError unusable, naming what cannot be used and never a password */
export function parseRedisUrl(url: string, secrets: RedisSecrets = {}): RedisTarget {
  const shownUrl = withoutPassword(url)
  const fail = (why: string): never => {
    throw new StoreError('unusable', `storage URL ${JSON.stringify(shownUrl)}: ${why}`)
  }
  // What is quoted below must not be a piece of a password that ended too early.
  if ((AFTER_LOGIN.exec(url)?.[1] ?? url).includes('@')) {
    return fail(
      'an "@" must end user and password; others, and "/", "?", "#" and "%" in them, are written as %40, %2F, %3F, %23 and %25',
    )
  }
  const match = SHAPE.exec(url)
  if (match === null) return fail('must be like redis://HOST:PORT/DB?prefix=NAME')
  const [, scheme, variant, userInfo = '', hosts = '', path = '', query = ''] = match
  const options = readOptions(query, fail)
  const option = (name: string): string | undefined => options.get(name)
  const text = (part: string): string => {
    try {
      return decodeURIComponent(part)
    } catch {
      return fail('a part of it is not percent-encoded correctly')
    }
  }
  const number = (name: string, value: string | undefined, max: number): number => {
    if (value === undefined || value === '') return 0
    if (!/^\d{1,9}$/.test(value) || Number(value) > max)
      return fail(`${name}=${value}: must be a whole number up to ${max}`)
    return Number(value)
  }
  const file = (name: string): string | undefined => {
    const at = option(name)
    if (at === undefined) return undefined
    try {
      return readFileSync(at, 'utf8')
    } catch (error) {
      return fail(`${name}=${at} cannot be read: ${(error as Error).message}`)
    }
  }
  const addresses = (port: number): Address[] =>
    hosts.split(',').map((host) => parseAddress(host, port, fail))

  const segments = path.split('/').slice(1).map(text)
  const place = (): { place: Place; db: string | undefined } => {
    switch (variant) {
      case 'unix':
        if (hosts !== '' || path === '')
          return fail('a socket is named like redis+unix:///run/redis.sock')
        return { place: { kind: 'unix', path: text(path) }, db: option('db') }
      case 'sentinel': {
        const [name = '', db, ...more] = segments
        if (name === '' || more.length > 0)
          return fail(
            'must name the primary as its sentinels do: redis+sentinel://HOST,HOST/NAME/DB',
          )
        return {
          place: { kind: 'sentinel', sentinels: addresses(SENTINEL_PORT), name },
          db: db ?? option('db'),
        }
      }
      case 'cluster':
        if (
          segments.some((segment) => segment !== '' && segment !== '0') ||
          (option('db') ?? '0') !== '0'
        )
          return fail('a cluster has no database but 0')
        return { place: { kind: 'cluster', nodes: addresses(REDIS_PORT) }, db: undefined }
      default: {
        if (segments.length > 1) return fail(`${path} is no database number`)
        if (hosts.includes(','))
          return fail(
            'of several hosts, redis+sentinel:// or redis+cluster:// must say how they belong together',
          )
        return {
          place: { kind: 'single', ...parseAddress(hosts, REDIS_PORT, fail) },
          db: segments[0] ?? option('db'),
        }
      }
    }
  }
  const { place: found, db } = place()
  const colon = userInfo.indexOf(':')
  const userPart = colon < 0 ? userInfo : userInfo.slice(0, colon)
  const passwordPart = colon < 0 ? undefined : userInfo.slice(colon + 1)
  const prefix = option('prefix') ?? DEFAULT_PREFIX
  if (!PREFIX.test(prefix)) {
    return fail(`prefix=${prefix}: must be of letters, digits, "_", ".", ":" and "-", 100 at most`)
  }
  const usesTls = scheme === 'rediss'
  if (!usesTls && TLS_OPTIONS.some((name) => options.has(name)))
    return fail(`${TLS_OPTIONS.join(', ')} are for rediss:// URLs`)
  const username = userPart === '' ? option('username') : text(userPart)
  const password = passwordPart === undefined ? undefined : text(passwordPart)
  const target: RedisTarget = {
    shownUrl,
    place: found,
    db: number('database', db, 1_000_000),
    prefix,
    wait: number('wait', option('wait'), WAIT_MAX),
    login: () => login(username, password, file('password_file'), secrets.password),
    sentinelLogin: () =>
      login(
        option('sentinel_username'),
        undefined,
        file('sentinel_password_file'),
        secrets.sentinelPassword,
      ),
    tls: () =>
      usesTls
        ? dropUndefined({
            ca: file('ca_file'),
            cert: file('cert_file'),
            key: file('key_file'),
            servername: option('tls_servername'),
          })
        : undefined,
  }
  // Files that cannot be read are to be known now.
  for (const look of [target.login, target.sentinelLogin, target.tls]) look()
  return target
}

function readOptions(query: string, fail: (why: string) => never): Map<string, string> {
  const options = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'password')
      fail(
        'a password may not be an option: write redis://USER:PASSWORD@HOST, or password_file=PATH',
      )
    if (!OPTIONS.includes(name)) fail(`unknown option ${name}; known are ${OPTIONS.join(', ')}`)
    if (options.has(name)) fail(`option ${name} is given twice`)
    options.set(name, value)
  }
  return options
}

function parseAddress(text: string, defaultPort: number, fail: (why: string) => never): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (match === null || port < 1 || port > 65535)
    return fail(`${JSON.stringify(text)} is no HOST:PORT`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** What stands in the URL wins over a file, and that over the environment. */
function login(
  username: string | undefined,
  inUrl: string | undefined,
  inFile: string | undefined,
  inEnvironment: string | undefined,
): Login {
  return dropUndefined({
    username,
    // A file mostly ends in a line feed that is none of the password.
    password: inUrl ?? inFile?.replace(/\r?\n$/, '') ?? inEnvironment,
  })
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function dropUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}
