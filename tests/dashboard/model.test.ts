import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { computeCountTicks, computeTicks, splitLine } from '../../dashboard/model/chart.ts'
import { groupEvents, parseEventStream } from '../../dashboard/model/event-stream.ts'
import { formatCurl, formatDuration, formatShare } from '../../dashboard/model/format.ts'
import { type DiffRow, diffJson } from '../../dashboard/model/json-diff.ts'
import { linkRequest, parseRoute } from '../../dashboard/model/location.ts'
import { foldRows, markRows } from '../../dashboard/model/mark-rows.ts'
import {
  appendRows,
  countNewRows,
  mergeRows,
  prependRows,
  putRow,
  refreshRows,
} from '../../dashboard/model/merge-rows.ts'
import {
  groupAdaptations,
  isReplayed,
  isSocketTurn,
  readContinued,
  readReplayedId,
} from '../../dashboard/model/state.ts'
import { makeRequest, message, row } from './fixtures.ts'

/** One side's lines put together again. */
function join(rows: DiffRow[], side: 'left' | 'right'): string {
  return rows.flatMap((entry) => entry[side]?.text ?? []).join('\n')
}

describe('diffJson', () => {
  const left = {
    a: 1,
    list: [
      { role: 'user', text: 'x' },
      { role: 'user', text: 'y' },
    ],
    gone: { deep: [] },
  }
  const right = {
    first: 0,
    a: 1,
    list: [
      { role: 'system', text: 's' },
      { role: 'user', text: 'y' },
    ],
    new: null,
  }

  it('loses nothing: each side is still its own document', () => {
    const rows = diffJson(left, right)
    assert.deepEqual(JSON.parse(join(rows, 'left')), left)
    assert.deepEqual(JSON.parse(join(rows, 'right')), right)
  })

  it('tells what is equal, changed, and on one side only', () => {
    const kinds = diffJson(left, right).map(
      ({ kind, left, right }) => `${kind} ${left?.text} | ${right?.text}`,
    )
    assert.ok(kinds.includes('same "a": 1, | "a": 1,'))
    assert.ok(kinds.includes('added undefined | "first": 0,'))
    assert.ok(kinds.includes('removed "deep": [] | undefined'))
    assert.ok(kinds.includes('same "text": "y" | "text": "y"'), 'equal elements meet wherever they stand')
    assert.ok(kinds.includes('removed "text": "x" | undefined'))
  })

  it('pairs a message without its type with the same one typed', () => {
    const one = { input: [{ role: 'user', content: 'a' }] }
    const other = {
      input: [
        { type: 'message', role: 'system', content: 's' },
        { type: 'message', role: 'user', content: 'a' },
      ],
    }
    const content = diffJson(one, other).find(({ left }) => left?.text.startsWith('"content"'))
    assert.equal(content?.kind, 'same')
    assert.equal(content?.right?.path, 'input[1].content')
  })

  it('names paths as adaptations do', () => {
    const rows = diffJson(
      { tools: [{ name: 'a' }, { name: 'b', strict: true }] },
      { tools: [{ name: 'a' }, { name: 'b' }] },
    )
    const marks = markRows(rows, [
      { field: 'tools[1].strict', action: 'dropped', detail: '' },
      { field: 'tools[1].description', action: 'mapped', detail: 'stands nowhere: its tool is marked' },
      { field: 'elsewhere', action: 'dropped', detail: '' },
    ])
    const texts = [...marks].map(([index, [mark]]) => `${rows[index]!.left!.text} ${mark!.field}`)
    assert.deepEqual(texts.sort(), ['"strict": true tools[1].strict', '{ tools[1].description'])
  })

  it('folds long equal stretches and never a difference', () => {
    const many = Array.from({ length: 400 }, (_, index) => index)
    const rows = diffJson({ many, z: 1 }, { many, z: 2 })
    const sections = foldRows(rows, new Map())
    assert.equal(sections.length, 2)
    assert.equal(
      sections.reduce((sum, { from, to }) => sum + to - from, 0),
      rows.length,
    )
    const folded = sections
      .filter((section) => section.folded)
      .flatMap(({ from, to }) => rows.slice(from, to))
    assert.ok(folded.every(({ kind }) => kind === 'same'))
  })
})

