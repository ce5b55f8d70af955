import { expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom } from '../../server/config/settings.ts'
import { temporaryFolder } from '../support/cleanup.ts'
import { describeWith, needProgram } from '../support/programs.ts'

const DEPLOY = path.join(import.meta.dirname, '../../deploy')

describeWith('promtool', 'deploy/prometheus', () => {
  test('promtool takes the scrape configuration and its alerts', () => {
    const config = path.join(DEPLOY, 'prometheus/prometheus.yml')
    const output = execFileSync(needProgram('promtool'), ['check', 'config', config], {
      encoding: 'utf8',
    })
    expect(output).toContain('SUCCESS: 1 rule files found')
    expect(output).toMatch(/SUCCESS: \d+ rules found/)
  })
})

describeWith('systemd-analyze', 'deploy/systemd', () => {
  test('systemd takes the service and the socket that belongs to it', () => {
    const folder = temporaryFolder()
    const service = readFileSync(path.join(DEPLOY, 'systemd/sluice.service'), 'utf8')
    expect(service).toContain('User=sluice')
    // Where Node is installed on this host is not what is tested.
    const units = ['sluice.service', 'sluice.socket'].map((name) => path.join(folder, name))
    writeFileSync(units[0]!, service.replace('/usr/bin/node', process.execPath))
    writeFileSync(units[1]!, readFileSync(path.join(DEPLOY, 'systemd/sluice.socket'), 'utf8'))
    const output = execFileSync(needProgram('systemd-analyze'), ['verify', '--man=no', ...units])
    expect(output.toString()).toBe('')
  })
})

test('the flags in the environment file of the service are understood', () => {
  const text = readFileSync(path.join(DEPLOY, 'systemd/sluice.default'), 'utf8')
  const args = /^ARGS="(.*)"$/m.exec(text)?.[1]?.split(' ') ?? []
  expect(settingsFrom(parseFlags(args, {})).storageUrl).toBe('sqlite:/var/lib/sluice/sluice.db')
})
