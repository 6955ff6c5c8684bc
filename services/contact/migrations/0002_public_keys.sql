-- Keys that stand in pages and apps, limits of their own, and secrets that go on for a while after a rotation.

ALTER TABLE keys
    ADD COLUMN types            text[],            -- event types it may send; set for public keys
    ADD COLUMN origins          text[] NOT NULL DEFAULT '{}',  -- pages it may be used from; empty: any
    ADD COLUMN rate             double precision CHECK (rate > 0),  -- events a second; unset: the deployment's
    ADD COLUMN token_key        text,              -- the JWK by which identity tokens are checked
    ADD COLUMN rotated          timestamptz,
    ADD COLUMN disowned         timestamptz,
    ADD COLUMN disowned_reason  text,
    ADD CHECK (types IS NOT NULL OR NOT 'ingest-public' = ANY (scopes));

CREATE TABLE former_secrets (
    digest  bytea PRIMARY KEY,
    name    text NOT NULL REFERENCES keys,
    until   timestamptz NOT NULL
);
