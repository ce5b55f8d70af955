/**
 * What server/http/sockets/express-prototypes.ts is worth: the same Express app behind node:http as it is,
 * and behind node:http with Express' prototypes. Run as a program with `plain` or `given` it is the
 * server under test; `measureExpress` starts both in turn.
 */
import { spawn } from 'node:child_process'
import http from 'node:http'
import express from 'express'
import { expressClasses } from '../../server/http/sockets/express-prototypes.ts'
import { closedLoop } from './closed-loop.ts'

function serve(kind: string): void {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.put('/push', (_request, response) => {
    response.statusCode = 200
    response.end()
  })
  const server = http.createServer(kind === 'given' ? expressClasses(app) : {}, app)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
  })
}

async function measure(kind: string): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', import.meta.filename, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const port = await new Promise<number>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    )
    const request = 'PUT /push HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n'
    const { perSecond } = await closedLoop({
      port,
      connections: 32,
      warmUpMs: 1000,
      durationMs: 2000,
      request: () => request,
      status: 200,
    })
    return perSecond
  } finally {
    child.kill('SIGKILL')
  }
}

/** Requests a second, three rounds each in turn. */
export async function measureExpress(): Promise<{ plain: number[]; given: number[] }> {
  const plain: number[] = []
  const given: number[] = []
  for (let round = 0; round < 3; round++) {
    plain.push(await measure('plain'))
    given.push(await measure('given'))
  }
  return { plain, given }
}

if (process.argv[1] === import.meta.filename) serve(process.argv[2] ?? 'plain')
