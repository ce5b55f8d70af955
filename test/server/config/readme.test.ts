import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { formatDuration } from '../../../server/config/duration.ts'
import {
  environmentName,
  FLAG_NAMES,
  FLAGS,
  type Flag,
  type FlagName,
} from '../../../server/config/flags.ts'

const README = readFileSync(path.join(import.meta.dirname, '../../../README.md'), 'utf8')
const ROWS = README.split('\n').filter((line) => line.startsWith('| `--'))

/** The cells of a row; a bar in a cell is written `\|`. */
function cellsOf(row: string): string[] {
  const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'))
  return cells.slice(1, -1)
}

function shownDefault(flag: Flag): string {
  switch (flag.kind) {
    case 'switch':
      return flag.default ? 'on' : 'off'
    case 'list':
      return flag.default.join(', ')
    case 'duration':
      return formatDuration(flag.default)
    case 'integer':
      return String(flag.default)
    case 'text':
      return flag.default
  }
}

describe('the README has a row with default, variable and meaning for', () => {
  test.each<FlagName>(FLAG_NAMES)('--%s', (name) => {
    const flag: Flag = FLAGS[name]
    const rows = ROWS.filter((row) => row.startsWith(`| \`--${name}\` |`)).map(cellsOf)
    const shown = shownDefault(flag)
    expect(rows).toEqual([
      [
        `\`--${name}\``,
        shown === '' ? '' : `\`${shown}\``,
        `\`${environmentName(name)}\``,
        flag.help,
      ],
    ])
  })
})

test('the README has no row for a flag that is not there', () => {
  const named = ROWS.map((row) => /^\| `--([^`=]+)` \|/.exec(row)?.[1])
  expect(named.sort()).toEqual([...FLAG_NAMES].sort())
})
