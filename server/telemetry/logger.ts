/** The log: winston, one line an event, on stderr, as logfmt or JSON. */
import winston from 'winston'

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** `error` means somebody must act, `warn` that somebody should look. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface LoggerOptions {
  readonly level: string
  readonly format: string
  /** Where lines go instead of stderr. */
  readonly stream?: NodeJS.WritableStream
}

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 }

export function createLogger({ level, format, stream }: LoggerOptions): Logger {
  const line = winston.format.printf((info) => {
    const { level: severity, message, ...fields } = info
    const entry: LogFields = {
      ts: new Date().toISOString(),
      level: severity,
      msg: String(message),
      ...(fields as LogFields),
    }
    return format === 'json' ? JSON.stringify(entry) : logfmt(entry)
  })
  const transport =
    stream === undefined
      ? new winston.transports.Console({ stderrLevels: Object.keys(LEVELS) })
      : new winston.transports.Stream({ stream })
  const log = winston.createLogger({ levels: LEVELS, level, format: line, transports: [transport] })
  const write = (severity: keyof typeof LEVELS) => (message: string, fields?: LogFields) => {
    log.log({ ...shorten(fields), level: severity, message })
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Fields quote what clients send, which may be megabytes. */
const FIELD_MAX = 2000

function shorten(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > FIELD_MAX
        ? `${value.slice(0, FIELD_MAX)}…`
        : value,
    ]),
  )
}

function logfmt(entry: LogFields): string {
  const parts: string[] = []
  for (const [key, value] of Object.entries(entry)) {
    if (value === undefined) continue
    const text = String(value)
    parts.push(`${key}=${/^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : quote(text)}`)
  }
  return parts.join(' ')
}

/** In quotes, with everything escaped that could break a line or drive a terminal. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
