/** What follows from the flags: addresses, prefixes and the store, checked before anything starts. */
import type { FlagValues } from './flags.ts'
import { hasUnreadablePassword, redactUrl } from './redact-url.ts'
import { UsageError, type ParsedFlags, type StorageSecrets } from './parse-flags.ts'

export type ListenAddress =
  | {
      readonly kind: 'tcp'
      /** Undefined: all addresses of the host. */
      readonly host: string | undefined
      readonly port: number
    }
  | { readonly kind: 'unix'; readonly path: string }
  /** A socket that listens already, handed over by whoever started the process. */
  | { readonly kind: 'fd'; readonly fd: number; readonly name: string }

export interface Settings {
  readonly flags: FlagValues
  readonly listenAddresses: readonly ListenAddress[]
  /** '' or `/prefix`, without a slash at its end. */
  readonly routePrefix: string
  /** The prefix of links as a browser sees them: '' or `/prefix`. */
  readonly externalPrefix: string
  readonly telemetryPath: string
  /** Matches the whole of an origin whose pages may push; undefined: none may. */
  readonly corsOrigin: RegExp | undefined
  /** May hold a password: to be shown only as redact-url.ts makes it. */
  readonly storageUrl: string
  readonly storageSecrets: StorageSecrets
  /** Whether the page of `telemetryPath` carries this process' own metrics too, or only /-/metrics does. */
  readonly ownMetrics: 'page' | 'separate'
  /** What the operator should know of how the flags were understood. */
  readonly warnings: readonly string[]
}

/** Behind the route prefix; always the metrics of this process alone. */
export const OWN_METRICS_PATH = '/-/metrics'

/** @throws UsageError naming the flag whose value cannot be used */
export function settingsFrom({
  values,
  given,
  storageSecrets,
  unknownVariables,
}: ParsedFlags): Settings {
  const warnings = unknownVariables.map(
    (name) => `the environment variable ${name} is no setting of Sluice`,
  )
  const externalPath = pathOfExternalUrl(values['web.external-url'])
  const prefix = values['web.route-prefix']
  const routePrefix = prefix === '' ? (externalPath ?? '') : cleanPrefix(prefix)
  const telemetryPath = values['web.telemetry-path']
  if (!telemetryPath.startsWith('/') || telemetryPath === '/') {
    throw new UsageError(
      `--web.telemetry-path=${telemetryPath}: must begin with a slash and name a page of its own`,
    )
  }
  const url = storageUrl(values, given, warnings)
  if (hasUnreadablePassword(url)) {
    throw new UsageError(
      `--storage.url=${redactUrl(url)}: "/", "?", "#" and "%" in a password are written as %2F, %3F, %23 and %25`,
    )
  }
  const ownMetrics = placeOfOwnMetrics(values['web.own-metrics'], url)
  if (ownMetrics === 'separate' && telemetryPath === OWN_METRICS_PATH) {
    throw new UsageError(
      `--web.telemetry-path=${telemetryPath}: is where the gateway's own metrics are`,
    )
  }
  if (values['web.listen-address'].length === 0)
    throw new UsageError('--web.listen-address is empty')
  return {
    flags: values,
    listenAddresses: values['web.listen-address'].map(parseListenAddress),
    routePrefix,
    externalPrefix: externalPath ?? routePrefix,
    telemetryPath,
    corsOrigin: originPattern(values['web.cors.origin']),
    storageUrl: url,
    storageSecrets,
    ownMetrics,
    warnings,
  }
}

function storageUrl(values: FlagValues, given: ParsedFlags['given'], warnings: string[]): string {
  const file = values['persistence.file']
  if (!given.has('persistence.file')) return values['storage.url']
  if (given.has('storage.url')) {
    warnings.push('--storage.url is used; --persistence.file, which was given too, is not')
    return values['storage.url']
  }
  if (file.includes('?'))
    throw new UsageError(`--persistence.file=${file}: must not contain a question mark`)
  return file === '' ? 'memory:' : `sqlite:${file}`
}

/** Replicas of a cluster are scraped through a balancer; what each says of itself would jump there. */
function placeOfOwnMetrics(choice: string, url: string): 'page' | 'separate' {
  if (choice === 'page' || choice === 'separate') return choice
  return /^rediss?[:+]/.test(url) ? 'separate' : 'page'
}

function originPattern(text: string): RegExp | undefined {
  if (text === '') return undefined
  try {
    return new RegExp(`^(?:${text})$`, 'i')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--web.cors.origin=${text}: is no regular expression: ${reason}`)
  }
}

/** `:9091`, `127.0.0.1:9091`, `[::1]:9091`, `localhost:9091`, `unix:/run/sluice.sock`. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    if (path === '') throw new UsageError(`--web.listen-address=${text}: names no socket`)
    return { kind: 'unix', path }
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) {
    throw new UsageError(
      `--web.listen-address=${text}: must be :port, host:port, [ipv6]:port or unix:/path`,
    )
  }
  const host = match[1] ?? match[2]
  return { kind: 'tcp', host: host === undefined || host === '' ? undefined : host, port }
}

function pathOfExternalUrl(text: string): string | undefined {
  if (text === '') return undefined
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new UsageError(
      `--web.external-url=${text}: must be a URL such as https://example.org/sluice/`,
    )
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UsageError(`--web.external-url=${text}: must begin with http:// or https://`)
  }
  return cleanPrefix(url.pathname)
}

function cleanPrefix(text: string): string {
  const trimmed = text.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `/${trimmed}`
}
