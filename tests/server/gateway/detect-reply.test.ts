import assert from 'node:assert/strict'
import { it } from 'node:test'
import { detectReply } from '../../../server/gateway/detect-reply.ts'

const detect = (text: string, type?: string) => detectReply(type, Buffer.from(text, 'latin1'))
const mark = '\xef\xbb\xbf'

it('takes what begins like JSON for a document, whatever its type says', () => {
  for (const start of ['{', '[', ' \r\n\t{"a"', `${mark}{`])
    assert.equal(detect(start, 'text/event-stream'), 'document')
})

it('believes the type of a stream for anything else', () => {
  for (const start of ['d', 'event: x', ': ping', `${mark}data`])
    assert.equal(detect(start, 'Text/Event-Stream; charset=utf-8'), 'stream')
})

it('knows a stream by its first line', () => {
  for (const start of ['data:', 'data\n', 'event: x', 'id:1', 'retry: 5', ':', `${mark}\n\ndata: {`])
    assert.equal(detect(start, 'application/json'), 'stream', JSON.stringify(start))
  for (const start of ['<html>', 'datum: 1', 'database', 'idle', '"data:"', 'data {', 'events:'])
    assert.equal(detect(start), 'document', JSON.stringify(start))
})

it('waits for more where the start could be either', () => {
  for (const start of ['', ' \n', '\xef', '\xef\xbb', mark, 'd', 'data', 'event', 'i', 'retr'])
    assert.equal(detect(start), 'unknown', JSON.stringify(start))
  assert.equal(detect(' '.repeat(5000)), 'document')
})
