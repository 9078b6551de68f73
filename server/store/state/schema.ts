/**
 * The tables of what the gateway keeps for its clients (state.ts).
 *
 * Large texts (`input`, `output`, `body`, `content`, `request`, `answer`) are packed (state-pack.ts). `owner` names an
 * instance. Rows of a response stand under its id alone: ids are made by the gateway and are its own in every project.
 */

const responses = `
  CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    previous_id TEXT,
    conversation TEXT,
    status TEXT NOT NULL,
    background INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    model TEXT NOT NULL,
    provider TEXT,
    include TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    input BLOB NOT NULL,
    output BLOB NOT NULL,
    body BLOB NOT NULL
  )`

/** Where an item stands that may be referred to: at `position` of the input or output (`place`) of the response `holder`. */
const items = `
  CREATE TABLE items (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    holder TEXT NOT NULL,
    place TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (project, id)
  ) WITHOUT ROWID`

/** Runs of server-sent events: `count` of them from the sequence number `first` on. */
const responseEvents = `
  CREATE TABLE response_events (
    response_id TEXT NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (response_id, first)
  )`

/** A background response has its job for as long as it is queued or in progress. What a taker needs stands in the row. */
const jobs = `
  CREATE TABLE jobs (
    response_id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    previous_id TEXT,
    conversation TEXT,
    streamed INTEGER NOT NULL,
    request BLOB NOT NULL,
    owner TEXT,
    takes INTEGER NOT NULL,
    note TEXT
  )`

const conversations = `
  CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    metadata TEXT NOT NULL,
    next_position INTEGER NOT NULL,
    lock_owner TEXT,
    lock_holder TEXT
  )`

/** An id stands once in a conversation. Positions rise, with gaps. */
const conversationItems = `
  CREATE TABLE conversation_items (
    conversation TEXT NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    provider TEXT,
    content BLOB NOT NULL,
    PRIMARY KEY (conversation, position)
  )`

/** A claim runs while `answer` is null. `response`: the one that the answer tells of, and with which it goes. */
const idempotencyKeys = `
  CREATE TABLE idempotency_keys (
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    response TEXT,
    answer BLOB,
    PRIMARY KEY (project, key)
  )`

const prompts = `
  CREATE TABLE prompts (
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    is_default INTEGER NOT NULL,
    template TEXT NOT NULL,
    PRIMARY KEY (id, version)
  )`

const sealKeys = `
  CREATE TABLE seal_keys (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    secret TEXT NOT NULL
  )`

const instances = `
  CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    alive_until INTEGER NOT NULL
  )`

export const stateSchema: readonly string[] = [
  responses,
  'CREATE INDEX responses_by_previous ON responses (previous_id) WHERE previous_id IS NOT NULL',
  'CREATE INDEX responses_by_expiry ON responses (expires_at) WHERE expires_at IS NOT NULL',
  items,
  'CREATE INDEX items_by_holder ON items (holder)',
  responseEvents,
  jobs,
  'CREATE INDEX jobs_by_owner ON jobs (owner, created_at)',
  'CREATE INDEX jobs_by_conversation ON jobs (conversation, owner) WHERE conversation IS NOT NULL',
  conversations,
  'CREATE INDEX conversations_by_expiry ON conversations (expires_at) WHERE expires_at IS NOT NULL',
  'CREATE INDEX conversations_by_lock ON conversations (lock_holder) WHERE lock_holder IS NOT NULL',
  conversationItems,
  'CREATE UNIQUE INDEX conversation_items_by_id ON conversation_items (project, id, conversation)',
  idempotencyKeys,
  'CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at)',
  'CREATE INDEX idempotency_keys_by_response ON idempotency_keys (response) WHERE response IS NOT NULL',
  'CREATE INDEX idempotency_keys_running ON idempotency_keys (owner) WHERE answer IS NULL',
  prompts,
  sealKeys,
  instances,
]

/** What several gateways on one database need: who accepted a job has the first try at it. */
export const instancesSchema: readonly string[] = ['ALTER TABLE jobs ADD COLUMN accepted_by TEXT']
