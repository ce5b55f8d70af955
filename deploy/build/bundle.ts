/**
 * Makes dist/ of the sources, once they are type-checked: the program and what it loads now and then in a few files, since
 * finding and compiling some four hundred of them was half of a start (test/bench/README.md). What modules read beside
 * themselves is copied beside the program, where import.meta.dirname leads then.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  build as runEsbuild,
  type BuildOptions,
  type BuildResult,
  type Metafile,
  type Plugin,
} from 'esbuild'
import { deferredModules } from './deferred.ts'
import { noticeFor } from './notice.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const DIST = path.join(ROOT, 'dist')
const PROGRAM = path.join(DIST, 'server')

/** As a text that is parsed at run time, which is much faster than code. */
const jsonAsText: Plugin = {
  name: 'JSON as text',
  setup(build) {
    build.onLoad({ filter: /\.json$/ }, ({ path: file }) => {
      const text = JSON.stringify(JSON.parse(readFileSync(file, 'utf8')))
      return { contents: `module.exports = JSON.parse(${JSON.stringify(text)})` }
    })
  },
}

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // It has a native part, which it looks for itself.
  external: ['better-sqlite3'],
  plugins: [deferredModules(ROOT), jsonAsText],
  // For packages that are CommonJS.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  // Names and lines are kept: stack traces are for people. The maps lead to the sources.
  minify: false,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions

rmSync(DIST, { recursive: true, force: true })
const bundles = await Promise.all([
  bundle({ entryPoints: ['server/main.ts'], outdir: PROGRAM, splitting: true }),
  bundle({ entryPoints: ['deploy/healthcheck.ts'], outdir: path.join(DIST, 'deploy') }),
])
writeFileSync(path.join(DIST, 'NOTICE'), noticeFor(bundles, ROOT))

copy('server/ui/static', 'static')
copy('storage/redis/scripts', 'scripts')
for (const file of readdirSync(path.join(ROOT, 'migrations'))) {
  if (file.endsWith('.sql')) copy(path.join('migrations', file), file)
}

async function bundle(options: BuildOptions): Promise<Metafile> {
  const { metafile }: BuildResult<typeof COMMON> = await runEsbuild({ ...COMMON, ...options })
  return metafile
}

function copy(from: string, to: string): void {
  cpSync(path.join(ROOT, from), path.join(PROGRAM, to), { recursive: true })
}
