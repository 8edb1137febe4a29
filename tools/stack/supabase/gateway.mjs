// Supabase's API on one machine: Data API, Auth and Storage.
//
// It is @supabase/lite, Supabase's own small implementation of the three, with what differs
// from a hosted project put right on the way in and out. Each such difference is told where it
// is put right; look for "Deviation".
//
// Left as Lite has it in the Data API: columns of type timestamptz, numeric and bytea are
// written differently in rows. Functions that take and return one jsonb are exact.
//
// Prints one line: "ready" when it listens, or why it cannot, as {"failed":"…"}.

import { serve } from '@hono/node-server';
import { App, setExperimental } from '@supabase/lite';
import * as auth from './gateway/auth.mjs';
import { admit } from './gateway/bearer.mjs';
import { connect } from './gateway/database.mjs';
import { Objects } from './gateway/objects.mjs';
import { answer } from './gateway/responses.mjs';
import * as rest from './gateway/rest.mjs';
import * as settings from './gateway/settings.mjs';
import * as storage from './gateway/storage.mjs';
import { Tokens } from './gateway/tokens.mjs';

// Standard output is for the one line; what Lite logs goes elsewhere.
globalThis.console = new console.Console(process.stderr);
const announce = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

setExperimental('storage', true);
const connection = connect(settings.databaseUrl);
const tokens = await Tokens.load({
  keyFile: settings.signingKeyFile,
  issuer: `${settings.publicUrl}/auth/v1`,
  database: connection.driver,
});
const lite = new App({
  ...settings.lite,
  auth: { ...settings.lite.auth, jwt_secret: tokens.secret },
  connection,
  options: { server: { admin: false } },
});
lite._storageAdapter = new Objects(settings.storageFolder);
await lite.init();

async function respond(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/auth/v1/.well-known/jwks.json') {
    return answer(200, tokens.keySet, { 'cache-control': 'public, max-age=600' });
  }
  const { admitted, refusal } = await admit(request, tokens);
  if (refusal) {
    return refusal;
  }
  if (pathname.startsWith('/auth/v1/')) {
    const fetched = await auth.oneRenewalAtATime(admitted, () => lite.fetch(admitted));
    return auth.asHosted(fetched, tokens);
  }
  if (pathname.startsWith('/storage/v1/')) {
    return (
      (await storage.refuseLink(admitted, tokens)) ??
      storage.asHosted(admitted, await lite.fetch(storage.withKnownPath(admitted)))
    );
  }
  if (pathname.startsWith('/rest/v1/')) {
    let schema;
    try {
      schema = await connection.introspect({ useCache: true });
    } catch {
      return rest.schemaUnavailable();
    }
    return lite.fetch(await rest.withExactArguments(admitted, schema.functions));
  }
  return answer(404, { message: 'Not found' });
}

async function respondWhateverHappens(request) {
  try {
    return await respond(request);
  } catch (error) {
    console.error(error);
    return answer(500, { message: 'Internal server error' });
  }
}

const server = serve(
  { fetch: respondWhateverHappens, hostname: '127.0.0.1', port: settings.port },
  () => announce('ready'),
);
// Deviation: Node closes a connection that was idle for 5 seconds, just when a caller that had
// waited for something else may use it again. A hosted project keeps it for minutes.
server.keepAliveTimeout = 120_000;
server.on('error', (error) => {
  announce({ failed: error.code ?? error.message });
  process.exit(1);
});
process.on('SIGTERM', () => process.exit(0));
