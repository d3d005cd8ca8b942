/** JSON bodies of requests and answers, longs exact, with the blame where it belongs. */
import { utf8Decode } from '../base/bytes.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { type JsonObject, parseJson } from '../base/json.js'
import { asObject } from '../base/json-fields.js'

/**
 * What a client sent, parsed: whatever is wrong with it is the client's fault.
 * @throws invalid-argument, and what `parse` throws but for corrupt
 */
export function parseRequestBody<T>(body: Uint8Array, parse: (json: JsonObject) => T): T {
  try {
    return parse(objectOf(body))
  } catch (error) {
    if (!isLakeError(error, 'corrupt')) throw error
    throw new LakeError('invalid-argument', 'the body of the request is not what it has to be', {
      cause: error,
      context: { ...error.context, reason: error.message },
    })
  }
}

/** What a server answered, parsed. @throws corrupt, and what `parse` throws */
export function parseAnswerBody<T>(body: Uint8Array, parse: (json: JsonObject) => T): T {
  return parse(objectOf(body))
}

function objectOf(body: Uint8Array): JsonObject {
  return asObject(parseJson(textOf(body)), 'body')
}

function textOf(body: Uint8Array): string {
  try {
    return utf8Decode(body)
  } catch (cause) {
    throw new LakeError('corrupt', 'a body is not UTF-8 text', { cause })
  }
}
