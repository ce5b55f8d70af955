/** Every URL of the gateway, on one page. */
import express, { type Express, type Request, type Response } from 'express'
import { OWN_METRICS_PATH, type Settings } from '../config/settings.ts'
import type { Gateway } from '../gateway.ts'
import type { PushKind } from '../push-write.ts'
import { PushReader } from '../read-push.ts'
import type { BuildInfo } from '../telemetry/build-info.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'
import { createPages } from '../ui/pages.ts'
import { sendStatus, sendText } from './answers.ts'
import { BodyBudget } from './bodies/body-budget.ts'
import { frontOf, type Answer, type Front, type Middleware } from './front.ts'
import { allowPushesFrom } from './access/cors.ts'
import { debugHandlers } from './debug.ts'
import { handleMetrics, handleStatus, handleWipe, setApiHeaders } from './api-v1.ts'
import type { Guard } from './access/guard.ts'
import {
  handleHealthy,
  handleQuit,
  handleReady,
  refuseMethod,
  type LifecycleOptions,
} from './lifecycle.ts'
import { handleDelete, handlePush, pathOf, type PushOptions } from './push.ts'
import type { Handler, Requests } from './requests.ts'
import { handleOwnMetrics, handleScrape } from './scrape.ts'

export interface RoutesOptions extends LifecycleOptions {
  readonly settings: Settings
  readonly gateway: Gateway
  readonly requests: Requests
  readonly guard: Guard
  readonly ownMetrics: OwnMetrics
  readonly logger: Logger
  readonly build: BuildInfo
  readonly startedAt: Date
}

/** How the path of a group begins behind /metrics/. */
const GROUP_PATH = /^job(?:(?:@|%40)base64)?\//
/** How many bodies of the largest size may be coming in at a time; and however small that is, so many bytes. */
const BODIES_HELD = 4
const BODY_BYTES_HELD_MIN = 64 * 1024 * 1024
const PUSH_METHODS = 'DELETE, OPTIONS, POST, PUT'
const READ_METHODS = 'GET, HEAD'

export interface Routes {
  /** Pushes, and what every request has to get past. */
  readonly front: Front
  /** Everything else. */
  readonly app: Express
}

export function createRoutes(options: RoutesOptions): Routes {
  const { settings, gateway, requests, guard } = options
  const { flags, routePrefix: prefix, externalPrefix } = settings
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.enable('strict routing')

  const before: Middleware[] = [requests.enter, guard.limit]
  if (settings.corsOrigin !== undefined) {
    const isPushPath = (url: string): boolean => isGroupPath(url, groupPathPrefix(settings))
    before.push(allowPushesFrom({ origin: settings.corsOrigin, isPushPath, requests }))
  }
  before.push(guard.admit, apiHeaders(`${prefix}/api/v1/`), groupPaths(options))

  const page = (route: string, handler: Handler): void => {
    // Not app.all, which makes a matcher for each of the three dozen methods.
    app
      .route(exactly(route))
      .get(handler)
      .all(requests.handler('other', refuseMethod(READ_METHODS)))
  }
  const scrape = { gateway, preferOpenMetrics: flags['web.prefer-openmetrics'] }
  page(
    prefix + settings.telemetryPath,
    requests.handler('scrape', (request, response) => handleScrape(scrape, request, response), {
      counted: false,
    }),
  )

  const unbounded = { bounded: false }
  page(
    prefix + OWN_METRICS_PATH,
    requests.handler(
      'own_metrics',
      (request, response) => handleOwnMetrics(scrape, request, response),
      { bounded: false, counted: false },
    ),
  )
  page(`${prefix}/-/healthy`, requests.handler('healthy', handleHealthy, unbounded))
  page(
    `${prefix}/-/ready`,
    requests.handler(
      'ready',
      (request, response) => handleReady(options, request, response),
      unbounded,
    ),
  )
  app
    .route(exactly(`${prefix}/-/quit`))
    .all(
      requests.handler(
        'quit',
        (request, response) => handleQuit(options, request, response),
        unbounded,
      ),
    )

  const api = { gateway, flags, build: options.build, startedAt: options.startedAt }
  app.options(
    new RegExp(`^${escapeRegExp(prefix)}/api/v1/`),
    requests.handler('options', (_request, response) => {
      sendStatus(response, 200)
    }),
  )
  page(
    `${prefix}/api/v1/status`,
    requests.handler('api_v1_status', (request, response) => handleStatus(api, request, response)),
  )
  page(
    `${prefix}/api/v1/metrics`,
    requests.handler('api_v1_metrics', (request, response) =>
      handleMetrics(api, request, response),
    ),
  )
  if (flags['web.enable-admin-api']) {
    app
      .route(exactly(`${prefix}/api/v1/admin/wipe`))
      .put(
        requests.handler('api_v1_wipe', (request, response) => handleWipe(api, request, response)),
      )
      .all(requests.handler('other', refuseMethod('OPTIONS, PUT')))
  }

  if (flags['web.enable-debug']) {
    const debug = debugHandlers({ knowsClient: (request) => guard.knows(request) })
    for (const [name, handler] of debug) {
      page(`${prefix}/debug/${name}`, requests.handler('debug', handler))
    }
  }

  const pages = createPages({
    gateway,
    settings,
    build: options.build,
    startedAt: options.startedAt,
  })
  page(`${prefix}/`, requests.handler('page', pages.groups))
  if (prefix !== '') page(prefix, requests.handler('page', redirectTo(`${externalPrefix}/`)))
  page(`${prefix}/status`, requests.handler('page', pages.groups))
  for (const [name, handler] of pages.files)
    page(`${prefix}/static/${name}`, requests.handler('static', handler))

  app.use(
    requests.handler('other', (_request, response) =>
      sendText(response, 404, '404 page not found'),
    ),
  )
  app.use(requests.errorMiddleware)
  return { front: (rest) => frontOf(before, rest, requests.failed), app }
}

