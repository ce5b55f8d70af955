/** /debug/: what the process is doing, for those who look for the cause of a problem (--web.enable-debug). */
import { Session } from 'node:inspector'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline } from 'node:stream/promises'
import { getHeapSnapshot } from 'node:v8'
import type { Request, Response } from 'express'
import { SluiceError } from '../errors.ts'
import { sendText } from './answers.ts'
import { isGone, whenLeaving } from './http-versions.ts'
import type { Handler } from './requests.ts'

export interface DebugOptions {
  /** Whether who sent a request has shown who they are. */
  readonly knowsClient: (request: Request) => boolean
}

const PROFILE_SECONDS = 30
/** Well below the time after which silent connections are cut. */
const PROFILE_SECONDS_MAX = 100

const INDEX = `/debug/heap-snapshot                what is in memory, for the developer tools of Chromium; nothing else is served meanwhile
/debug/cpu-profile?seconds=${PROFILE_SECONDS}       what the CPU does in that time (at most ${PROFILE_SECONDS_MAX} seconds)
`

/** Handlers by the path behind /debug/. */
export function debugHandlers({ knowsClient }: DebugOptions): ReadonlyMap<string, Handler> {
  // A heap snapshot has all that was pushed in it, and passwords that are being compared.
  const forAdmins =
    (handle: Handler): Handler =>
    (request, response) => {
      if (knowsClient(request)) return handle(request, response)
      sendText(
        response,
        403,
        '/debug/ is for admins only: --web.config.file has to name basic_auth_users, or require client certificates',
      )
    }
  let isProfiling = false
  return new Map<string, Handler>([
    ['', forAdmins((_request, response) => void response.type('txt').end(INDEX))],
    [
      'heap-snapshot',
      forAdmins(async (request, response) => {
        announceFile(response, 'heapsnapshot')
        if (request.method === 'HEAD') response.end()
        else await pipeline(getHeapSnapshot(), response)
      }),
    ],
    [
      'cpu-profile',
      forAdmins(async (request, response) => {
        const seconds = secondsOf(request.url)
        if (isProfiling) throw new SluiceError('overloaded', 'a CPU profile is being taken already')
        if (request.method === 'HEAD') {
          announceFile(response, 'cpuprofile')
          response.end()
          return
        }
        isProfiling = true
        try {
          const profile = await takeCpuProfile(seconds, response)
          if (isGone(response)) return
          announceFile(response, 'cpuprofile')
          response.end(profile)
        } finally {
          isProfiling = false
        }
      }),
    ],
  ])
}

function secondsOf(url: string): number {
  const text = new URLSearchParams(url.split('?')[1] ?? '').get('seconds')
  const seconds = Number(text ?? PROFILE_SECONDS)
  if (!(seconds > 0 && seconds <= PROFILE_SECONDS_MAX)) {
    throw new SluiceError(
      'invalid_parameter',
      `seconds=${text ?? ''}: must be a number of at most ${PROFILE_SECONDS_MAX}`,
    )
  }
  return seconds
}

/** As JSON; shorter when the client goes away. */
async function takeCpuProfile(seconds: number, response: Response): Promise<string> {
  const session = new Session()
  session.connect()
  const post = (method: string): Promise<object | undefined> =>
    new Promise((resolve, reject) => {
      session.post(method, (error, result) => {
        if (error === null) resolve(result)
        else reject(error)
      })
    })
  const gone = new AbortController()
  whenLeaving(response, () => gone.abort())
  try {
    await post('Profiler.enable')
    await post('Profiler.start')
    await sleep(seconds * 1000, undefined, { signal: gone.signal }).catch(() => undefined)
    const { profile } = (await post('Profiler.stop')) as { profile: unknown }
    return JSON.stringify(profile)
  } finally {
    session.disconnect()
  }
}

function announceFile(response: Response, extension: string): void {
  const time = new Date().toISOString().replace(/[-:]|\..*/g, '')
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Disposition', `attachment; filename="sluice-${time}.${extension}"`)
}
