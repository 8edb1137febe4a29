// What the gateway changes in requests to PostgREST's API.

import * as exactJson from './exact-json.mjs';
import { answer } from './responses.mjs';
import { lite } from './settings.mjs';

const JSON_TYPES = new Set(['json', 'jsonb']);
const exposed = lite.api.schemas;

// The names of the json arguments of the function a request calls, whichever overload is meant.
function jsonArguments(functions, name) {
  return new Set(
    functions
      .filter((fn) => fn.name === name && exposed.includes(fn.schema))
      .flatMap((fn) => fn.arg_names.filter((_, index) => JSON_TYPES.has(fn.arg_types[index]))),
  );
}

// Deviation: Lite takes a string given for a json argument to be JSON text, and rounds
// numbers. So each json argument is handed over as the JSON text of what the caller sent.
export async function withExactArguments(request, functions) {
  const name = /^\/rest\/v1\/rpc\/(\w+)$/.exec(new URL(request.url).pathname)?.[1];
  const isJson = request.headers.get('content-type')?.startsWith('application/json');
  if (!name || !isJson || request.method !== 'POST') {
    return request;
  }

  const text = await request.text();
  const rewritten = (body) => new Request(request, { body });
  let given;
  try {
    given = exactJson.parse(text);
  } catch {
    return rewritten(text); // Lite has the words for it.
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    return rewritten(text);
  }
  for (const argument of jsonArguments(functions, name)) {
    if (Object.hasOwn(given, argument) && given[argument] !== null) {
      given[argument] = JSON.stringify(given[argument]);
    }
  }
  return rewritten(JSON.stringify(given));
}

// What PostgREST answers while it cannot read the schema.
export function schemaUnavailable() {
  return answer(503, {
    code: 'PGRST002',
    message: 'Could not query the database for the schema cache. Retrying.',
    details: null,
    hint: null,
  });
}
