// What the gateway changes in Auth's API.
//
// Left as Lite has it: no rate limits, no second factors, no admin API, and mail goes to the
// gateway's log.

import { answer, withBody } from './responses.mjs';

// The response for the caller: with the token a hosted project would give.
export async function asHosted(response, tokens) {
  const isJson = response.headers.get('content-type')?.includes('application/json');
  if (!response.ok || !isJson) {
    return response;
  }
  const body = await response.json();
  if (typeof body?.access_token === 'string') {
    body.access_token = await tokens.outgoing(body.access_token);
    if (body.access_token === undefined) {
      return answer(400, { code: 400, error_code: 'user_banned', msg: 'User is banned' });
    }
  }
  return withBody(response, body);
}
