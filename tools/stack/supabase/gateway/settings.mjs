// What the gateway is told: by its environment, and by the project's supabase/config.toml.

import fs from 'node:fs';
import { parse } from 'smol-toml';

function required(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set`);
  }
  return value;
}

export const port = Number(required('GATEWAY_PORT'));
export const url = `http://127.0.0.1:${port}`;
export const publicUrl = required('GATEWAY_PUBLIC_URL');
export const databaseUrl = required('GATEWAY_DATABASE_URL');
export const signingKeyFile = required('GATEWAY_SIGNING_KEY_FILE');
export const storageFolder = required('GATEWAY_STORAGE_FOLDER');
export const publishableKey = required('SUPABASE_PUBLISHABLE_KEY');
export const secretKey = required('SUPABASE_SECRET_KEY');

const project = parse(fs.readFileSync(required('GATEWAY_CONFIG_FILE'), 'utf8'));

// The settings of the project that @supabase/lite knows, under the names it gives them.
export const lite = {
  project_id: project.project_id,
  api: {
    enabled: true,
    external_url: url,
    extra_search_path: project.api.extra_search_path,
    max_rows: project.api.max_rows,
    schemas: project.api.schemas,
  },
  auth: {
    enabled: true,
    site_url: project.auth.site_url,
    additional_redirect_urls: project.auth.additional_redirect_urls,
    enable_signup: project.auth.enable_signup,
    enable_refresh_token_rotation: project.auth.enable_refresh_token_rotation,
    jwt_expiry: project.auth.jwt_expiry,
    minimum_password_length: project.auth.minimum_password_length,
    password_requirements: project.auth.password_requirements,
    refresh_token_reuse_interval: project.auth.refresh_token_reuse_interval,
    publishable_key: publishableKey,
    secret_key: secretKey,
    email: {
      double_confirm_changes: project.auth.email.double_confirm_changes,
      enable_confirmations: project.auth.email.enable_confirmations,
      enable_signup: project.auth.email.enabled,
      max_frequency: project.auth.email.max_frequency,
      otp_expiry: project.auth.email.otp_expiry,
      otp_length: project.auth.email.otp_length,
      secure_password_change: project.auth.email.secure_password_change,
    },
  },
  db: { migrations: { enabled: false }, seed: { enabled: false } },
  storage: { enabled: true, file_size_limit: project.storage.file_size_limit },
  studio: { enabled: false },
};
