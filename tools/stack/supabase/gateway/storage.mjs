// What the gateway changes in Storage's API.
//
// Left as Lite has it: Range is ignored, `list` gives whole paths, and there are no resumable
// uploads, no S3 protocol, no image transformations.

import { answer, withBody } from './responses.mjs';

const OBJECT = '/storage/v1/object';

// Deviation: Lite has no /object/authenticated; a hosted project has it beside /object.
export function withKnownPath(request) {
  const url = new URL(request.url);
  url.pathname = url.pathname.replace(`${OBJECT}/authenticated/`, `${OBJECT}/`);
  return url.href === request.url ? request : new Request(url, request);
}

// Deviation: Lite answers a link that is not valid, or no longer, with a 500.
export async function refuseLink(request, tokens) {
  const url = new URL(request.url);
  const token = url.searchParams.get('token');
  if (!url.pathname.startsWith(`${OBJECT}/sign/`) || request.method !== 'GET' || !token) {
    return undefined;
  }
  const message = await tokens.fault(token);
  return message && answer(400, { statusCode: '400', error: 'InvalidJWT', message });
}

// The response for the caller.
export async function asHosted(request, response) {
  const { pathname, searchParams } = new URL(request.url);
  if (!response.ok) {
    return refusalAsHosted(response);
  }
  // Deviation: Lite calls a link signedUrl and begins it with /storage/v1, which every client
  // of a hosted project puts in front itself.
  if (request.method === 'POST' && pathname.startsWith(`${OBJECT}/sign/`)) {
    const links = await response.json();
    const hosted = Array.isArray(links) ? links.map(withSignedUrl) : withSignedUrl(links);
    return withBody(response, hosted);
  }
  if (request.method === 'POST' && pathname.startsWith(`${OBJECT}/upload/sign/`)) {
    const { signedUrl, token } = await response.json();
    return withBody(response, { url: withoutPrefix(signedUrl), token });
  }
  // Deviation: Lite ignores `download`, which makes browsers save an object under a name.
  const download = searchParams.get('download');
  if (request.method === 'GET' && pathname.startsWith(`${OBJECT}/`) && download !== null) {
    const name = encodeURIComponent(download);
    const headers = new Headers(response.headers);
    headers.set(
      'content-disposition',
      name ? `attachment; filename=${name}; filename*=UTF-8''${name};` : 'attachment;',
    );
    return new Response(response.body, { status: response.status, headers });
  }
  return response;
}

// Deviation: Lite answers with the status of what went wrong. A hosted project answers 400,
// whatever it was, unless it is 500; the body tells (storage: storage-error.ts).
async function refusalAsHosted(response) {
  const text = await response.text();
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    said = { message: text };
  }
  const { statusCode = String(response.status), error = 'InternalError', message } = said;
  const code = CODES[message] ?? error;
  const status = statusCode === '500' ? 500 : 400;
  return answer(status, { statusCode, code, error: code, message });
}

// What a hosted project calls what Lite says.
const CODES = {
  'Bucket not found': 'NoSuchBucket',
  'Object not found': 'NoSuchKey',
};

function withSignedUrl({ signedUrl, ...rest }) {
  return { ...rest, signedURL: signedUrl ? withoutPrefix(signedUrl) : null };
}

function withoutPrefix(url) {
  return url.replace(/^\/storage\/v1/, '');
}
