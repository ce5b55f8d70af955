/**
 * Modules that libraries load with themselves for what a gateway never calls. In the built program they come from
 * node_modules when something of them is used, should that ever be: together they took a good part of the CPU of a start
 * (test/bench/README.md).
 */
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Plugin } from 'esbuild'

/** What stands in for each. Its users look names up when they need them; Express takes body-parser's functions at once. */
const STAND_INS: Readonly<Record<string, string>> = {
  // Of express: no body is read by it, and nothing is sent by file name.
  'body-parser': `
    for (const name of ['json', 'raw', 'text', 'urlencoded']) {
      exports[name] = (...args) => require('body-parser')[name](...args)
    }`,
  'mime-types': namesOf('mime-types'),
  // Of prom-client: for exemplars, and for pushing to a Pushgateway.
  '@opentelemetry/api': namesOf('@opentelemetry/api'),
  https: namesOf('https'),
}

/** Of winston: its own choice for production, whatever NODE_ENV says. The other one brings colours. */
const DIAGNOSTICS = '@dabh/diagnostics'

const NAMESPACE = 'deferred'

/** To be used by esbuild. */
export function deferredModules(root: string): Plugin {
  const fromRoot = createRequire(path.join(root, 'package.json'))
  return {
    name: 'deferred modules',
    setup(build) {
      build.onResolve({ filter: /^[@\w/-]+$/ }, ({ path: name, importer, namespace }) => {
        if (name === DIAGNOSTICS) return { path: fromRoot.resolve(`${name}/node/production.js`) }
        if (!Object.hasOwn(STAND_INS, name)) return undefined
        if (namespace === NAMESPACE) return { path: name, external: true }
        if (createRequire(importer).resolve(name) !== fromRoot.resolve(name)) {
          throw new Error(`${importer} has a ${name} of its own, which the program would not find`)
        }
        return { path: name, namespace: NAMESPACE }
      })
      build.onLoad({ filter: /^/, namespace: NAMESPACE }, ({ path: name }) => ({
        contents: STAND_INS[name]!,
      }))
    },
  }
}

function namesOf(name: string): string {
  return `module.exports = new Proxy({}, { get: (_, key) => require('${name}')[key] })`
}
