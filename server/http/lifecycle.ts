/** /-/healthy, /-/ready and /-/quit. */
import type { Request, Response } from 'express'
import { sendStatus, sendText } from './answers.ts'
import { askToClose } from './http-versions.ts'

export interface LifecycleOptions {
  /** Undefined when the gateway may be sent requests; else why not. */
  readonly notReady: () => Promise<string | undefined>
  /** Undefined without --web.enable-lifecycle. */
  readonly quit: (() => void) | undefined
}

/** The process lives. A store that is down is no reason to restart it. */
export function handleHealthy(_request: Request, response: Response): void {
  sendOk(response)
}

/** Whether a balancer should send requests here. */
export async function handleReady(
  { notReady }: LifecycleOptions,
  _request: Request,
  response: Response,
): Promise<void> {
  const reason = await notReady()
  if (reason === undefined) sendOk(response)
  else sendText(response, 503, `not ready: ${reason}`)
}

export function handleQuit({ quit }: LifecycleOptions, request: Request, response: Response): void {
  if (request.method !== 'PUT' && request.method !== 'POST') {
    response.setHeader('Allow', 'POST, PUT')
    sendText(response, 405, 'Only POST or PUT requests allowed')
  } else if (quit === undefined) {
    sendText(response, 403, 'Lifecycle API is not enabled.')
  } else {
    response.once('close', quit)
    askToClose(response)
    sendOk(response, 'Requesting termination... Goodbye!')
  }
}

function sendOk(response: Response, text = 'OK'): void {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.end(text)
}

/** For routes that exist, in methods that do not. */
export function refuseMethod(allowed: string): (request: Request, response: Response) => void {
  return (request, response) => {
    response.setHeader('Allow', allowed)
    if (request.method === 'OPTIONS') sendStatus(response, 200)
    else
      sendText(response, 405, `method ${request.method} is not allowed here (allowed: ${allowed})`)
  }
}