describe('mergeRows', () => {
  const at = (...numbers: number[]) => numbers.map((number) => row(`r${number}`, number))
  const list = (rows: ReturnType<typeof at>, next: string | null = null) => ({
    rows,
    next,
    previous: null,
    searchedTo: null,
  })

  it('puts new rows in front and keeps the older ones that were paged to', () => {
    const merged = mergeRows(list(at(5, 4, 3, 2, 1), 'c1'), list(at(7, 6, 5, 4), 'c4'))
    assert.deepEqual(
      merged.rows.map(({ id }) => id),
      ['r7', 'r6', 'r5', 'r4', 'r3', 'r2', 'r1'],
    )
    assert.equal(merged.next, 'c1')
  })

  it('drops rows that have left the filter and starts again over a gap', () => {
    const left = mergeRows(list(at(5, 4, 3, 2), 'c2'), list(at(5, 3), 'c3'))
    assert.deepEqual(
      left.rows.map(({ id }) => id),
      ['r5', 'r3', 'r2'],
    )
    const gap = mergeRows(list(at(3, 2, 1)), list(at(9, 8, 7), 'c7'))
    assert.deepEqual(gap, list(at(9, 8, 7), 'c7'))
  })

  it('counts what waits, and renews a row without moving it', () => {
    const current = list(at(3, 2))
    const fresh = list([...at(5, 4), row('r3', 3, { status: 'failed' }), ...at(2)])
    assert.equal(countNewRows(current, fresh), 2)
    assert.deepEqual(
      refreshRows(current, fresh).rows.map(({ id, status }) => `${id} ${status}`),
      ['r3 failed', 'r2 completed'],
    )
  })

  it('puts a row that was told of in its place, and leaves one of a later page to it', () => {
    const names = (list: { rows: { id: string }[] }) => list.rows.map(({ id }) => id).join(' ')
    assert.equal(names(putRow(list(at(5, 3), 'c3'), row('r4', 4))), 'r5 r4 r3')
    assert.equal(names(putRow(list(at(5, 3), 'c3'), row('r9', 9))), 'r9 r5 r3')
    assert.equal(names(putRow(list(at(5, 3), 'c3'), row('r1', 1))), 'r5 r3')
    assert.equal(names(putRow(list(at(5, 3)), row('r1', 1))), 'r5 r3 r1')
    const ended = putRow(list(at(5, 3), 'c3'), row('r3', 3, { status: 'failed' }))
    assert.deepEqual(
      ended.rows.map(({ status }) => status),
      ['completed', 'failed'],
    )
  })

  it('joins pages on both sides, a row that both have once', () => {
    const older = appendRows(list(at(5, 4), 'c4'), { ...list(at(4, 3), null), searchedTo: 'then' })
    assert.deepEqual(older, { ...list(at(5, 4, 3)), searchedTo: 'then' })
    const newer = prependRows(
      { ...list(at(5, 4), 'c4'), previous: 'c5' },
      { ...list(at(6, 5)), previous: 'c6' },
    )
    assert.deepEqual(newer, { ...list(at(6, 5, 4), 'c4'), previous: 'c6' })
  })
})

describe('parseEventStream', () => {
  it('reads CRLF, comments, a BOM, data over several lines, and an end without a blank line', () => {
    const text =
      '\uFEFF: hi\r\n\r\nevent: a\r\ndata: {"x":\r\ndata: 1}\r\n\r\ndata: {"type":"b"}\n\ndata: [DONE]'
    const events = parseEventStream(text)
    assert.deepEqual(
      events.map(({ name }) => name),
      ['a', 'b', '[DONE]'],
    )
    assert.deepEqual(events[0]!.json, { x: 1 })
  })

  it('joins the deltas of one part only', () => {
    const delta = (item: string, text: string) =>
      `data: ${JSON.stringify({ type: 'd', item_id: item, delta: text })}\n\n`
    const groups = groupEvents(parseEventStream(delta('1', 'Hel') + delta('1', 'lo') + delta('2', '!')))
    assert.deepEqual(
      groups.map(({ summary, events, position }) => [summary, events.length, position]),
      [
        ['Hello', 2, 1],
        ['!', 1, 3],
      ],
    )
  })
})

