/**
 * Gives node:http request and response classes whose prototypes already are those of an Express
 * app. Express swaps the prototypes of both objects at each request, which makes V8 forget all it
 * knew of them; found equal, the swap costs nothing. 3.3 times the requests a second, one process,
 * one handler (test/bench/express-prototypes.ts).
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'

interface Classes {
  readonly IncomingMessage: typeof IncomingMessage
  readonly ServerResponse: typeof ServerResponse
}

/** To be spread into the options of http.createServer. */
export function expressClasses(app: Express): Classes {
  return {
    IncomingMessage: withPrototype(IncomingMessage, app.request),
    ServerResponse: withPrototype(ServerResponse, app.response),
  }
}

function withPrototype<Class extends typeof IncomingMessage | typeof ServerResponse>(
  base: Class,
  prototype: object,
): Class {
  const derived = function (...args: unknown[]): object {
    return Reflect.construct(base, args, derived) as object
  }
  derived.prototype = prototype
  return derived as unknown as Class
}
