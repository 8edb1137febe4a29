// Who a request says it is from, in its Authorization header.
//
// Deviation: Lite runs a request with an unusable token as if it had none. A hosted project
// refuses it; and it refuses a key there, unless it is the one in `apikey`.

// The request for Lite as `admitted`, or the response that refuses it as `refusal`.
export async function admit(request, tokens) {
  const given = /^Bearer\s+(.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (given === undefined || given === apiKey(request)) {
    return { admitted: request };
  }
  const token = await tokens.incoming(given);
  if (token === undefined) {
    const refusal = refuse(request, given);
    return refusal ? { refusal } : { admitted: request };
  }
  const headers = new Headers(request.headers);
  headers.set('authorization', `Bearer ${token}`);
  return { admitted: new Request(request, { headers }) };
}

function apiKey(request) {
  return request.headers.get('apikey') ?? new URL(request.url).searchParams.get('apikey');
}

// Each API has words of its own for it. Lite knows those of Auth, and refuses by itself there.
function refuse(request, given) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/rest/v1/')) {
    const parts = given.split('.').length;
    const message =
      parts === 3
        ? 'No suitable key or wrong key type'
        : `Expected 3 parts in JWT; got ${parts}`;
    return Response.json(
      { code: 'PGRST301', message, details: null, hint: null },
      {
        status: 401,
        headers: {
          'www-authenticate': `Bearer error="invalid_token", error_description="${message}"`,
        },
      },
    );
  }
  if (pathname.startsWith('/storage/v1/')) {
    return Response.json(
      { statusCode: '403', error: 'Unauthorized', message: 'Invalid Compact JWS' },
      { status: 400 },
    );
  }
  return undefined;
}
