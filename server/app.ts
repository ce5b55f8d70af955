/** Wires everything together; starts and stops it. The only file that knows all the parts. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { GroupStore } from '../storage/group-store.ts'
import { openStore } from '../storage/open.ts'
import type { Settings } from './config/settings.ts'
import { Gateway } from './gateway.ts'
import { Guard } from './http/access/guard.ts'
import { listen, type Listener } from './http/sockets/listen.ts'
import { Requests } from './http/requests.ts'
import { createRoutes } from './http/routes.ts'
import type { LoadedWebConfig, WebConfigFile } from './http/access/web-config-file.ts'
import type { BuildInfo } from './telemetry/build-info.ts'
import type { Logger } from './telemetry/logger.ts'
import { measureStore } from './measured-store.ts'
import { inSmallYoungGeneration } from './small-young-generation.ts'
import { StoreWatch } from './store-watch.ts'
import { createOwnMetrics } from './telemetry/own-metrics.ts'
import { View } from './view/view.ts'

export interface AppOptions {
  readonly settings: Settings
  readonly logger: Logger
  readonly build: BuildInfo
  /** Called when somebody asks for the end over HTTP. */
  readonly onQuit: () => void
  /** Opens the store in place of storage/open.ts. */
  readonly openStore?: typeof openStore
}

export interface App {
  /** The bound addresses as URLs, without prefix; `unix:/path` for a socket in the file system. */
  readonly urls: readonly string[]
  /**
   * Not ready, still serving for --web.shutdown-delay; then no new connections, requests in flight
   * are answered, the store is closed. May be called again to wait for the same end.
   */
  stop(): Promise<void>
}

const REQUESTS_END_MS = 30_000
const MAINTAIN_MS = 30_000
/** Each time up to a fifth longer or shorter. */
const MAINTAIN_JITTER = 0.2

/**
 * Opens the store, loads the page and listens. When it resolves, requests are being served; those that need the store
 * are refused while that is unavailable, which is no reason not to start.
 *
 * @throws StoreError or the system's error when something cannot be opened; nothing is left open
 */
export async function startApp({
  settings,
  logger,
  build,
  onQuit,
  openStore: open = openStore,
}: AppOptions): Promise<App> {
  const teardown = new Teardown(logger)
  try {
    const startedAt = new Date()
    const { flags } = settings
    const webConfigFile = await readWebConfig(flags['web.config.file'])
    const webConfig = webConfigFile?.initial
    const ownMetrics = createOwnMetrics(build, {
      leftOut: () => view.leftOut,
      helpDifferences: () => view.helpDifferences,
      view: () => ({
        revision: view.position.revision,
        ageSeconds: view.ageMs / 1000,
        ...view.totals,
      }),
      store: (waitMs) => watch.look(waitMs),
    })
    teardown.add('own metrics', () => ownMetrics.stop())
    const watch = new StoreWatch({
      logger,
      storeTimeoutMs: flags['storage.timeout'],
      countRetry: () => ownMetrics.countStoreRetry(),
    })
    const store = measureStore(
      await open(settings.storageUrl, { secrets: settings.storageSecrets, events: watch }),
      ownMetrics,
    )
    teardown.add('store', () => store.close())
    const view = new View(store, {
      helpDiffers: (name, shown, other) =>
        logger.warn('groups disagree about the HELP of a family; one is shown', {
          family: name,
          shown,
          other,
        }),
      reset: (reason) => {
        ownMetrics.countViewReset(reason)
        logger.warn('the store has another history; reading everything anew', { reason })
      },
      synced: () => watch.synced(),
      syncFailed: (error) => watch.syncFailed(error),
    })
    teardown.add('store watch', () => watch.stop())
    await inSmallYoungGeneration(() => watch.follow(store, view))
    teardown.add('maintenance', startMaintenance(store, view, watch, logger))

    const gateway = new Gateway({
      store,
      view,
      ownMetrics,
      logger,
      checked: !flags['push.disable-consistency-check'],
      storeTimeoutMs: flags['storage.timeout'],
      showsOwnMetrics: settings.ownMetrics === 'page',
      staleMsMax: flags['store.serve-stale'],
    })
    const requests = new Requests({
      ownMetrics,
      logger,
      requestsMax: flags['web.max-requests'],
      logRequests: flags['log.requests'],
    })
    const guard = new Guard(requests)
    teardown.add('guard', () => guard.stop())
    if (webConfig !== undefined) guard.configure(webConfig.config)
    let stopping = false
    const routes = createRoutes({
      settings,
      gateway,
      requests,
      guard,
      ownMetrics,
      logger,
      build,
      startedAt,
      notReady: async () => (stopping ? 'shutting down' : watch.notReady()),
      quit: flags['web.enable-lifecycle'] ? onQuit : undefined,
    })
    const listeners: Listener[] = []
    teardown.add('listeners', async () => {
      const peersInUse = (): ReadonlySet<string> => requests.peersInFlight()
      await Promise.all(listeners.map((listener) => listener.close(REQUESTS_END_MS, peersInUse)))
    })
    const listenOptions = {
      ...routes,
      tls: webConfig?.tls,
      http2: webConfig?.config.http2 ?? true,
      clientRefused: (peer: string | undefined, reason: string) =>
        logger.warn('client refused', { peer, reason }),
    }
    for (const address of settings.listenAddresses) {
      listeners.push(await listen(listenOptions, address))
    }
    if (webConfigFile !== undefined) {
      teardown.add('web configuration', followWebConfig(webConfigFile, guard, listeners, logger))
    }
    const drain = async (): Promise<void> => {
      stopping = true
      requests.drain()
      if (flags['web.shutdown-delay'] > 0) await sleep(flags['web.shutdown-delay'])
    }
    teardown.add('drain', drain)
    return { urls: listeners.map(({ url }) => url), stop: () => teardown.run() }
  } catch (error) {
    await teardown.run()
    throw error
  }
}

