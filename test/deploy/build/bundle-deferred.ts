/** Bundles, into the folder it is given, a program that uses what gateways defer. */
import path from 'node:path'
import { build } from 'esbuild'
import { deferredModules } from '../../../deploy/build/deferred.ts'

const [, , folder = ''] = process.argv
const ROOT = path.join(import.meta.dirname, '../../..')

await build({
  stdin: {
    contents: `
      const express = require('express')
      const { Registry, Pushgateway, collectDefaultMetrics } = require('prom-client')
      const app = express()
      app.use(express.json())
      app.put('/', (request, response) => response.type('html').send(request.body.text))
      const register = new Registry()
      collectDefaultMetrics({ register })
      const server = app.listen(0, '127.0.0.1', async () => {
        const url = 'http://127.0.0.1:' + server.address().port
        const headers = { 'Content-Type': 'application/json' }
        const answer = await fetch(url, { method: 'PUT', headers, body: '{"text":"hello"}' })
        console.log(answer.headers.get('Content-Type'), await answer.text())
        const refused = await new Pushgateway('https://127.0.0.1:1', {}, register)
          .pushAdd({ jobName: 'a' })
          .catch((error) => error)
        console.log(refused.code)
        server.close()
      })`,
    resolveDir: ROOT,
  },
  outfile: path.join(folder, 'program.cjs'),
  bundle: true,
  platform: 'node',
  plugins: [deferredModules(ROOT)],
})
