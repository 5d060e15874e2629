-- API keys: `hgk_<id>_<secret>`; only the SHA-256 of the whole key is stored.
CREATE TABLE auth.api_keys (
    key_id text PRIMARY KEY,
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('viewer', 'operator', 'trader', 'admin')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX one_live_key_per_name ON auth.api_keys (name) WHERE revoked_at IS NULL;
