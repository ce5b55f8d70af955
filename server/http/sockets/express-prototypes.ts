/**
 * Gives node:http request and response classes whose prototypes already are those of an Express
 * app. Express swaps the prototypes of both objects at each request, which makes V8 forget all it
 * knew of them; found equal, the swap costs nothing. A third of the CPU a request, with one small
 * handler (test/bench/express-prototypes.ts).
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

/**
 * A constructor that calls `base` on objects of this prototype. node:http's classes are functions,
 * which allow that. Reflect.construct would be the textbook way, and is slower than no trick at all.
 */
function withPrototype<Class extends typeof IncomingMessage | typeof ServerResponse>(
  base: Class,
  prototype: object,
): Class {
  const construct = base as unknown as (this: object, a: unknown, b: unknown) => void
  function Derived(this: object, a: unknown, b: unknown): void {
    construct.call(this, a, b)
  }
  // V8 makes objects as large as the constructors of the chain say; with less room than they need, these became
  // dictionaries, slow at every look-up.
  Object.setPrototypeOf(Derived, base)
  Derived.prototype = prototype
  return Derived as unknown as Class
}
