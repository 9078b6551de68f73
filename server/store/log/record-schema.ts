/**
 * What the second schema of the log added to `requests`, and the small tables beside it by which requests are found.
 *
 * The indexes over numbers serve filters for rare, large values; those for the many small ones walk the keys.
 */

const columns: readonly string[] = [
  'cache_write_tokens INTEGER',
  'usage_estimator TEXT',
  'cost_nano INTEGER',
  'cost_reason TEXT',
  'cost_detail TEXT',
  'session_id TEXT',
  'conversation_id TEXT',
  'previous_response_id TEXT',
  'user_id TEXT',
  'service_tier TEXT',
  'metadata TEXT',
  'instance TEXT',
]

/** A request under each `name=value` of its metadata, as the client gave them. */
const requestTags = `
  CREATE TABLE request_tags (
    tag TEXT NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (tag, key)
  ) WITHOUT ROWID`

/** A request under ids that are not columns: those of its output items, and those that providers gave its responses. */
const requestIds = `
  CREATE TABLE request_ids (
    id TEXT NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (id, key)
  ) WITHOUT ROWID`

/** A right that one instance has at a time, such as that of removing what is old. */
const leases = `
  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
  )`

export const recordSchema: readonly string[] = [
  ...columns.map((column) => `ALTER TABLE requests ADD COLUMN ${column}`),
  'CREATE INDEX requests_by_key_name ON requests (key_name)',
  'CREATE INDEX requests_by_session ON requests (session_id) WHERE session_id IS NOT NULL',
  'CREATE INDEX requests_by_user ON requests (user_id) WHERE user_id IS NOT NULL',
  'CREATE INDEX requests_by_error_code ON requests (error_code) WHERE error_code IS NOT NULL',
  'CREATE INDEX requests_by_latency ON requests (latency_us)',
  'CREATE INDEX requests_by_cost ON requests (cost_nano)',
  'CREATE INDEX requests_by_tokens ON requests (total_tokens)',
  'CREATE INDEX requests_unpriced ON requests (key) WHERE cost_reason IS NOT NULL',
  'CREATE INDEX requests_running ON requests (instance) WHERE instance IS NOT NULL',
  requestTags,
  'CREATE INDEX request_tags_by_key ON request_tags (key)',
  requestIds,
  'CREATE INDEX request_ids_by_key ON request_ids (key)',
  leases,
]
