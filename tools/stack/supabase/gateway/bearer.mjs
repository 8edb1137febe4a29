// Who a request says it is from, in its Authorization header.
//
// Deviation: Lite runs a request with an unusable token as if it had none. A hosted project
// refuses it; and it refuses a key there, unless it is the one in `apikey`.

import { answer } from './responses.mjs';

// How a token of the only algorithm Lite knows begins.
const HS256 = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url');

// The request for Lite as `admitted`, or the response that refuses it as `refusal`.
export async function admit(request, tokens) {
  const given = /^Bearer\s+(.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (given === undefined || given === apiKey(request)) {
    return { admitted: request };
  }
  const token = await tokens.incoming(given);
  if (token !== undefined) {
    return { admitted: withToken(request, token) };
  }
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/rest/v1/')) {
    return { refusal: refusalOfData(given) };
  }
  if (pathname.startsWith('/storage/v1/')) {
    return { refusal: refusalOfStorage() };
  }
  // Auth refuses tokens only where it needs one. Lite knows where, and has the words.
  const [header, ...rest] = given.split('.');
  return { admitted: withToken(request, [header && HS256, ...rest].join('.')) };
}

function apiKey(request) {
  return request.headers.get('apikey') ?? new URL(request.url).searchParams.get('apikey');
}

function withToken(request, token) {
  const headers = new Headers(request.headers);
  headers.set('authorization', `Bearer ${token}`);
  return new Request(request, { headers });
}

function refusalOfData(token) {
  const parts = token.split('.').length;
  const message =
    parts === 3 ? 'No suitable key or wrong key type' : `Expected 3 parts in JWT; got ${parts}`;
  const description = `Bearer error="invalid_token", error_description="${message}"`;
  return answer(
    401,
    { code: 'PGRST301', message, details: null, hint: null },
    { 'www-authenticate': description },
  );
}

function refusalOfStorage() {
  return answer(400, {
    statusCode: '403',
    error: 'Unauthorized',
    message: 'Invalid Compact JWS',
  });
}
