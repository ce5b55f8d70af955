/** How outcomes and errors become HTTP answers; the only place that knows status codes of errors. */
import type { Response } from 'express'
import { StoreError, type StoreErrorCode } from '../../storage/errors.ts'
import { SluiceError, type ErrorCode } from '../errors.ts'
import type { Position } from '../gateway.ts'

const STATUS: Readonly<Record<ErrorCode | StoreErrorCode, number>> = {
  invalid_path: 400,
  invalid_parameter: 400,
  invalid_exposition: 400,
  invalid_encoding: 400,
  unknown_encoding: 415,
  body_too_large: 413,
  not_found: 404,
  overloaded: 503,
  unavailable: 503,
  unconfirmed: 503,
  full: 507,
  corrupt: 503,
  unusable: 503,
}

/** What a client may wait before trying again: one of so many seconds, so that not all come back at once. */
const RETRY_AFTER_SECONDS = [1, 2, 3]

/** The stable code of an error, for whoever would otherwise have to read its text. */
export const ERROR_HEADER = 'Sluice-Error'

export interface ErrorAnswer {
  readonly status: number
  /** Undefined for errors that nobody foresaw. */
  readonly code: ErrorCode | StoreErrorCode | undefined
  readonly text: string
}

/** The answer to an error; unknown ones become a 500 that says nothing of their cause. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof SluiceError || error instanceof StoreError) {
    return { status: STATUS[error.code], code: error.code, text: error.message }
  }
  return { status: 500, code: undefined, text: 'internal error; the log of the gateway says more' }
}

/** A plain text answer as Go's http.Error writes it. */
export function sendText(response: Response, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (status === 503) response.setHeader('Retry-After', retryAfterSeconds())
  response.end(`${text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text}\n`)
}

function retryAfterSeconds(): number {
  return RETRY_AFTER_SECONDS[Math.floor(Math.random() * RETRY_AFTER_SECONDS.length)]!
}

/** Reasons quote what was pushed, which may be megabytes. */
const TEXT_MAX = 2000

export const REVISION_HEADER = 'Sluice-Revision'

/** Says which moment of the store's history an answer belongs to; undefined: none. */
export function setRevision(response: Response, at: Position | undefined): void {
  if (at !== undefined) response.setHeader(REVISION_HEADER, shownRevision(at))
}

function shownRevision({ epoch, revision }: Position): string {
  return `${epoch.slice(0, EPOCH_SHOWN)}/${revision}`
}

/** So much of an epoch tells it from others. */
const EPOCH_SHOWN = 8

/** The answer to a write, without a body. At once rather than header by header: every push gets one. */
export function sendApplied(response: Response, status: number, at: Position | undefined): void {
  const headers = ['Content-Length', '0']
  if (at !== undefined) headers.push(REVISION_HEADER, shownRevision(at))
  response.writeHead(status, headers)
  response.end()
}

/** An answer without a body. */
export function sendStatus(response: Response, status: number): void {
  response.statusCode = status
  response.end()
}

/** Resolves when more may be written, or nobody takes it any more. */
export function nextDrain(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
