// The tokens users get, and which tokens are taken for theirs.
//
// Deviation: Lite signs tokens with a shared secret (HS256) and publishes no key for them; a
// hosted project signs with a private key (ES256) and publishes the other half. So tokens are
// signed anew on their way out and in, and Lite's secret never leaves the gateway.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import * as jose from 'jose';

// Signs and checks tokens.
export class Tokens {
  #key;
  #publicKey;
  #secret;
  #issuer;
  #database;

  // `database` is a postgres.js client.
  static async load({ keyFile, issuer, database }) {
    const tokens = new Tokens();
    const { d, ...publicKey } = await signingKey(keyFile);
    tokens.#key = await jose.importJWK({ d, ...publicKey });
    tokens.#publicKey = publicKey;
    // As lasting as the key, so that links Storage has signed survive a restart.
    tokens.#secret = createHash('sha256').update(d).digest('hex');
    tokens.#issuer = issuer;
    tokens.#database = database;
    return tokens;
  }

  // The secret Lite is to sign with.
  get secret() {
    return this.#secret;
  }

  get #secretBytes() {
    return new TextEncoder().encode(this.#secret);
  }

  // The published keys, as of a hosted project.
  get keySet() {
    return { keys: [{ ...this.#publicKey, ext: true, key_ops: ['verify'] }] };
  }

  // Lite's token, for the user it was made for; or why a hosted project gives them none, as
  // its error code.
  //
  // Deviation: Lite signs banned users in, unless they come from another provider, and users
  // of no instance (see schemas.mjs). The session it has made is ended.
  //
  // Deviation: Lite leaves claims out. They are completed from the same rows a hosted
  // project reads. How a user signed in is not recorded: it is always said to be by password.
  async outgoing(token) {
    const claims = jose.decodeJwt(token);
    const [session] = await this.#database`
      select extract(epoch from s.created_at)::float8 as signed_in_at, u.phone, u.is_anonymous,
        u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata,
        case
          when u.instance_id is distinct from '00000000-0000-0000-0000-000000000000'
            then 'invalid_credentials'
          when u.banned_until > now() then 'user_banned'
        end as refusal
      from auth.sessions s
      join auth.users u on u.id = s.user_id
      where s.id = ${claims.session_id}`;
    if (session.refusal) {
      await this.#database`delete from auth.sessions where id = ${claims.session_id}`;
      return { refusal: session.refusal };
    }
    const outgoing = await new jose.SignJWT({
      ...claims,
      iss: this.#issuer,
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: Math.floor(session.signed_in_at) }],
      phone: session.phone ?? '',
      app_metadata: session.app_metadata ?? {},
      user_metadata: session.user_metadata ?? {},
      is_anonymous: session.is_anonymous,
    })
      .setProtectedHeader({ alg: 'ES256', kid: this.#publicKey.kid, typ: 'JWT' })
      .sign(this.#key);
    return { outgoing };
  }

  // What is wrong with a token Lite has signed; undefined if nothing is.
  async fault(token) {
    try {
      await jose.jwtVerify(token, this.#secretBytes, { algorithms: ['HS256'] });
      return undefined;
    } catch (error) {
      return error.message;
    }
  }

  // The same token for Lite, or undefined if it is none of ours. Whether it has expired is
  // left to Lite.
  async incoming(token) {
    try {
      const { payload } = await jose.compactVerify(token, this.#publicKey, {
        algorithms: ['ES256'],
      });
      return await new jose.CompactSign(payload)
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(this.#secretBytes);
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) {
        return undefined;
      }
      throw error;
    }
  }
}

// The private key of `file`, which is made if it is not there.
async function signingKey(file) {
  if (!fs.existsSync(file)) {
    const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
    const key = await jose.exportJWK(privateKey);
    const text = JSON.stringify({
      ...key,
      kid: await jose.calculateJwkThumbprint(key),
      alg: 'ES256',
      use: 'sig',
    });
    // Whole or not at all, and never over a key another gateway has made meanwhile.
    const own = `${file}.${process.pid}`;
    fs.writeFileSync(own, text, { mode: 0o600 });
    try {
      fs.linkSync(own, file);
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw error;
      }
    } finally {
      fs.unlinkSync(own);
    }
  }
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}