describe('numbers', () => {
  it('are written as people read them', () => {
    assert.deepEqual(
      [null, 0, 0.42, 9.994, 100, 312.4, 999.7, 4210, 45_000, 92_300, 7_260_000].map(formatDuration),
      [
        'unknown',
        '0 ms',
        '0.42 ms',
        '9.99 ms',
        '100 ms',
        '312 ms',
        '1 s',
        '4.21 s',
        '45 s',
        '1 min 32 s',
        '2 h 1 min',
      ],
    )
    assert.deepEqual(
      [formatShare(0, 0), formatShare(1, 5000), formatShare(1, 80), formatShare(1, 2)],
      ['0 %', '< 0.1 %', '1.3 %', '50 %'],
    )
  })

  it('have round ticks that reach the top, whole ones for counts', () => {
    for (const max of [0, 0.003, 1, 7, 99, 101, 123_456]) {
      const ticks = computeTicks(max)
      assert.ok(ticks.at(-1)! >= max && ticks.length <= 7, `${max}: ${ticks}`)
      const counts = computeCountTicks(max)
      assert.ok(counts.every(Number.isInteger) && counts.at(-1)! >= max, `${max}: ${counts}`)
    }
  })

  it('that are not known break a line', () => {
    const point = { x: 1, y: 1 }
    assert.deepEqual(
      splitLine([null, point, point, null, point]).map(({ length }) => length),
      [2, 1],
    )
  })
})

describe('addresses', () => {
  it('hold any id', () => {
    for (const id of ['req_1', 'a/b?c#d', 'x.js', '<b>&"\'', '%41']) {
      const path = linkRequest(id)
      assert.doesNotMatch(path, /\./)
      const route = parseRoute(path, '')
      assert.equal(route.page === 'request' && route.id, id)
    }
    assert.equal(parseRoute('/requests/%', '').page, 'missing')
  })

  it('and shell lines hold any model', () => {
    const command = formatCurl({ origin: 'http://h', model: "it's", withKey: false })
    assert.ok(command.includes(`'{"model":"it'\\''s"`))
  })
})

describe('kept state', () => {
  const sent = (body: unknown, headers?: Record<string, string>) => ({
    ...makeRequest(row('req_1', 0)),
    client_request: message(body, headers),
  })

  it('is read from the recorded body, in either form of a conversation', () => {
    const read = (body: unknown) => Object.values(readContinued(sent(body)))
    assert.deepEqual(read({ previous_response_id: 'resp_1' }), ['resp_1', null])
    assert.deepEqual(read({ conversation: 'conv_1', previous_response_id: null }), [null, 'conv_1'])
    assert.deepEqual(read({ conversation: { id: 'conv_2' } }), [null, 'conv_2'])
    assert.deepEqual(read({ conversation: { id: 7 }, previous_response_id: ['resp_1'] }), [null, null])
  })

  it('is unknown where the body is cut, no object, or not kept', () => {
    for (const text of ['{"previous_response_id":"resp_1","inp', 'null', '[1]', '"resp_1"', null]) {
      const request = sent({})
      request.client_request.body.text = text
      assert.deepEqual(Object.values(readContinued(request)), [null, null])
    }
    const request = { ...makeRequest(row('req_1', 0)), client_request: null, client_response: null }
    assert.deepEqual(Object.values(readContinued(request)), [null, null])
    assert.equal(readReplayedId(request), null)
    assert.equal(isSocketTurn(request), false)
  })

  it('finds the replayed response in JSON and in a stream', () => {
    const answered = (body: unknown) => ({ ...sent({}), client_response: message(body) })
    assert.equal(readReplayedId(answered({ id: 'resp_1', object: 'response' })), 'resp_1')
    const event = 'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_2"}}\n\n'
    assert.equal(readReplayedId(answered(event)), 'resp_2')
    assert.equal(readReplayedId(answered({ object: 'response.input_tokens' })), null)
  })

  it('is told apart from what was changed for a provider', () => {
    const emulated = (field: string, detail = '') => ({ field, action: 'emulated', detail })
    const lost = { field: 'store', action: 'dropped', detail: 'the store cannot be written' }
    const all = [emulated('conversation'), emulated('usage', 'estimated'), lost]
    const { state, changes } = groupAdaptations(all)
    assert.deepEqual([state, changes], [[all[0]], [all[1], all[2]]])
    assert.equal(isReplayed({ adaptations: all }), false)
    assert.equal(isReplayed({ adaptations: [emulated('idempotency', 'replayed')] }), true)
  })
})
