/** What stands before all routes: the headers, the rate limit and the users of the web configuration. */
import type { TLSSocket } from 'node:tls'
import type { Request, Response } from 'express'
import type { Answer } from '../front.ts'
import type { WebConfig } from '../../config/web-config.ts'
import { sendText } from '../answers.ts'
import { BasicAuth, type Authentication } from './basic-auth.ts'
import { isGone } from '../http-versions.ts'
import { TokenBucket } from './rate-limit.ts'
import type { Handler, Requests } from '../requests.ts'

export class Guard {
  private readonly requests: Requests
  private readonly auth = new BasicAuth()
  private headers: ReadonlyMap<string, string> = new Map()
  private verifiesCertificates = false
  private bucket: TokenBucket | undefined
  private readonly refuseUser: Handler
  private readonly refuseRate: Handler

  constructor(requests: Requests) {
    this.requests = requests
    const unbounded = { bounded: false }
    this.refuseUser = requests.handler(
      'unauthorized',
      (_request, response) => {
        response.setHeader('WWW-Authenticate', 'Basic')
        sendText(response, 401, 'Unauthorized')
      },
      unbounded,
    )
    this.refuseRate = requests.handler(
      'rate_limited',
      (_request, response) => {
        const intervalMs = this.bucket?.limit.intervalMs ?? 0
        response.setHeader('Retry-After', Math.max(1, Math.ceil(intervalMs / 1000)))
        sendText(response, 429, 'Too Many Requests')
      },
      unbounded,
    )
  }

  /** Takes a configuration into force for the requests that come from now on. */
  configure({ headers, users, rateLimit, tls }: WebConfig): void {
    this.headers = headers
    this.verifiesCertificates = tls?.clientAuthType === 'RequireAndVerifyClientCert'
    this.auth.setUsers(users)
    const now = this.bucket?.limit
    if (rateLimit === undefined) {
      this.bucket = undefined
    } else if (now?.burst !== rateLimit.burst || now.intervalMs !== rateLimit.intervalMs) {
      this.bucket = new TokenBucket(rateLimit, performance.now())
    }
  }

  /** True when who sent a request that got past the guard has shown who they are, by password or certificate. */
  knows(request: Request): boolean {
    if (this.auth.isOn) return true
    // It may have connected before certificates were asked for.
    const { authorized, getPeerX509Certificate } = request.socket as Partial<TLSSocket>
    return (
      this.verifiesCertificates &&
      authorized === true &&
      getPeerX509Certificate?.call(request.socket) !== undefined
    )
  }

  async stop(): Promise<void> {
    await this.auth.stop()
  }

  /** For all requests, also those that need not say who sent them. */
  readonly limit = (request: Request, response: Response, goOn: Answer): Promise<void> | void => {
    for (const [name, value] of this.headers) response.setHeader(name, value)
    if (this.bucket?.take(performance.now()) === false) return this.refuseRate(request, response)
    return goOn(request, response)
  }

  /** Lets through who is known. */
  readonly admit = (request: Request, response: Response, goOn: Answer): Promise<void> | void => {
    if (!this.auth.isOn) return goOn(request, response)
    let found: Authentication | Promise<Authentication>
    try {
      found = this.auth.authenticate(request.headers.authorization)
    } catch (error) {
      return this.fail(error, request, response)
    }
    const decide = ({ kind }: Authentication): Promise<void> | void =>
      kind === 'user' ? goOn(request, response) : this.refuseUser(request, response)
    // Nearly always it is known already: then the request goes on in the same turn.
    if (!(found instanceof Promise)) return decide(found)
    return found.then(
      (known) => (isGone(response) ? undefined : decide(known)),
      (error: unknown) => this.fail(error, request, response),
    )
  }

  private fail(error: unknown, request: Request, response: Response): Promise<void> | void {
    const handler = this.requests.handler('unauthorized', () => {
      throw error
    })
    return handler(request, response)
  }
}
