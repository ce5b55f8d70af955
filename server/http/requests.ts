/** What happens to every request: counting, bounding, the access log, and errors at its end. */
import type { NextFunction, Request, Response } from 'express'
import type { Answer } from './front.ts'
import { StoreError } from '../../storage/errors.ts'
import { SluiceError } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'
import { sourceStack } from '../telemetry/source-stack.ts'
import { answerTo, ERROR_HEADER, sendText } from './answers.ts'
import { RequestAborted } from './bodies/body.ts'
import { askToClose, cutOffAfter, hasBody, isGone, knownMethod } from './http-versions.ts'
import { peerOf } from './sockets/open-connections.ts'
import { Turn } from './turns.ts'

export interface RequestsOptions {
  readonly ownMetrics: OwnMetrics
  readonly logger: Logger
  readonly requestsMax: number
  readonly logRequests: boolean
}

export interface HandlerOptions {
  /** False where answering has to work however many requests there are. */
  readonly bounded?: boolean
  /** Whether it is part of pushgateway_http_requests_total. */
  readonly counted?: boolean
  /** Whether the handler reads the body; else it is dropped before. */
  readonly takesBody?: boolean
}

export type Handler = (request: Request, response: Response) => Promise<void> | void

const REQUEST = Symbol('what is known of this request')

type KnownResponse = Response & { [REQUEST]?: OpenRequest }

/** A request that is not over yet, and what is to be done when it is. */
class OpenRequest extends Turn {
  readonly requests: Requests
  readonly response: Response
  readonly startedAt = performance.now()
  /** Read now, where it is needed: a connection that is gone has no address any more. */
  readonly peer: string | undefined
  /** What it is counted as; undefined: not at all. */
  countedAs: string | undefined
  /** Whether it was given to a handler. */
  isHandled = false
  /** Whether it counts against --web.max-requests. */
  hasPlace = false
  /** Where it stands among the open ones. */
  index = 0

  constructor(requests: Requests, response: Response, peer: string | undefined) {
    super()
    this.requests = requests
    this.response = response
    this.peer = peer
  }

  protected override over(): void {
    this.requests.over(this)
  }
}

/** One for all answers, which are what it is called on. */
function endTurn(this: KnownResponse): void {
  this[REQUEST]?.end()
}

/** The requests of one server, from the first byte of their heads to the last of their answers. */
export class Requests {
  private readonly options: RequestsOptions
  /** In no order. */
  private readonly open: OpenRequest[] = []
  /** By requests that count against --web.max-requests. */
  private placesTaken = 0
  private draining = false

  constructor(options: RequestsOptions) {
    this.options = options
  }

  /** From now on answers ask for their connections to be closed, so that balancers move on. */
  drain(): void {
    this.draining = true
    for (const { response } of this.open) askToClose(response)
  }

  /** Who sent the requests that are not over yet. */
  peersInFlight(): ReadonlySet<string> {
    return new Set(this.open.map(({ response }) => peerOf(response.req.socket)))
  }

  /** The first middleware: requests of one connection of HTTP/1 are served one after the other. */
  readonly enter = (
    request: Request,
    response: KnownResponse,
    goOn: Answer,
  ): Promise<void> | void => {
    const { logRequests } = this.options
    const peer = logRequests ? request.socket.remoteAddress : undefined
    const open = new OpenRequest(this, response, peer)
    response[REQUEST] = open
    open.index = this.open.push(open) - 1
    response.on('close', endTurn)
    const turn = open.take(request)
    if (turn === undefined) return goOn(request, response)
    return turn.then(() => {
      if (!isGone(response)) return goOn(request, response)
    })
  }

  /** Wraps a handler: bounds how many run, counts it under a name, answers its errors. */
  handler(
    name: string,
    handle: Handler,
    { bounded = true, counted = true, takesBody = false }: HandlerOptions = {},
  ): Handler {
    const start: Handler = (request, response: KnownResponse) => {
      if (this.draining) askToClose(response)
      const open = response[REQUEST]!
      open.isHandled = true
      open.countedAs = counted ? name : undefined
      if (bounded && !this.takePlace(open)) return this.refuse(request, response)
      if (takesBody || !hasBody(request)) return handle(request, response)
      return dropBody(request, response).then(() => handle(request, response))
    }
    return (request, response) => {
      try {
        return start(request, response)?.catch((error: unknown) =>
          this.fail(error, request, response),
        )
      } catch (error) {
        return this.fail(error, request, response)
      }
    }
  }

