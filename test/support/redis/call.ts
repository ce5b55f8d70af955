/** Commands that a test makes itself, past our own driver. */
import { Redis } from 'ioredis'
import { closeAfterTest } from '../cleanup.ts'

export type Reply = string | number | null | readonly Reply[]

/** A port of 127.0.0.1 or the path of a socket, and who one is. */
export type Target = ({ readonly port: number } | { readonly path: string }) & {
  readonly username?: string
  readonly password?: string
}

function newClient(target: Target): Redis {
  const client = new Redis({
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    disconnectTimeout: 100,
    ...target,
  })
  // What is wrong is thrown by connect and by the commands.
  client.on('error', () => undefined)
  return client
}

/** Makes one command on a connection of its own. */
export async function callOnce(
  target: Target,
  command: string,
  ...args: (string | number | Buffer)[]
): Promise<Reply> {
  const client = newClient(target)
  try {
    await client.connect()
    return (await client.call(command, ...args)) as Reply
  } finally {
    client.disconnect()
  }
}

/** A connection for many commands; it is closed after the test. */
export async function connect(target: Target): Promise<Redis> {
  const client = newClient(target)
  closeAfterTest(() => client.disconnect())
  await client.connect()
  return client
}
