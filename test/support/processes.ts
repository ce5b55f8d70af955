/** Programs that are not ours, run by tests. */
import { spawn } from 'node:child_process'
import { closeAfterTest, type OnClose } from './cleanup.ts'

export interface ProcessOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** When it is killed, if it still runs then; by default after the test. */
  readonly onClose?: OnClose
}

export interface RunningProcess {
  readonly pid: number
  /** All it wrote so far. */
  stdout(): string
  stderr(): string
  kill(signal: NodeJS.Signals): void
  /** Its exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>
}

/** Starts a program, which does not outlive the test. */
export function startProcess(
  command: string,
  args: readonly string[],
  { input = '', cwd, env, onClose = closeAfterTest }: ProcessOptions = {},
): RunningProcess {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  // A program that does not read its input to the end says so by its exit status.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  onClose(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Finished> {
  const running = startProcess(command, args, options)
  const status = await running.ended
  return { status, stdout: running.stdout(), stderr: running.stderr() }
}
