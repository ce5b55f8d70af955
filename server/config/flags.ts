/**
 * Every setting, once: name, kind, default and help. Parsing, --help, the status API and the table
 * in the README all come from here (test/server/config/readme.test.ts holds the README to it).
 */

interface FlagBase {
  readonly help: string
}

/** A switch: --name or --no-name. */
interface SwitchFlag extends FlagBase {
  readonly kind: 'switch'
  readonly default: boolean
}

interface TextFlag extends FlagBase {
  readonly kind: 'text'
  readonly default: string
  /** What --help shows in place of a value. */
  readonly choices?: readonly string[]
}

/** May be given several times. */
interface ListFlag extends FlagBase {
  readonly kind: 'list'
  readonly default: readonly string[]
}

/** Milliseconds, written like 5m or 1h30m. */
interface DurationFlag extends FlagBase {
  readonly kind: 'duration'
  readonly default: number
  readonly min?: number
  readonly max?: number
}

interface IntegerFlag extends FlagBase {
  readonly kind: 'integer'
  readonly default: number
  readonly min: number
}

/** The longest that a timer can wait, a little over 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

export type Flag = SwitchFlag | TextFlag | ListFlag | DurationFlag | IntegerFlag

export const FLAGS = {
  'web.listen-address': {
    kind: 'list',
    default: [':9091'],
    help: 'Address to listen on: host:port, :port or unix:/path; may be given several times.',
  },
  'web.systemd-socket': {
    kind: 'switch',
    default: false,
    help: 'Listen on the sockets that systemd hands over, instead of --web.listen-address.',
  },
  'web.config.file': {
    kind: 'text',
    default: '',
    help: 'File with TLS, basic authentication, headers and a rate limit, in the format of the Prometheus exporter-toolkit.',
  },
  'web.telemetry-path': {
    kind: 'text',
    default: '/metrics',
    help: 'Path of the page that Prometheus scrapes. Pushes go to /metrics/job/... all the same.',
  },
  'web.own-metrics': {
    kind: 'text',
    default: 'auto',
    choices: ['auto', 'page', 'separate'],
    help: 'Whether the page of --web.telemetry-path carries the metrics of this process too (page), or only /-/metrics does (separate). auto: page with memory: and sqlite:, separate with Redis.',
  },
  'web.external-url': {
    kind: 'text',
    default: '',
    help: 'URL under which the gateway is reached from outside; its path is the prefix of links.',
  },
  'web.route-prefix': {
    kind: 'text',
    default: '',
    help: 'Prefix of all routes. Without it: the path of --web.external-url.',
  },
  'web.enable-lifecycle': {
    kind: 'switch',
    default: false,
    help: 'Let PUT or POST /-/quit stop the gateway.',
  },
  'web.enable-admin-api': {
    kind: 'switch',
    default: false,
    help: 'Enable /api/v1/admin/, which can delete everything.',
  },
  'web.enable-debug': {
    kind: 'switch',
    default: false,
    help: 'Enable /debug/: heap snapshots and CPU profiles of the process, for admins only.',
  },
  'web.cors.origin': {
    kind: 'text',
    default: '',
    help: 'Origins whose pages may push from a browser: a regular expression for the whole origin. Empty: none.',
  },
  'web.prefer-openmetrics': {
    kind: 'switch',
    default: false,
    help: 'Send OpenMetrics to scrapers that prefer it, not only to those that take nothing else.',
  },
  'web.max-requests': {
    kind: 'integer',
    default: 4096,
    min: 1,
    help: 'Requests served at a time; more are answered 503 with Retry-After.',
  },
  'web.shutdown-delay': {
    kind: 'duration',
    default: 0,
    max: TIMER_MS_MAX,
    help: 'How long to go on serving after SIGTERM, while /-/ready already answers 503.',
  },
  'storage.url': {
    kind: 'text',
    default: 'sqlite:sluice.db',
    help: 'Where groups are kept: memory:, sqlite:PATH (options: ?synchronous=full|normal, &shared_filesystem=allow), or a Redis or Valkey: redis://, rediss://, redis+sentinel://, redis+cluster://, redis+unix:///.',
  },
  'storage.timeout': {
    kind: 'duration',
    default: 5000,
    min: 1,
    max: TIMER_MS_MAX,
    help: 'How long a push or a scrape may wait for the store before it is answered 503.',
  },
  'store.serve-stale': {
    kind: 'duration',
    default: 0,
    help: 'While the store is unavailable, scrapes get the page as of the last time it was there, if that is no longer ago than this. 0s: they get 503.',
  },
  'persistence.file': {
    kind: 'text',
    default: '',
    help: 'As in the Prometheus Pushgateway: PATH means --storage.url=sqlite:PATH, and empty (--persistence.file=) means memory:.',
  },
  'persistence.interval': {
    kind: 'duration',
    default: 300_000,
    help: 'Accepted for compatibility and without effect: every push is committed before it is answered.',
  },
  'push.disable-consistency-check': {
    kind: 'switch',
    default: false,
    help: 'Accept pushes that contradict what is stored (202 instead of 200). The page then shows the group with the lowest key.',
  },
  'push.enable-utf8-names': {
    kind: 'switch',
    default: false,
    help: 'Allow any UTF-8 in metric and label names, quoted in bodies and as U__ in URLs.',
  },
  'push.lenient-newlines': {
    kind: 'switch',
    default: false,
    help: 'Accept bodies with CRLF line ends or without a last line feed.',
  },
  'push.strict-openmetrics': {
    kind: 'switch',
    default: false,
    help: 'Refuse OpenMetrics bodies that break the rules of OpenMetrics 1.0, such as those without # EOF.',
  },
  'push.strict-encodings': {
    kind: 'switch',
    default: false,
    help: 'Answer 415 to a Content-Encoding that is not known, instead of reading the body as it is.',
  },
  'push.max-body-bytes': {
    kind: 'integer',
    default: 128 * 1024 * 1024,
    min: 1,
    help: 'Largest body of a push, before and after decompression; larger ones are answered 413.',
  },
  'push.max-samples': {
    kind: 'integer',
    default: 1_000_000,
    min: 1,
    help: 'Most samples of a push, and 16 times as many labels and the like; more are answered 413. A million takes seconds, in which nothing else is served.',
  },
  'log.level': {
    kind: 'text',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    help: 'Least severity that is logged.',
  },
  'log.format': {
    kind: 'text',
    default: 'logfmt',
    choices: ['logfmt', 'json'],
    help: 'Form of the log.',
  },
  'log.requests': {
    kind: 'switch',
    default: false,
    help: 'Log every request (access log).',
  },
} as const satisfies Record<string, Flag>

export type FlagName = keyof typeof FLAGS

interface ValueOf {
  switch: boolean
  text: string
  list: readonly string[]
  duration: number
  integer: number
}

/** The value of each flag, by name. */
export type FlagValues = { readonly [Name in FlagName]: ValueOf[(typeof FLAGS)[Name]['kind']] }

/** `web.listen-address` -> `SLUICE_WEB_LISTEN_ADDRESS`. */
export function environmentName(name: FlagName): string {
  return `SLUICE_${name.toUpperCase().replace(/[.-]/g, '_')}`
}

/** Passwords of the store that are taken from the environment only, and shown nowhere. */
export const SECRET_VARIABLES = {
  password: 'SLUICE_STORAGE_PASSWORD',
  sentinelPassword: 'SLUICE_STORAGE_SENTINEL_PASSWORD',
} as const

export const FLAG_NAMES = Object.keys(FLAGS) as FlagName[]