/** Undefined: there is none. What reads one is loaded only where there is one. */
async function readWebConfig(file: string): Promise<WebConfigFile | undefined> {
  if (file === '') return undefined
  const { WebConfigFile } = await import('./http/access/web-config-file.ts')
  return new WebConfigFile(file)
}

/** Has the running gateway follow changes of its web configuration. Returns how to end that. */
function followWebConfig(
  file: WebConfigFile,
  guard: Guard,
  listeners: readonly Listener[],
  logger: Logger,
): () => void {
  const { config: initial, tls: initialTls } = file.initial
  const apply = ({ config, tls }: LoadedWebConfig): void => {
    if ((tls === undefined) !== (initialTls === undefined)) {
      throw new Error('turning TLS on or off takes a restart')
    }
    if (config.http2 !== initial.http2) {
      throw new Error('turning HTTP/2 on or off takes a restart')
    }
    if (tls !== undefined) for (const listener of listeners) listener.setTls(tls)
    guard.configure(config)
  }
  return file.watch({
    apply,
    reloaded: () => logger.info('web configuration read again'),
    refused: (reason) =>
      logger.error('web configuration refused; the one before stays in force', { reason }),
  })
}

/** Trims the store now and then, and keeps the view from falling far behind without scrapes. */
function startMaintenance(
  store: GroupStore,
  view: View,
  watch: StoreWatch,
  logger: Logger,
): () => Promise<void> {
  let running = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    // Replicas that were started together should not do it together.
    const delayMs = MAINTAIN_MS * (1 + MAINTAIN_JITTER * (2 * Math.random() - 1))
    timer = setTimeout(() => {
      schedule()
      // While the store is away, the watch is after it already.
      if (!watch.isInStep) return
      running = Promise.all([store.maintain(), view.sync()]).then(
        () => undefined,
        (error: unknown) => logger.warn('maintenance failed', { reason: String(error) }),
      )
    }, delayMs)
  }
  schedule()
  return async () => {
    clearTimeout(timer)
    await running
  }
}

/** Named steps, run in reverse of the order they were added in, once; each failure is logged. */
class Teardown {
  private readonly logger: Logger
  private readonly steps: { name: string; run: () => Promise<void> | void }[] = []
  private ended: Promise<void> | undefined

  constructor(logger: Logger) {
    this.logger = logger
  }

  add(name: string, run: () => Promise<void> | void): void {
    this.steps.push({ name, run })
  }

  run(): Promise<void> {
    return (this.ended ??= this.runSteps())
  }

  private async runSteps(): Promise<void> {
    for (const { name, run } of this.steps.reverse()) {
      try {
        await run()
      } catch (error) {
        this.logger.error('could not stop cleanly', { step: name, reason: String(error) })
      }
    }
  }
}
