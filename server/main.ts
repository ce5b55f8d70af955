#!/usr/bin/env node
/** The program: command line and signals in, exit status out. */
import { helpText } from './config/help.ts'
import { MIGRATE_HELP, parseMigrateFlags } from './config/migrate-flags.ts'
import {
  parseFlags,
  storageSecretsFrom,
  UsageError,
  type ParsedFlags,
} from './config/parse-flags.ts'
import { redactArguments, redactUrl } from './config/redact-url.ts'
import { settingsFrom, type Settings } from './config/settings.ts'
import { takeSystemdSockets } from './config/systemd-sockets.ts'
import { startApp, type App } from './app.ts'
import { readBuildInfo } from './telemetry/build-info.ts'
import { createLogger } from './telemetry/logger.ts'
import { StoreError } from '../storage/errors.ts'

interface Configuration {
  readonly parsed: ParsedFlags
  readonly settings: Settings
}

function configure(): Configuration {
  try {
    const parsed = parseFlags(process.argv.slice(2), process.env)
    const settings = settingsFrom(parsed)
    if (!settings.flags['web.systemd-socket']) return { parsed, settings }
    const listenAddresses = takeSystemdSockets(process.env, process.pid)
    return { parsed, settings: { ...settings, listenAddresses } }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`sluice: error: ${error.message}, try --help\n`)
    process.exit(1)
  }
}

/** What `ps` shows of a process is its command line, for everybody on the host. */
function hidePasswords(): void {
  const [, ...words] = process.argv
  const shown = redactArguments(words)
  if (words.every((word, i) => word === shown[i])) return
  process.title = [process.argv0, ...process.execArgv, ...shown].join(' ')
}

/** Why it cannot start, for the log: messages quote the URL of the store, which may hold a password. */
function reasonOf(error: unknown, { storageUrl }: Settings): string {
  const message = error instanceof Error ? error.message : String(error)
  const shown = redactUrl(storageUrl)
  return message
    .replaceAll(storageUrl, () => shown)
    .replaceAll(JSON.stringify(storageUrl), () => JSON.stringify(shown))
}

/** `sluice migrate`: instead of starting a gateway. */
async function runMigration(argv: readonly string[]): Promise<void> {
  const { migrate, MigrationRefused } = await import('./migrate.ts')
  const logger = createLogger({ level: 'info', format: 'logfmt' })
  try {
    const { from, to, help } = parseMigrateFlags(argv)
    if (help) {
      process.stdout.write(MIGRATE_HELP)
      return
    }
    const { groups, samples } = await migrate({
      from,
      to,
      secrets: storageSecretsFrom(process.env),
      progress: (copied) => logger.info('copied', { groups: copied }),
    })
    logger.info('everything is copied', { groups, samples })
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`sluice migrate: error: ${error.message}, try migrate --help\n`)
    } else if (error instanceof MigrationRefused || error instanceof StoreError) {
      logger.error('nothing is copied', { reason: error.message })
    } else {
      throw error
    }
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  hidePasswords()
  if (process.argv[2] === 'migrate') return runMigration(process.argv.slice(3))
  const build = readBuildInfo()
  const { parsed, settings } = configure()
  if (parsed.help || parsed.version) {
    process.stdout.write(
      parsed.help ? helpText() : `sluice, version ${build.version} (node ${process.version})\n`,
    )
    return
  }
  // Whoever read the log may go away; that is no reason to stop.
  process.stderr.on('error', () => undefined)
  const logger = createLogger({
    level: settings.flags['log.level'],
    format: settings.flags['log.format'],
  })
  for (const warning of settings.warnings) logger.warn(warning)
  logger.info('starting Sluice', { version: build.version, node: process.version })

  let app: App | undefined
  let stopping = false
  const stop = (why: string): void => {
    if (stopping) return
    stopping = true
    logger.info('stopping', { why })
    // A signal during the start takes effect when the start is through.
    if (app !== undefined) void finish(app)
  }
  let signals = 0
  const onSignal = (signal: string): void => {
    if (++signals > 1) {
      logger.warn('stopping at once', { why: signal })
      process.exit(1)
    }
    stop(signal)
  }
  const finish = async (running: App): Promise<void> => {
    await running.stop()
    logger.info('stopped')
    process.exitCode = 0
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)

  try {
    app = await startApp({ settings, logger, build, onQuit: () => stop('/-/quit') })
  } catch (error) {
    logger.error('cannot start', { reason: reasonOf(error, settings) })
    process.exitCode = 1
    return
  }
  for (const url of app.urls) {
    if (url.startsWith('unix:')) {
      logger.info('listening', { url })
      continue
    }
    const base = url + settings.routePrefix
    logger.info('listening', { url: `${base}/` })
    logger.info('push to it, and scrape it with honor_labels: true', {
      push: `${base}/metrics/job/<job>`,
      scrape: base + settings.telemetryPath,
    })
  }
  if (stopping) await finish(app)
}

await main()
