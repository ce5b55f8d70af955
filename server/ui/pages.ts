/** The pages for people: groups with their families, and the files the pages need. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Request, Response } from 'express'
import type { Settings } from '../config/settings.ts'
import type { Gateway } from '../gateway.ts'
import type { BuildInfo } from '../telemetry/build-info.ts'
import { groupsPage } from './groups-page.ts'

export interface PagesOptions {
  readonly gateway: Gateway
  readonly settings: Settings
  readonly build: BuildInfo
  readonly startedAt: Date
}

type PageHandler = (request: Request, response: Response) => Promise<void> | void

const FILES: Readonly<Record<string, string>> = {
  'app.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

/** Nothing from outside, no inline script or style. */
const SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export interface Pages {
  readonly groups: PageHandler
  readonly files: ReadonlyMap<string, PageHandler>
}

export function createPages({ gateway, settings, build, startedAt }: PagesOptions): Pages {
  return {
    async groups(request, response) {
      const query = new URLSearchParams(request.url.split('?')[1] ?? '')
      const page = groupsPage({
        groups: await gateway.groups(),
        position: gateway.position,
        search: query.get('search') ?? '',
        pageNumber: Math.max(1, Math.trunc(Number(query.get('page') ?? 1)) || 1),
        prefix: settings.externalPrefix,
        utf8Names: settings.flags['push.enable-utf8-names'],
        scrapePath: settings.externalPrefix + settings.telemetryPath,
        build,
        startedAt,
      })
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      // The web configuration may have set one of the operator's.
      if (!response.hasHeader('Content-Security-Policy')) {
        response.setHeader('Content-Security-Policy', SECURITY_POLICY)
      }
      response.setHeader('X-Content-Type-Options', 'nosniff')
      response.setHeader('Referrer-Policy', 'same-origin')
      response.setHeader('Cache-Control', 'no-store')
      response.end(page)
    },
    files: new Map(Object.entries(FILES).map(([name, type]) => [name, serveFile(name, type)])),
  }
}

function serveFile(name: string, type: string): PageHandler {
  const content = readFileSync(path.join(import.meta.dirname, 'static', name))
  return (_request, response) => {
    response.setHeader('Content-Type', type)
    response.setHeader('Cache-Control', 'public, max-age=300')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.end(content)
  }
}