  private async refuse(request: Request, response: Response): Promise<void> {
    // Waiting to be refused takes no place.
    if (hasBody(request)) await dropBody(request, response)
    const { requestsMax } = this.options
    const reason = `${requestsMax} requests are being served already (--web.max-requests)`
    response.setHeader(ERROR_HEADER, 'overloaded')
    sendText(response, 503, reason)
  }

  /** False when all places are taken; else it is given back when the request is over. */
  private takePlace(open: OpenRequest): boolean {
    if (this.placesTaken >= this.options.requestsMax) return false
    this.placesTaken++
    open.hasPlace = true
    return true
  }

  /** For open requests, when they are over. */
  over(open: OpenRequest): void {
    const last = this.open.pop()!
    if (last !== open) {
      this.open[open.index] = last
      last.index = open.index
    }
    if (open.hasPlace) this.placesTaken--
    if (!open.isHandled) return
    const { response, countedAs } = open
    if (countedAs !== undefined && response.headersSent) {
      const method = knownMethod(response.req)
      this.options.ownMetrics.countRequest(countedAs, method, response.statusCode)
    }
    if (this.options.logRequests) this.logRequest(open)
  }

  /** For what Express itself finds wrong; the last middleware. */
  readonly errorMiddleware = (
    error: unknown,
    request: Request,
    response: Response,
    next: NextFunction,
  ): void => {
    if (response.headersSent) {
      next(error)
      return
    }
    const { status } = error as { status?: unknown }
    if (typeof status === 'number' && status >= 400 && status < 500)
      sendText(response, status, 'bad request')
    else void this.fail(error, request, response)
  }

  /** For what stands before Express. */
  readonly failed = (error: unknown, request: Request, response: Response): void => {
    void this.fail(error, request, response)
  }

  private async fail(error: unknown, request: Request, response: Response): Promise<void> {
    if (error instanceof RequestAborted || isGone(response)) return
    this.logFailure(error, request)
    if (response.headersSent) {
      response.destroy()
      return
    }
    const { status, code, text } = answerTo(error)
    if (!request.complete) await dropBody(request, response)
    if (code !== undefined) response.setHeader(ERROR_HEADER, code)
    sendText(response, status, text)
  }

  private logFailure(error: unknown, request: Request): void {
    const { logger } = this.options
    const fields = { peer: request.socket.remoteAddress, method: request.method, path: request.url }
    if (error instanceof SluiceError) {
      logger.warn('request refused', { ...fields, reason: error.message })
    } else if (error instanceof StoreError) {
      logger.error('the store failed', { ...fields, code: error.code, reason: error.message })
    } else {
      logger.error('internal error', {
        ...fields,
        reason: error instanceof Error ? sourceStack(error) : String(error),
      })
    }
  }

  private logRequest({ response, peer, startedAt }: OpenRequest): void {
    const { req: request } = response
    this.options.logger.info('request', {
      peer,
      method: request.method,
      path: request.url,
      // Without one, the client went away before it was answered.
      status: response.headersSent ? response.statusCode : undefined,
      seconds: Number(((performance.now() - startedAt) / 1000).toFixed(6)),
      agent: request.headers['user-agent'],
    })
  }
}

/** How long a client may go on sending a body that nobody wants. */
const UNWANTED_BODY_MS = 5_000

/**
 * Reads and drops what is left of a body, for a while. Clients that write all of a request before
 * they read would find a closed connection instead of the answer. Who goes on is cut off with it.
 */
function dropBody(request: Request, response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(enough)
      resolve()
    }
    const enough = setTimeout(() => {
      cutOffAfter(response)
      done()
    }, UNWANTED_BODY_MS)
    request.once('end', done)
    request.once('close', done)
    request.resume()
  })
}
