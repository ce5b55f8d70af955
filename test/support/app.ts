/** The gateway inside the test process: quicker than a program, and its log can be looked into. */
import { Writable } from 'node:stream'
import type { Express } from 'express'
import type { Front } from '../../server/http/front.ts'
import { startApp, type App, type AppOptions } from '../../server/app.ts'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { listen } from '../../server/http/sockets/listen.ts'
import { readBuildInfo } from '../../server/telemetry/build-info.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { closeAfterTest } from './cleanup.ts'

export interface TestApp {
  readonly app: App
  readonly url: string
  /** Complete lines logged so far. */
  readonly log: () => string[]
  /** How often /-/quit was asked for. */
  readonly quits: () => number
}

/** Starts a gateway with these flags, by default in memory, on a free port of 127.0.0.1. */
export async function startTestApp(...flags: string[]): Promise<TestApp> {
  return startTestAppWith({}, ...flags)
}

/** The same, on a store that the test opens. */
export async function startTestAppWith(
  { openStore }: Pick<AppOptions, 'openStore'>,
  ...flags: string[]
): Promise<TestApp> {
  const unlessGiven = (flag: string): string[] =>
    flags.some((given) => given.startsWith(flag.split('=')[0]!)) ? [] : [flag]
  const parsed = parseFlags(
    [
      ...unlessGiven('--web.listen-address=127.0.0.1:0'),
      ...unlessGiven('--storage.url=memory:'),
      ...flags,
    ],
    {},
  )
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
  const app = await startApp({
    settings,
    logger,
    build: readBuildInfo(),
    onQuit: () => quits++,
    ...(openStore && { openStore }),
  })
  closeAfterTest(() => app.stop())
  return { app, url: app.urls[0]!, log: () => logged.split('\n').slice(0, -1), quits: () => quits }
}

/** Serves an Express app of the test's own as a gateway would, on a free port of 127.0.0.1. Resolves to its URL. */
export async function serve(app: Express, front?: Front): Promise<string> {
  const listener = await listen(
    { app, ...(front && { front }), tls: undefined, http2: true, clientRefused: () => undefined },
    { kind: 'tcp', host: '127.0.0.1', port: 0 },
  )
  closeAfterTest(() => listener.close(0, () => new Set()))
  return listener.url
}
