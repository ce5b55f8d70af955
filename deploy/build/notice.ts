/** What the licences of bundled packages ask for: their texts, in one file beside the program. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Metafile } from 'esbuild'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

/** Of every package that code was taken from, sorted by name. */
export function noticeFor(bundles: readonly Metafile[], root: string): string {
  const packages = new Map<string, string[]>()
  for (const { inputs } of bundles) {
    for (const input of Object.keys(inputs)) {
      const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []
      if (folder === undefined) continue
      const files = packages.get(folder) ?? []
      packages.set(folder, [...files, path.join(root, input)])
    }
  }
  const notices = [...packages]
    .map(([folder, files]) => noticeOf(path.join(root, folder), files))
    .sort()
  return `The program in this folder contains code of these packages.\n\n${notices.join('\n')}`
}

function noticeOf(folder: string, files: readonly string[]): string {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest
  const { name, version, license = 'see below' } = manifest
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)(\.|-|$)/i.test(file))
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim())
  // Some only say it at the head of their files.
  const terms = texts.length > 0 ? texts : [...new Set(files.flatMap(headsOf))]
  return `==== ${name} ${version}: ${license}\n\n${terms.join('\n\n')}\n`
}

/** The comments that a file begins with. */
function headsOf(file: string): string[] {
  const [head = ''] = /^(?:(?:\/\/.*)?\n)*/.exec(readFileSync(file, 'utf8')) ?? []
  return head.split('\n\n').map((comment) => comment.trim())
}
