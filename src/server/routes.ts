/** All routes of the protocol that a server has. */
import { COMMIT_ROUTES } from './commit-routes.js'
import { configHandler, tokenHandler } from './config-routes.js'
import { NAMESPACE_ROUTES } from './namespace-routes.js'
import { PLAN_ROUTES } from './plan-routes.js'
import type { RestRoute } from './rest-route.js'
import { ROW_ROUTES } from './row-routes.js'
import { TABLE_ROUTES } from './table-routes.js'
import type { Tokens } from './tokens.js'
import { VIEW_ROUTES } from './view-routes.js'

/** What a server announces. */
const ANNOUNCED: readonly RestRoute[] = [
  ...NAMESPACE_ROUTES,
  ...TABLE_ROUTES,
  ...COMMIT_ROUTES,
  ...PLAN_ROUTES,
  ...VIEW_ROUTES,
]

export interface ServedRoute extends RestRoute {
  /** Answered without a token: it gives them. */
  readonly isOpen?: boolean | undefined
}

export function serverRoutes(tokens: Tokens): readonly ServedRoute[] {
  const endpoints = ANNOUNCED.map(route => route.endpoint)
  return [
    { endpoint: 'GET /v1/config', handle: configHandler(endpoints) },
    { endpoint: 'POST /v1/oauth/tokens', handle: tokenHandler(tokens), isOpen: true },
    ...ANNOUNCED,
    ...ROW_ROUTES,
  ]
}
