/** The gateway as operators run it: the built program in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { closeAfterTest } from './cleanup.ts'
import { waitFor } from './http.ts'

export const MAIN = path.join(import.meta.dirname, '../../dist/server/main.js')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Program {
  readonly process: ChildProcess
  /** All it wrote so far. */
  stdout(): string
  stderr(): string
  readonly ended: Promise<Ended>
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly uid?: number
}

/** Runs the program with these arguments; it is killed after the test if it still runs then. */
export function runProgram(
  args: readonly string[],
  { env, cwd, uid }: ProgramOptions = {},
): Program {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  )
  closeAfterTest(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return { process: child, stdout: () => output.stdout, stderr: () => output.stderr, ended }
}

export interface RunningGateway extends Program {
  readonly url: string
}

/** Starts a gateway on a free port of 127.0.0.1 and waits until it listens. */
export async function startGateway(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<RunningGateway> {
  const program = runProgram(['--web.listen-address=127.0.0.1:0', ...args], options)
  let exited = false
  void program.ended.then(() => (exited = true))
  const url = await waitFor('the gateway to listen', () => {
    if (exited) throw new Error(`the gateway ended: ${program.stderr()}`)
    return /msg=listening url=(https?:\/\/[\d.:]+)/.exec(program.stderr())?.[1]
  })
  return { ...program, url }
}
