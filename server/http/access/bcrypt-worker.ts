/**
 * Compares passwords with bcrypt hashes in a thread of its own: a hash takes tens of milliseconds of computing, in
 * which the event loop would answer nobody.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

interface Verdict {
  readonly id: number
  readonly isRight: boolean
}

/** Runs in the worker. It is text, because a worker does not read TypeScript. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const { compareSync } = require(workerData.bcrypt)
parentPort.on('message', ({ id, password, hash }) => {
  parentPort.postMessage({ id, isRight: compareSync(password, hash) })
})
`

/** One comparison at a time; the thread is started with the first one. */
export class BcryptWorker {
  private worker: Worker | undefined
  private nextId = 0
  private readonly waiting = new Map<
    number,
    { readonly resolve: (isRight: boolean) => void; readonly reject: (error: Error) => void }
  >()

  /** How many comparisons are not done yet. */
  get pending(): number {
    return this.waiting.size
  }

  compare(password: string, hash: string): Promise<boolean> {
    this.worker ??= this.start()
    const id = this.nextId++
    const { worker } = this
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      worker.postMessage({ id, password, hash })
    })
  }

  /** Ends the thread; what is not compared yet is given up. */
  async stop(): Promise<void> {
    const { worker } = this
    this.worker = undefined
    this.giveUp(new Error('shutting down'))
    await worker?.terminate()
  }

  private start(): Worker {
    const bcrypt = createRequire(import.meta.url).resolve('bcryptjs')
    const worker = new Worker(PROGRAM, { eval: true, workerData: { bcrypt } })
    worker.unref()
    worker.on('message', ({ id, isRight }: Verdict) => {
      this.waiting.get(id)?.resolve(isRight)
      this.waiting.delete(id)
    })
    const fail = (error: Error): void => {
      if (this.worker === worker) this.worker = undefined
      this.giveUp(error)
    }
    worker.on('error', fail)
    worker.on('exit', (code) => {
      if (this.worker === worker) fail(new Error(`the thread ended with ${code}`))
    })
    return worker
  }

  private giveUp(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
  }
}
