/** Processes of the tests' own: TypeScript programs in this folder that are talked to by messages. */
import { fork, type ChildProcess, type Serializable } from 'node:child_process'
import path from 'node:path'
import { closeAfterTest } from '../../support/cleanup.ts'
import { waitFor } from '../../support/http.ts'

export interface Child<Answer> {
  readonly process: ChildProcess
  send(message: Serializable): void
  /** The next message that nobody took yet. */
  answer(timeoutMs?: number): Promise<Answer>
  kill(): Promise<void>
}

/** Starts `script`; it is killed after the test if it still runs then. */
export function startChild<Answer>(script: string, ...args: string[]): Child<Answer> {
  const child = fork(path.join(import.meta.dirname, script), args, {
    cwd: path.join(import.meta.dirname, '../../..'),
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const answers: Answer[] = []
  let stderr = ''
  let over = false
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.on('message', (answer) => answers.push(answer as Answer))
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      over = true
      resolve()
    })
  })
  const kill = async (): Promise<void> => {
    if (!over) child.kill('SIGKILL')
    await ended
  }
  closeAfterTest(kill)
  return {
    process: child,
    send: (message) => void child.send(message),
    kill,
    answer: (timeoutMs = 30_000) =>
      waitFor(
        `an answer of ${script}`,
        () => {
          const answer = answers.shift()
          if (answer === undefined && over) throw new Error(`${script} ended: ${stderr}`)
          return answer
        },
        timeoutMs,
      ),
  }
}
