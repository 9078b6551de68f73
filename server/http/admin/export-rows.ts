/**
 * Requests as a file, page by page. However many are written at once, traffic and other queries go on: the text of a page
 * is made on the reader's thread, one page at a time over all files, and a reader that is slow holds no more than a page.
 * The last record says whether the file is whole, and how many rows it has.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { formatRecord } from '../../csv.ts'
import { GatewayError, toGatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import type { ExportPage } from '../../store/log/export-page.ts'
import type { AdminExportQuery } from './contract.ts'

/** Files that are written at a time. */
const mostExports = 20
/** Characters handed on at once, so that a slow reader shows that it reads. */
const pieceLength = 32_768
/** Milliseconds after which a reader that takes nothing is given up. */
const longestIdle = 300_000
/** Milliseconds to wait while too many queries are waiting, and how often. */
const overloadDelay = 200
const overloadTries = 50

/** The last record; `error` says why the file is not whole. */
type End = (file: { rows: number; width: number; error: string | null }) => string

const ends: Readonly<Record<AdminExportQuery['format'], End>> = {
  csv({ rows, width, error }) {
    const text = error === null ? `# complete: ${rows} rows` : `# incomplete after ${rows} rows: ${error}`
    return formatRecord([text, ...Array.from({ length: width - 1 }, () => null)])
  },
  jsonl: ({ rows, error }) =>
    `${JSON.stringify({ export: { rows, complete: error === null, ...(error !== null && { error }) } })}\n`,
}

export interface StartedExport {
  text: AsyncGenerator<string>
  /** To be called once nobody reads any more, however that came. */
  close(): void
}

export class Exports {
  readonly #queries: Pick<AdminQueries, 'exportPage'>
  #open = 0
  /** Resolves when the pages that others wait for have been read. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(queries: Pick<AdminQueries, 'exportPage'>) {
    this.#queries = queries
  }

  /**
   * Reads the first page, so that what is wrong with the question is refused before anything is sent. Throws GatewayError
   * as the list does, or 503 `export_overload`.
   */
  async start(query: AdminExportQuery): Promise<StartedExport> {
    if (this.#open >= mostExports) {
      throw new GatewayError('internal_error', `${mostExports} exports are being written. Try again later.`, {
        status: 503,
        code: 'export_overload',
      })
    }
    this.#open += 1
    let isOpen = true
    const close = () => {
      if (isOpen) this.#open -= 1
      isOpen = false
    }
    try {
      const first = await this.#readPage(query, null)
      return { text: this.#write(query, first), close }
    } catch (error) {
      close()
      throw error
    }
  }

  async *#write(query: AdminExportQuery, first: ExportPage): AsyncGenerator<string> {
    const { width } = first
    let rows = 0
    let page = first
    try {
      for (;;) {
        rows += page.rows
        yield* cut(page.text)
        if (page.next === null) break
        page = await this.#readPage(query, page.next)
      }
    } catch (error) {
      // The status is sent already: only the file itself can say it.
      yield ends[query.format]({ rows, width, error: toGatewayError(error).message })
      return
    }
    yield ends[query.format]({ rows, width, error: null })
  }

  /** After the pages that others wait for already. */
  #readPage(query: AdminExportQuery, before: string | null): Promise<ExportPage> {
    const page = this.#turn.then(() => patiently(() => this.#queries.exportPage(query, before)))
    // Answers of a thread that come one upon the other are all taken before anything else is: traffic goes between.
    this.#turn = page.catch(() => undefined).then(() => nextTurn())
    return page
  }
}

/** The same text; `onIdle` is called when none of it has been taken for `idle` milliseconds (five minutes). */
export async function* whileRead(
  text: AsyncGenerator<string>,
  { onIdle, idle = longestIdle }: { onIdle(): void; idle?: number },
): AsyncGenerator<string> {
  for await (const piece of text) {
    const timer = setTimeout(onIdle, idle)
    try {
      yield piece
    } finally {
      clearTimeout(timer)
    }
  }
}

function* cut(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    // Two halves of one character stay together.
    const half = text.charCodeAt(at + pieceLength - 1)
    const end = at + pieceLength - (half >= 0xd800 && half < 0xdc00 ? 1 : 0)
    yield text.slice(at, end)
    at = end
  }
}

/** An export stands back while others ask more than the store can answer. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (error) {
      if (toGatewayError(error).code !== 'query_overload' || tries === overloadTries) throw error
      await sleep(overloadDelay)
    }
  }
}
