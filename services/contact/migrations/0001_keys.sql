-- Keys are the truth about who may do what; only the SHA-256 of a key is kept.

CREATE TABLE keys (
    name           text PRIMARY KEY,
    digest         bytea NOT NULL UNIQUE,
    scopes         text[] NOT NULL CHECK (cardinality(scopes) > 0),
    principal      text NOT NULL,         -- 'service:shop', 'representative:7', 'partner:12': the actor on every event
    namespace      text NOT NULL DEFAULT '',  -- of identifiers that name none
    source_prefix  text NOT NULL DEFAULT '',  -- every source sent with this key begins with it
    created        timestamptz NOT NULL DEFAULT now(),
    revoked        timestamptz
);
