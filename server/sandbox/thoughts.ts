/** What OpenAI and its kin say to encrypted content, and to a response in the background. */
import { isObject } from '../../translators/shared/canonical.ts'
import { decryptContent } from './secrets.ts'
import type { Call, ProviderName, Reply } from './types.ts'
import { openaiFailure } from './wire.ts'

const reasoningModel = /^(?:o\d|gpt-5(?!.*-chat))/

/** Only models that reason have such content, and only the service that made it reads it. */
export function refuseThoughts({ body }: Call, provider: ProviderName): Reply | null {
  const include = Array.isArray(body.include) ? body.include : []
  if (include.includes('reasoning.encrypted_content') && !reasoningModel.test(String(body.model)))
    return invalid('Encrypted content is not supported with this model.', 'include', null)
  for (const item of Array.isArray(body.input) ? body.input : []) {
    const encrypted = isObject(item) ? item.encrypted_content : null
    if (typeof encrypted === 'string' && decryptContent(provider, encrypted) === null)
      return invalid(
        `The encrypted content ${encrypted.slice(0, 12)}... could not be verified. Reason: Encrypted content could not be decrypted or parsed.`,
        null,
        'invalid_encrypted_content',
      )
  }
  return null
}

export function refuseBackground({ body }: Call): Reply | null {
  if (body.background !== true || body.store !== false) return null
  return invalid("Background mode requires 'store' to be true.", 'background', null)
}

function invalid(message: string, param: string | null, code: string | null): Reply {
  return openaiFailure({ status: 400, message, param }, 'invalid_request_error', code)
}