function redirectTo(location: string): Handler {
  return (_request, response) => {
    response.setHeader('Location', location)
    sendStatus(response, 301)
  }
}

/** What is under the API may be read across origins, errors included. */
function apiHeaders(apiPrefix: string) {
  return (request: Request, response: Response, goOn: Answer): Promise<void> | void => {
    if (request.url.startsWith(apiPrefix)) setApiHeaders(response)
    return goOn(request, response)
  }
}

/**
 * Pushes and deletes. Their paths are not matched by the router, which would decode them first:
 * groups/grouping-key.ts reads them as they were sent.
 */
function groupPaths({ settings, gateway, requests, ownMetrics, logger }: RoutesOptions) {
  const { flags, routePrefix } = settings
  const push: PushOptions = {
    gateway,
    ownMetrics,
    logger,
    pathPrefix: groupPathPrefix(settings),
    reader: new PushReader(
      {
        utf8Names: flags['push.enable-utf8-names'],
        lenientNewlines: flags['push.lenient-newlines'],
        strictOpenMetrics: flags['push.strict-openmetrics'],
        samplesMax: flags['push.max-samples'],
      },
      {
        ownClaims: ownMetrics.claims,
        checked: !flags['push.disable-consistency-check'],
      },
    ),
    utf8Names: flags['push.enable-utf8-names'],
    bodies: {
      bytesMax: flags['push.max-body-bytes'],
      budget: new BodyBudget(
        Math.max(BODIES_HELD * flags['push.max-body-bytes'], BODY_BYTES_HELD_MIN),
      ),
      strictEncodings: flags['push.strict-encodings'],
    },
    acceptedStatus: flags['push.disable-consistency-check'] ? 202 : 200,
  }
  const pushHandler = (kind: PushKind): Handler =>
    requests.handler('push', (request, response) => handlePush(push, kind, request, response), {
      takesBody: true,
    })
  // A map: over HTTP/2 a method may have the name of anything that objects have.
  const handlers = new Map<string, Handler>([
    ['PUT', pushHandler('replace')],
    ['POST', pushHandler('merge')],
    [
      'DELETE',
      requests.handler('delete', (request, response) => handleDelete(push, request, response)),
    ],
  ])
  const other = requests.handler('other', refuseMethod(PUSH_METHODS))
  const telemetry = routePrefix + settings.telemetryPath
  return (request: Request, response: Response, goOn: Answer): Promise<void> | void => {
    const { url, method } = request
    if (!url.startsWith(push.pathPrefix)) return goOn(request, response)
    const isGroup = isGroupPath(url, push.pathPrefix)
    const handler = handlers.get(method)
    // Also where the page has the path of a group: that one is only read.
    if (handler !== undefined && isGroup) return handler(request, response)
    const isTelemetry = pathOf(url) === telemetry
    if (handler !== undefined && !isTelemetry) return handler(request, response)
    if (!isGroup || isTelemetry) return goOn(request, response)
    return other(request, response)
  }
}

function groupPathPrefix({ routePrefix }: Settings): string {
  return `${routePrefix}/metrics/`
}

function isGroupPath(url: string, pathPrefix: string): boolean {
  return url.startsWith(pathPrefix) && GROUP_PATH.test(url.slice(pathPrefix.length))
}

/** A path as it stands; as text, Express would read a pattern into it. */
function exactly(path: string): RegExp {
  return new RegExp(`^${escapeRegExp(path)}$`)
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
