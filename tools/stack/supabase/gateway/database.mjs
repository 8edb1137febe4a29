// The connection @supabase/lite has to Postgres.

import { createPostgresConnection } from '@supabase/lite/postgres';
import * as exactJson from './exact-json.mjs';

// Deviation: Lite encodes json arguments twice, and rounds numbers in results. It hands over
// text that is JSON already (see rest.mjs for strings), or values of its own tables.
const asIs = (type) => ({
  to: type,
  from: [type],
  serialize: (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
  parse: exactJson.parse,
});

// How many requests are served at once; the others wait.
const POOL = 20;

// Opens the connection. It connects when it is first needed, and again whenever it has to.
export function connect(url) {
  const connection = createPostgresConnection({
    url,
    postgresOptions: { types: { json: asIs(114), jsonb: asIs(3802) }, max: POOL, onnotice() {} },
  });

  // Deviation: at the first request Lite grants everything to the API's roles in each schema
  // with row level security. A hosted project keeps to what its migrations granted. True says
  // that requests run as the caller's role.
  connection.ensureRlsContext = async () => true;

  // Deviation: while Postgres cannot be asked, Lite takes the schema to be empty, and would
  // answer that a function does not exist.
  const introspect = connection.introspect.bind(connection);
  connection.introspect = async (options) => {
    const schema = await introspect(options);
    if (!schema.functions) {
      throw new Error('the schema could not be read');
    }
    return schema;
  };

  // Deviation: Lite knows the status of some errors only; the others are a 500 that says no
  // more than "SUP". An error of code PGRST is one that brings its answer along.
  connection.normalizeDbError = (error) => {
    const status = statusOf(error);
    if (status === undefined) {
      return error;
    }
    const { code, message, detail, hint } = error;
    return {
      code: 'PGRST',
      message: JSON.stringify({ code, message, details: detail ?? null, hint: hint ?? null }),
      detail: JSON.stringify({ status, headers: {} }),
    };
  };

  return connection;
}

// The errors Lite has PostgREST's status for.
const KNOWN_TO_LITE = /^(PGRST|PT|21|22|23502|23503|23505|25006|42|55)/;

// The statuses of the others, by the beginning of their code. The first that fits counts.
// https://docs.postgrest.org/en/stable/references/errors.html#http-status-codes
const STATUSES = [
  // What postgres.js calls a database that cannot be reached, or was lost on the way.
  [/^(CONNECT|ECONN|EPIPE)/, 503],
  [/^08/, 503],
  [/^0[LP]/, 403],
  [/^28/, 403],
  [/^53400/, 500],
  [/^53/, 503],
  [/^(09|25|2D|38|39|3B|40|54|57|58|F0|HV)/, 500],
  [/^P0001/, 400],
  [/^P0/, 500],
  [/^[0-9A-Z]{5}$/, 400],
];

function statusOf({ code }) {
  if (typeof code !== 'string' || KNOWN_TO_LITE.test(code)) {
    return undefined;
  }
  return STATUSES.find(([pattern]) => pattern.test(code))?.[1];
}
