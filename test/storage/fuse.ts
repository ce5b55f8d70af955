/**
 * A FUSE filesystem with an empty root folder and nothing else: what an operator's sshfs, s3fs or
 * the like looks like to a program that asks what its file is on.
 */
import { spawn } from 'node:child_process'
import { close, mkdirSync, openSync, read, writeSync } from 'node:fs'
import path from 'node:path'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'

const REQUEST_BYTES_MAX = 256 * 1024
const [LOOKUP, FORGET, GETATTR, STATFS, INIT, DESTROY, BATCH_FORGET] = [1, 2, 3, 17, 26, 38, 42]
const [ENOENT, ENOSYS] = [-2, -38]

/**
 * The mounted folder; undefined where FUSE may not be mounted. This process must not touch it: it
 * would wait for its own answer.
 */
export async function mountFuse(): Promise<string | undefined> {
  const folder = path.join(temporaryFolder(), 'fuse')
  mkdirSync(folder)
  let device: number
  try {
    device = openSync('/dev/fuse', 'r+')
  } catch {
    return undefined
  }
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other'
  const args = ['-i', '-t', 'fuse', '-o', options, 'sluice-test', folder]
  const stop = serve(device)
  if ((await run('mount', args, device)) !== 0) {
    await stop()
    return undefined
  }
  closeAfterTest(async () => {
    const status = await run('umount', ['-l', folder])
    await stop()
    if (status !== 0) throw new Error(`${folder} is still mounted`)
  })
  return folder
}

function run(command: string, args: readonly string[], extra?: number): Promise<number | null> {
  const stdio = ['ignore', 'ignore', 'ignore', ...(extra === undefined ? [] : [extra])] as const
  const child = spawn(command, args, { stdio: [...stdio] })
  return new Promise((resolve) => {
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
}

/** Answers requests, also those that come while it is being mounted and unmounted. */
function serve(device: number): () => Promise<void> {
  const buffer = Buffer.alloc(REQUEST_BYTES_MAX)
  let stopping = false
  const stopped = new Promise<void>((resolve) => {
    const next = (): void => {
      if (stopping) return close(device, () => resolve())
      read(device, buffer, 0, buffer.length, null, (error) => {
        // EPERM: not mounted yet. ENODEV: not mounted any more.
        if (error !== null) return void setImmediate(next)
        const opcode = buffer.readUInt32LE(4)
        if (opcode !== FORGET && opcode !== BATCH_FORGET) {
          writeSync(device, answerTo(opcode, buffer.readBigUInt64LE(8)))
        }
        next()
      })
    }
    next()
  })
  return () => {
    stopping = true
    return stopped
  }
}

function answerTo(opcode: number, unique: bigint): Buffer {
  const reply = (error: number, body = Buffer.alloc(0)): Buffer => {
    const header = Buffer.alloc(16)
    header.writeUInt32LE(header.length + body.length, 0)
    header.writeInt32LE(error, 4)
    header.writeBigUInt64LE(unique, 8)
    return Buffer.concat([header, body])
  }
  switch (opcode) {
    case INIT: {
      const body = Buffer.alloc(64)
      body.writeUInt32LE(7, 0) // protocol 7.31
      body.writeUInt32LE(31, 4)
      body.writeUInt32LE(REQUEST_BYTES_MAX / 2, 20) // the largest write
      return reply(0, body)
    }
    case GETATTR: {
      const body = Buffer.alloc(104)
      body.writeBigUInt64LE(1n, 16) // inode
      body.writeUInt32LE(0o40777, 76) // mode: a folder
      body.writeUInt32LE(2, 80) // links
      return reply(0, body)
    }
    case STATFS:
      return reply(0, Buffer.alloc(80))
    case DESTROY:
      return reply(0)
    case LOOKUP:
      return reply(ENOENT)
    default:
      return reply(ENOSYS)
  }
}
