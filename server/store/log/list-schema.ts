/**
 * What lists are driven by. SQLite appends the key to each index by itself; PostgreSQL is told to, so that one filter's
 * rows stand in the order of the list there as well.
 */

/** Names of indexes on `requests`, each over one column, and which of their rows are left out. */
const driving: readonly [index: string, column: string, where?: string][] = [
  ['requests_by_project', 'project'],
  ['requests_by_model', 'model'],
  ['requests_by_provider', 'provider'],
  ['requests_by_status', 'status'],
  ['requests_by_key_name', 'key_name'],
  ['requests_by_session', 'session_id', 'session_id IS NOT NULL'],
  ['requests_by_response', 'response_id', 'response_id IS NOT NULL'],
  ['requests_by_user', 'user_id', 'user_id IS NOT NULL'],
  ['requests_by_error_code', 'error_code', 'error_code IS NOT NULL'],
]

export const listSchema: readonly (string | { sqlite: string | null; postgres: string | null })[] = [
  {
    sqlite:
      'CREATE INDEX requests_by_conversation ON requests (conversation_id) WHERE conversation_id IS NOT NULL',
    postgres:
      'CREATE INDEX requests_by_conversation ON requests (conversation_id, key) WHERE conversation_id IS NOT NULL',
  },
  ...driving.flatMap(([index, column, where]) => [
    { sqlite: null, postgres: `DROP INDEX ${index}` },
    {
      sqlite: null,
      postgres: `CREATE INDEX ${index} ON requests (${column}, key)${where === undefined ? '' : ` WHERE ${where}`}`,
    },
  ]),
]
