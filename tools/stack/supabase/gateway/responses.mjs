// How responses are made and remade.

// A response of the gateway's own. Pages of any origin may read it, as they may Lite's.
export function answer(status, body, headers = {}) {
  return Response.json(body, {
    status,
    headers: { 'access-control-allow-origin': '*', ...headers },
  });
}

// The same response with another body.
export function withBody(response, body) {
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  return Response.json(body, { status: response.status, headers });
}
