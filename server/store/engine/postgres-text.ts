/** From the store's SQL, which is written in SQLite's words, to PostgreSQL's. */

/** Quoted text and comments, in which nothing is replaced; or a question mark, which is a parameter. */
const parameter = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g

const schemaStatement = /^\s*(?:CREATE|ALTER)\s+TABLE\b/i

/** Quoted text, or a word that the schema has another word for. */
const schemaWord = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\b(?:INTEGER|BLOB|TEXT|WITHOUT\s+ROWID)\b/gi

/** Texts of one place in the code come again and again; what is made for one call must not fill the memory. */
const rememberedTexts = 2000

const known = new Map<string, string>()

/** The same statement with `$1`, `$2` … for its parameters, and PostgreSQL's types where it makes or changes a table. */
export function toPostgres(sql: string): string {
  const before = known.get(sql)
  if (before !== undefined) return before
  let count = 0
  const numbered = sql.replace(parameter, (found) => {
    if (found !== '?') return found
    count += 1
    return `$${count}`
  })
  const text = schemaStatement.test(numbered) ? translateSchema(numbered) : numbered
  if (known.size >= rememberedTexts) known.clear()
  known.set(sql, text)
  return text
}

function translateSchema(sql: string): string {
  return sql.replace(schemaWord, (found) => {
    if (found.startsWith("'") || found.startsWith('"')) return found
    switch (found.toUpperCase()) {
      case 'INTEGER':
        return 'BIGINT'
      case 'BLOB':
        return 'BYTEA'
      case 'TEXT':
        // By bytes, as SQLite does: the same order whatever the database's language, and after an upgrade of its rules.
        return 'TEXT COLLATE "C"'
      default:
        return ''
    }
  })
}

/** A text as PostgreSQL can keep it: the character zero, which it refuses, becomes the sign for what cannot be shown. */
export function toPostgresText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}
