import { expect, test } from '@jest/globals'
import path from 'node:path'
import { runProgram } from '../support/program.ts'
import { reportNotRun } from '../support/programs.ts'
import { applied } from './contract/reading.ts'
import { replace } from './contract/writes.ts'
import { mountFuse } from './fuse.ts'
import { newPath, openStore } from './sqlite-files.ts'

async function refusedStart(url: string): Promise<string> {
  const program = runProgram(['--web.listen-address=127.0.0.1:0', `--storage.url=${url}`])
  expect({ ...(await program.ended), said: program.stderr() }).toMatchObject({ code: 1 })
  return program.stderr()
}

test('a database on a filesystem that several hosts may share is refused, unless the URL insists', async () => {
  const folder = await mountFuse()
  if (folder === undefined) {
    reportNotRun('NOT RUN: mounting FUSE, as a network filesystem, is not allowed here')
    return
  }
  const file = path.join(folder, 'store.db')
  const refused = await refusedStart(`sqlite:${file}`)
  expect(refused).toContain(`${folder} is on a network filesystem (FUSE)`)
  expect(refused).toContain('?shared_filesystem=allow')
  // This filesystem can make no files: insisting gets as far as that.
  const insisted = await refusedStart(`sqlite:${file}?shared_filesystem=allow`)
  expect(insisted).toContain(file)
  expect(insisted).not.toContain('network filesystem')
})

test('a database on a local filesystem needs no insisting', async () => {
  await applied(openStore(newPath()), replace('g', []))
})
