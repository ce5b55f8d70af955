import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { sourceStack } from '../../../server/telemetry/source-stack.ts'
import { MAIN } from '../../support/program.ts'

const ROOT = path.join(import.meta.dirname, '../../..')

/** Line and column, from 1, of a text in a file. */
function placeOf(text: string, file: string): string {
  const before = readFileSync(file, 'utf8').split(text)[0]!
  return `${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`
}

function errorWith(stack: string): Error {
  return Object.assign(new Error('no'), { stack })
}

test('places in the built program are shown as those in the sources', () => {
  const START = 'async function startApp('
  const url = pathToFileURL(MAIN).href
  const error = errorWith(
    `Error: no\n    at startApp (${url}:${placeOf(START, MAIN)})\n    at x:1:1`,
  )
  const source = path.join(ROOT, 'server/app.ts')
  const shown = `${pathToFileURL(source).href}:${placeOf(`export ${START}`, source)}`
  expect(sourceStack(error)).toBe(`Error: no\n    at startApp (${shown})\n    at x:1:1`)
})

test.each([
  ['a file without a map', 'Error: no\n    at file:///nowhere/at/all.js:1:1'],
  ['Node itself', 'Error: no\n    at node:internal/timers:1:1'],
  ['a place that the map does not know', `Error: no\n    at ${pathToFileURL(MAIN).href}:999999:1`],
])('of %s nothing is changed', (_, stack) => {
  const shown = sourceStack(errorWith(stack))
  expect(shown.replace(/\S+:\d+:\d+$/, '')).toBe(stack.replace(/\S+:\d+:\d+$/, ''))
})

test('an error without a stack is shown by its message', () => {
  const error = new Error('no')
  delete error.stack
  expect(sourceStack(error)).toBe('Error: no')
})
