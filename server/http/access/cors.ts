/** Lets pages of other origins push from a browser (--web.cors.origin); nothing else of the gateway. */
import type { Request, Response } from 'express'
import type { Answer } from '../front.ts'
import { ERROR_HEADER, REVISION_HEADER, sendStatus } from '../answers.ts'
import type { Requests } from '../requests.ts'

export interface CorsOptions {
  /** Matches the whole of an origin that may. */
  readonly origin: RegExp
  readonly isPushPath: (url: string) => boolean
  readonly requests: Requests
}

const METHODS = 'DELETE, POST, PUT'
const REQUEST_HEADERS = 'Authorization, Content-Encoding, Content-Type'
/** How long a browser may remember what it was allowed. */
const REMEMBERED_SECONDS = 600

/**
 * The preflight comes without credentials, so it is answered before anybody is asked for some. Those that a browser
 * keeps (Access-Control-Allow-Credentials) are not asked for: they would be the operator's, not the page's.
 */
export function allowPushesFrom({ origin, isPushPath, requests }: CorsOptions) {
  const answerPreflight = requests.handler('options', (_request, response) => {
    response.setHeader('Access-Control-Allow-Methods', METHODS)
    response.setHeader('Access-Control-Allow-Headers', REQUEST_HEADERS)
    response.setHeader('Access-Control-Max-Age', REMEMBERED_SECONDS)
    sendStatus(response, 204)
  })
  return (request: Request, response: Response, goOn: Answer): Promise<void> | void => {
    const { url, method, headers } = request
    if (!isPushPath(url)) return goOn(request, response)
    response.setHeader('Vary', 'Origin')
    if (headers.origin === undefined || !origin.test(headers.origin)) {
      return goOn(request, response)
    }
    response.setHeader('Access-Control-Allow-Origin', headers.origin)
    response.setHeader(
      'Access-Control-Expose-Headers',
      `Retry-After, ${REVISION_HEADER}, ${ERROR_HEADER}`,
    )
    const isPreflight =
      method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
    return isPreflight ? answerPreflight(request, response) : goOn(request, response)
  }
}
