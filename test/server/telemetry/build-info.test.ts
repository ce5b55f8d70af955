import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readBuildInfo } from '../../../server/telemetry/build-info.ts'

test('the version is that of package.json, the runtime is named, nothing is empty', () => {
  const file = path.join(import.meta.dirname, '../../../package.json')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  const build = readBuildInfo()
  expect(build.version).toBe(version)
  expect(build.goVersion).toContain(process.version)
  expect(Object.values(build)).not.toContain('')
})

test('it has the keys of the status API of the original', () => {
  expect(Object.keys(readBuildInfo()).sort()).toEqual([
    'branch',
    'buildDate',
    'buildUser',
    'goVersion',
    'revision',
    'version',
  ])
})
