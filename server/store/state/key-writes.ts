/** Writes of idempotency keys, prompts and the keys of seals. */

import type { Statement } from '../engine/driver.ts'
import { pack, unpackText } from './pack.ts'
import {
  flag,
  type Guard,
  insertInto,
  nameOf,
  type Plan,
  silent,
  type WriteContext,
  whetherChanged,
} from './plan.ts'
import type { ClaimResult, IdempotencyClaim, IdempotentAnswer, SealKey, StoredPrompt } from './state.ts'

/**
 * The first wins; an answer whose time has passed gives way. A running claim ends only with its owner. Null: what had the
 * key went in between.
 */
export function claimKey(claim: IdempotencyClaim, { instance, now }: WriteContext): Plan<ClaimResult | null> {
  const { project, key, fingerprint, expiresAt } = claim
  const take: Statement = {
    sql: `INSERT INTO idempotency_keys (project, key, fingerprint, owner, created_at, expires_at)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (project, key) DO UPDATE SET fingerprint = excluded.fingerprint, owner = excluded.owner,
        created_at = excluded.created_at, expires_at = excluded.expires_at, answer = NULL, response = NULL
      WHERE idempotency_keys.answer IS NOT NULL AND idempotency_keys.expires_at <= excluded.created_at
      RETURNING key`,
    params: [project, key, fingerprint, instance, now, expiresAt],
  }
  const look: Statement = {
    sql: 'SELECT fingerprint, answer FROM idempotency_keys WHERE project = ? AND key = ?',
    params: [project, key],
  }
  return {
    // Not for what is decided: so that groups of claims do not wait for each other in a circle.
    locks: [nameOf.key(claim)],
    statements: [take, look],
    value: ([taken, found]) => {
      if (taken?.length === 1) return { kind: 'claimed' }
      const row = found?.[0]
      if (row === undefined) return null
      if (row.fingerprint !== fingerprint) return { kind: 'conflict' }
      if (row.answer === null) return { kind: 'running' }
      return { kind: 'done', answer: JSON.parse(unpackText(row.answer)) as IdempotentAnswer }
    },
  }
}

export interface CompletedKey {
  project: string
  key: string
  expiresAt: number
  answer: IdempotentAnswer
}

export function completeKey(
  { project, key, expiresAt, answer }: CompletedKey,
  { instance }: WriteContext,
): Plan<null> {
  return silent([
    {
      sql: `UPDATE idempotency_keys SET answer = ?, expires_at = ?
        WHERE project = ? AND key = ? AND owner = ? AND answer IS NULL`,
      params: [pack(JSON.stringify(answer)).blob, expiresAt, project, key, instance],
    },
  ])
}

export function releaseKey(
  { project, key }: { project: string; key: string },
  { instance }: WriteContext,
): Plan<null> {
  return silent([
    {
      sql: 'DELETE FROM idempotency_keys WHERE project = ? AND key = ? AND owner = ? AND answer IS NULL',
      params: [project, key, instance],
    },
  ])
}

const insertPrompt = insertInto(
  'prompts',
  ['id', 'version', { number: 'created_at' }, { number: 'is_default' }, 'template'],
  'ON CONFLICT (id, version) DO NOTHING RETURNING id',
)

export function addPrompt({ id, version, createdAt, isDefault, template }: StoredPrompt): Plan<boolean> {
  const insert = insertPrompt([id, version, createdAt, flag(isDefault), template])
  const locks = [nameOf.prompt(id)]
  if (!isDefault) return whetherChanged([insert], { locks })
  // Before the version is there, so that one that exists already changes nothing.
  const unsetOthers: Statement = {
    sql: `UPDATE prompts SET is_default = 0
      WHERE id = ? AND NOT EXISTS (SELECT 1 FROM prompts AS same WHERE same.id = ? AND same.version = ?)`,
    params: [id, id, version],
  }
  return { locks, statements: [unsetOthers, insert], value: ([, added]) => added?.length === 1 }
}

export function setDefaultPrompt({ id, version }: { id: string; version: string }): Plan<boolean> {
  return whetherChanged(
    [
      {
        sql: `UPDATE prompts SET is_default = CASE WHEN version = ? THEN 1 ELSE 0 END
        WHERE id = ? AND EXISTS (SELECT 1 FROM prompts AS named WHERE named.id = ? AND named.version = ?)
        RETURNING id`,
        params: [version, id, id, version],
      },
    ],
    { locks: [nameOf.prompt(id)] },
  )
}

/** With a `mark` the version stays, with that in place of its template: its number is not given again. */
export function deletePrompt({
  id,
  version,
  mark,
}: {
  id: string
  version: string | null
  mark: string | null
}): Plan<boolean> {
  if (version !== null && mark !== null)
    return whetherChanged(
      [
        {
          sql: `UPDATE prompts SET template = ?, is_default = 0
            WHERE id = ? AND version = ? AND template <> ? RETURNING id`,
          params: [mark, id, version, mark],
        },
      ],
      { locks: [nameOf.prompt(id)] },
    )
  return whetherChanged(
    [
      version === null
        ? { sql: 'DELETE FROM prompts WHERE id = ? RETURNING id', params: [id] }
        : { sql: 'DELETE FROM prompts WHERE id = ? AND version = ? RETURNING id', params: [id, version] },
    ],
    { locks: [nameOf.prompt(id)] },
  )
}

const insertSealKey = insertInto('seal_keys', ['id', { number: 'created_at' }, 'secret'])

/** Not when there is a newer key than `unlessAfter`: gateways that start together agree on one. */
export function addSealKey({
  id,
  createdAt,
  secret,
  unlessAfter,
}: SealKey & { unlessAfter: number }): Plan<null> {
  const guard: Guard = {
    sql: 'NOT EXISTS (SELECT 1 FROM seal_keys AS newer WHERE newer.created_at > ?)',
    params: [unlessAfter],
  }
  return silent([insertSealKey([id, createdAt, secret], guard)], { locks: [nameOf.sealKeys] })
}
