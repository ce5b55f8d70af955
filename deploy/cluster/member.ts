/** One program of the cluster: always the same command on the same port, started and ended by its process id. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface Member {
  /** What it is called in messages, for example `redis-1`. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** Undefined while it does not run. */
  readonly pid: number | undefined
  /** All it wrote so far, over all its starts. */
  log(): string
  /** Starts it again on the same port and waits until it answers. Does nothing while it runs. */
  start(): Promise<void>
  /** SIGTERM, and waits for its end; SIGKILL if that takes too long. */
  stop(): Promise<void>
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay, nobody answers. */
  pause(): void
  resume(): void
}

export interface MemberSpec {
  readonly name: string
  readonly port: number
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where its log goes. */
  readonly folder: string
  /** Whether it does its work; may throw for "not yet". */
  readonly isUp: () => Promise<boolean>
}

/** How long a start may take. */
const START_MS = 30_000
/** How long a program may take to end after SIGTERM. */
const STOP_MS = 20_000
/** How much of a log an error shows. */
const TAIL_LINES = 20

export const LOOPBACK = '127.0.0.1'

/** A program that does not run yet. */
export function createMember(spec: MemberSpec): Member {
  const logFile = path.join(spec.folder, `${spec.name}.log`)
  let running: { readonly child: ChildProcess; readonly ended: Promise<string> } | undefined
  const log = (): string => readLog(logFile)
  const signal = (name: NodeJS.Signals): void => void running?.child.kill(name)

  const launch = (): NonNullable<typeof running> => {
    const output = openSync(logFile, 'a')
    const child = spawn(spec.command, spec.args, {
      cwd: spec.folder,
      env: { PATH: searchPath(), ...spec.env },
      stdio: ['ignore', output, output],
      // A group of its own: a Ctrl-C in the terminal is for whoever started the cluster.
      detached: true,
    })
    closeSync(output)
    const ended = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message))
      child.on('exit', (code, by) => resolve(by === null ? `exit status ${code}` : by))
    })
    const launched = { child, ended }
    void ended.then(() => {
      if (running === launched) running = undefined
    })
    return launched
  }

  return {
    name: spec.name,
    host: LOOPBACK,
    port: spec.port,
    get pid() {
      return running?.child.pid
    },
    log,
    async start() {
      if (running !== undefined) return
      const { ended } = (running = launch())
      let end: string | undefined
      void ended.then((how) => (end = how))
      const up = await until(async () => {
        if (end !== undefined) throw new Error(`${spec.name} ended: ${end}\n${tail(log())}`)
        return spec.isUp().catch(() => false)
      }, START_MS)
      if (!up) throw new Error(`${spec.name} does not answer\n${tail(log())}`)
    },
    async stop() {
      if (running === undefined) return
      const { child, ended } = running
      // What is paused would see the signal only when it goes on.
      signal('SIGCONT')
      signal('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(timer)
    },
    async kill() {
      const ended = running?.ended
      signal('SIGKILL')
      await ended
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  }
}

/** Polls until it holds; false when the time is over. */
export async function until(holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

/** HAProxy and nginx lie where only root looks by itself. */
export function searchPath(): string {
  return [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin'].join(path.delimiter)
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The last lines of a log. */
export function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
}
