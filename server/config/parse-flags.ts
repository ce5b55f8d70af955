/** From the command line and the environment to values; the command line wins. */
import { parseArgs } from 'node:util'
import { formatDuration, parseDuration } from './duration.ts'
import {
  environmentName,
  FLAG_NAMES,
  FLAGS,
  SECRET_VARIABLES,
  type Flag,
  type FlagName,
  type FlagValues,
} from './flags.ts'
import { redactUrl } from './redact-url.ts'

/** Passwords of the store that stand in no flag. */
export interface StorageSecrets {
  readonly password: string | undefined
  readonly sentinelPassword: string | undefined
}

export interface ParsedFlags {
  readonly values: FlagValues
  /** Which flags were given, rather than left at their defaults. */
  readonly given: ReadonlySet<FlagName>
  readonly help: boolean
  readonly version: boolean
  readonly storageSecrets: StorageSecrets
  /** Variables that look like settings and are none. */
  readonly unknownVariables: readonly string[]
}

/** A command line that cannot be understood. The message names the flag. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

type RawValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** @throws UsageError for unknown flags, stray arguments and bad values */
export function parseFlags(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedFlags {
  // Help is given whatever else is wrong.
  const help = argv.includes('--help') || argv.includes('-h')
  const version = argv.includes('--version')
  const raw = help || version ? {} : readCommandLine(argv)
  const variables = help || version ? {} : environment
  const values: Record<string, unknown> = {}
  const given = new Set<FlagName>()
  for (const name of FLAG_NAMES) {
    const variable = environmentName(name)
    const fromEnvironment = variables[variable]
    if (raw[name] !== undefined) {
      values[name] = readValue(`--${name}`, FLAGS[name], raw[name])
      given.add(name)
    } else if (fromEnvironment !== undefined && fromEnvironment !== '') {
      values[name] = readVariable(variable, FLAGS[name], fromEnvironment)
      given.add(name)
    } else {
      values[name] = FLAGS[name].default
    }
  }
  const known = new Set([...FLAG_NAMES.map(environmentName), ...Object.values(SECRET_VARIABLES)])
  return {
    values: values as FlagValues,
    given,
    help,
    version,
    storageSecrets: storageSecretsFrom(variables),
    unknownVariables: Object.keys(environment).filter(
      (variable) => variable.startsWith('SLUICE_') && !known.has(variable),
    ),
  }
}

/** Passwords of the store, as the environment gives them; an empty variable counts as not set. */
export function storageSecretsFrom(
  environment: Readonly<Record<string, string | undefined>>,
): StorageSecrets {
  const secret = (variable: string): string | undefined => environment[variable] || undefined
  return {
    password: secret(SECRET_VARIABLES.password),
    sentinelPassword: secret(SECRET_VARIABLES.sentinelPassword),
  }
}

function readCommandLine(argv: readonly string[]): RawValues {
  const options = Object.fromEntries(
    FLAG_NAMES.map((name) => {
      const { kind } = FLAGS[name]
      return [name, { type: kind === 'switch' ? 'boolean' : 'string', multiple: true }] as const
    }),
  )
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        ...options,
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
      allowNegative: true,
      allowPositionals: true,
    })
    if (positionals.length > 0) {
      throw new UsageError(`unexpected argument ${redactUrl(positionals[0]!)}`)
    }
    return values
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    // The first sentence names the flag; the rest is advice about '--'.
    throw new UsageError(message.split(/\. To specify|\n/)[0]!.replace(/\.$/, ''))
  }
}

function readValue(shown: string, flag: Flag, raw: RawValues[string]): unknown {
  const all = (Array.isArray(raw) ? raw : [raw]).filter((value) => value !== undefined)
  if (flag.kind === 'list') return all.map(String)
  if (all.length > 1) throw new UsageError(`${shown} may be given only once`)
  const [value] = all
  return typeof value === 'boolean' ? value : readText(shown, flag, String(value))
}

function readVariable(variable: string, flag: Flag, text: string): unknown {
  if (flag.kind === 'list') return text.split(/[\s,]+/).filter((part) => part !== '')
  if (flag.kind !== 'switch') return readText(variable, flag, text)
  if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true
  if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false
  throw new UsageError(`${variable}=${text}: must be true or false`)
}

function readText(shown: string, flag: Flag, text: string): string | number {
  switch (flag.kind) {
    case 'duration': {
      const ms = parseDuration(text)
      if (ms === undefined) {
        throw new UsageError(`${shown}=${text}: must be a duration such as 30s, 5m or 1h30m`)
      }
      if (ms < (flag.min ?? 0)) {
        throw new UsageError(`${shown}=${text}: must be at least ${formatDuration(flag.min ?? 0)}`)
      }
      if (ms > (flag.max ?? Infinity)) {
        throw new UsageError(`${shown}=${text}: must be at most ${formatDuration(flag.max ?? 0)}`)
      }
      return ms
    }
    case 'integer': {
      const number = /^\d+$/.test(text) ? Number(text) : NaN
      if (!Number.isSafeInteger(number) || number < flag.min) {
        throw new UsageError(`${shown}=${text}: must be a whole number of at least ${flag.min}`)
      }
      return number
    }
    case 'text':
      if (flag.choices !== undefined && !flag.choices.includes(text)) {
        throw new UsageError(`${shown}=${text}: must be one of ${flag.choices.join(', ')}`)
      }
      return text
    case 'list':
    case 'switch':
      return text
  }
}

/** A value as the status API shows it, in the spelling of the original; without passwords. */
export function showFlagValue(name: FlagName, values: FlagValues): string {
  const value = values[name]
  const { kind } = FLAGS[name]
  if (kind === 'duration') return formatDuration(value as number)
  if (name === 'storage.url') return redactUrl(String(value))
  return Array.isArray(value) ? value.join('\n') : String(value)
}
