// What the gateway changes in Auth's API.
//
// Left as Lite has it: no rate limits, no second factors, no admin API, and mail goes to the
// gateway's log.

import { answer, withBody } from './responses.mjs';

const MESSAGES = {
  invalid_credentials: 'Invalid login credentials',
  user_banned: 'User is banned',
};

let lastRenewal = Promise.resolve();

// What `respond` answers, after the renewal before it if this is one too. Hosted Auth locks
// the refresh token's row (internal/tokens/service.go); Lite reads it and then writes, so of
// two renewals at once one may find that the session has ended.
export function oneRenewalAtATime(request, respond) {
  const url = new URL(request.url);
  const isRenewal =
    url.pathname === '/auth/v1/token' && url.searchParams.get('grant_type') === 'refresh_token';
  if (!isRenewal) {
    return respond();
  }
  lastRenewal = lastRenewal.then(respond, respond);
  return lastRenewal;
}

// The response for the caller: with the token a hosted project would give.
export async function asHosted(response, tokens) {
  const isJson = response.headers.get('content-type')?.includes('application/json');
  if (!response.ok || !isJson) {
    return response;
  }
  const body = await response.json();
  if (typeof body?.access_token === 'string') {
    const { outgoing, refusal } = await tokens.outgoing(body.access_token);
    if (refusal) {
      return answer(400, { code: 400, error_code: refusal, msg: MESSAGES[refusal] });
    }
    body.access_token = outgoing;
  }
  return withBody(response, body);
}
