/** The gateway inside the test process: quicker than a program, and its log can be looked into. */
import { Writable } from 'node:stream'
import { startApp, type App } from '../../server/app.ts'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { readBuildInfo } from '../../server/telemetry/build-info.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { closeAfterTest } from './cleanup.ts'

export interface TestApp {
  readonly app: App
  readonly url: string
  /** Complete lines logged so far. */
  log(): string[]
  /** How often /-/quit was asked for. */
  quits(): number
}

/** Starts a gateway with these flags, by default in memory, on a free port of 127.0.0.1. */
export async function startTestApp(...flags: string[]): Promise<TestApp> {
  const store = flags.some((flag) => flag.startsWith('--storage.url'))
    ? []
    : ['--storage.url=memory:']
  const parsed = parseFlags(['--web.listen-address=127.0.0.1:0', ...store, ...flags], {})
  let logged = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  const settings = settingsFrom(parsed)
  const logger = createLogger({
    level: settings.flags['log.level'],
    format: settings.flags['log.format'],
    stream,
  })
  let quits = 0
  const app = await startApp({ settings, logger, build: readBuildInfo(), onQuit: () => quits++ })
  closeAfterTest(() => app.stop())
  return { app, url: app.urls[0]!, log: () => logged.split('\n').slice(0, -1), quits: () => quits }
}
