/** `node tests/translators/support/show-request.ts <variant> '<canonical request>'`: prints what would be sent, for fixtures. */

import { translators } from '../../../translators/index.ts'
import { isObject } from '../../../translators/shared/canonical.ts'
import { makeTarget } from './make-target.ts'

const [variant = '', text = '{}'] = process.argv.slice(2)
const translator = translators[variant]
if (!translator)
  throw new Error(`Unknown variant "${variant}". Known: ${Object.keys(translators).join(', ')}.`)
const request: unknown = JSON.parse(text)
if (!isObject(request)) throw new Error('The request must be a JSON object.')
const target = makeTarget(translator)
console.log(JSON.stringify(translator.request({ model: target.model, ...request }, target), null, 2))
