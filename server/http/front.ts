/**
 * What stands before all routes, without Express' router: pushes are answered here, the rest goes on to the app.
 * With one handler Express took 53 us of CPU a request where node:http alone took 30 (test/bench/README.md).
 */
import type { Request, Response } from 'express'

export type Answer = (request: Request, response: Response) => Promise<void> | void

/** Answers a request or goes on with it. */
export type Middleware = (
  request: Request,
  response: Response,
  goOn: Answer,
) => Promise<void> | void

/** What stands before an app. */
export type Front = (app: Answer) => Answer

/**
 * One function that runs the middlewares one after the other, and at last the app.
 *
 * @param failed is told what one of them throws; the app answers for itself, and throws nothing
 */
export function frontOf(
  middlewares: readonly Middleware[],
  app: Answer,
  failed: (error: unknown, request: Request, response: Response) => void,
): Answer {
  const front = middlewares.reduceRight<Answer>(
    (rest, middleware) => (request, response) => middleware(request, response, rest),
    app,
  )
  return (request, response) => {
    try {
      const answered = front(request, response)
      return answered?.catch((error: unknown) => failed(error, request, response))
    } catch (error) {
      failed(error, request, response)
    }
  }
}
