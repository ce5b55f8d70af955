/**
 * Lets an Express app answer HTTP/2. Express gives each request prototypes that descend from node:http's classes;
 * those of node:http2's are others, so the app gets a second pair of prototypes, with the same methods on top.
 */
import http2 from 'node:http2'
import express, { type Express } from 'express'
import type { Answer } from '../front.ts'
import type { Site } from './server-options.ts'

type Listener = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void

/** What an HTTP/2 server calls for each request, so that the routes of the app answer it. */
export function http2Listener({ app, front = (rest) => rest }: Site): Listener {
  // Everything but the prototypes is the app's own: Express reads them from `this`.
  const facade = Object.create(app, {
    request: { value: withMethodsOf(express.request, http2.Http2ServerRequest.prototype, app) },
    response: { value: withMethodsOf(express.response, http2.Http2ServerResponse.prototype, app) },
  }) as { handle: Listener }
  const answer = front(facade.handle.bind(facade) as unknown as Answer) as unknown as Listener
  return (request, response) => void answer(request, response)
}

function withMethodsOf(methods: object, base: object, app: Express): object {
  const own = Object.getOwnPropertyDescriptors(methods)
  return Object.create(base, { ...own, app: { value: app } }) as object
}
