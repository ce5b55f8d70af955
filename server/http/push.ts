/** PUT, POST and DELETE on /metrics/job/...: the requests the gateway is there for. */
import type { Request, Response } from 'express'
import { syntaxOfBody } from '../exposition/content-type.ts'
import { SluiceError } from '../errors.ts'
import { renderLabels } from '../exposition/text/render.ts'
import type { Gateway } from '../gateway.ts'
import type { PushKind } from '../push-write.ts'
import type { PushReader, ReadPush } from '../read-push.ts'
import { parseGroupingPath, type GroupingKey } from '../groups/grouping-key.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'
import { ERROR_HEADER, sendApplied, sendText } from './answers.ts'
import { readBody, type Body, type BodyOptions } from './bodies/body.ts'

export interface PushOptions {
  readonly gateway: Gateway
  readonly ownMetrics: OwnMetrics
  readonly logger: Logger
  /** What stands before `job/...` in a path: prefix and `/metrics/`. */
  readonly pathPrefix: string
  readonly reader: PushReader
  /** --push.enable-utf8-names */
  readonly utf8Names: boolean
  readonly bodies: BodyOptions
  /** 200, or 202 where nothing is checked. */
  readonly acceptedStatus: number
}

/** Answers a push when it is committed, or says why it is not. */
export async function handlePush(
  options: PushOptions,
  kind: PushKind,
  request: Request,
  response: Response,
): Promise<void> {
  const startedAt = performance.now()
  const grouping = groupingOf(options, request)
  const body = await readBody(request, options.bodies)
  const { push, isWithoutEof } = read(options.reader, body, request, grouping)
  if (isWithoutEof && body.bytes.length > 0) options.ownMetrics.countMissingEof()
  const outcome = await options.gateway.push(kind, grouping, push)
  if (outcome.kind === 'accepted') {
    sendApplied(response, options.acceptedStatus, outcome.at)
  } else {
    logRejection(options, request, grouping, outcome.reason)
    response.setHeader(ERROR_HEADER, 'inconsistent')
    sendText(
      response,
      400,
      `pushed metrics are invalid or inconsistent with existing metrics: ${outcome.reason}`,
    )
  }
  const seconds = (performance.now() - startedAt) / 1000
  options.ownMetrics.observePush(request.method, seconds, body.bytes.length)
}

function read(
  reader: PushReader,
  { bytes, readAsItIs }: Body,
  request: Request,
  grouping: GroupingKey,
): ReadPush {
  const syntax = syntaxOfBody(request.headers['content-type'])
  if (readAsItIs === undefined) return reader.read(bytes, syntax, grouping)
  try {
    return reader.read(bytes, syntax, grouping)
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'invalid_exposition') throw error
    throw new SluiceError(error.code, `${error.message} (it was read as it is: ${readAsItIs})`)
  }
}

/** Deletes a group; its body, if any, is not read. */
export async function handleDelete(
  options: PushOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const grouping = groupingOf(options, request)
  sendApplied(response, 202, await options.gateway.remove(grouping))
}

function groupingOf({ pathPrefix, utf8Names }: PushOptions, request: Request): GroupingKey {
  return parseGroupingPath(pathOf(request.url).slice(pathPrefix.length), utf8Names)
}

/** A URL without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

function logRejection(
  { logger }: PushOptions,
  request: Request,
  grouping: GroupingKey,
  reason: string,
): void {
  logger.warn('push rejected', {
    peer: request.socket.remoteAddress,
    method: request.method,
    group: renderLabels(grouping.labels),
    reason,
  })
}
