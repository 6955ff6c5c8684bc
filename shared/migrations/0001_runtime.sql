-- What stands outside the views of a service: it is the truth about the running system and is never rebuilt.

CREATE TABLE deployment (              -- what a start compares itself with: secret fingerprint, normaliser
    name   text PRIMARY KEY,
    value  text NOT NULL
);

CREATE TABLE topics (                  -- the present generation of each topic this service owns or reads
    topic       text PRIMARY KEY,
    generation  integer NOT NULL,
    partitions  integer NOT NULL
);

CREATE TABLE schemas (                 -- every view schema that stands in this database
    schema   text PRIMARY KEY,
    service  text NOT NULL,
    version  integer NOT NULL,
    number   integer NOT NULL,
    created  timestamptz NOT NULL DEFAULT now(),
    ready    timestamptz               -- when it had caught up first; readers are served from then on
);

CREATE TABLE live (                    -- which schema serves
    service  text PRIMARY KEY,
    schema   text NOT NULL REFERENCES schemas (schema),
    since    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workers (                 -- who is alive and would take units of a schema
    schema  text NOT NULL,
    owner   text NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (schema, owner)
);

CREATE TABLE leases (                  -- who folds a partition, or runs a single unit such as the resolver
    schema  text NOT NULL,
    unit    text NOT NULL,             -- 'partition/3', 'resolver', ...
    owner   text,
    epoch   bigint NOT NULL DEFAULT 0, -- grows with every change of hands
    until   timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (schema, unit)
);

CREATE TABLE discards (                -- events given up on purpose; every fold and rebuild leaves them out
    subject    uuid NOT NULL,
    event      uuid NOT NULL,
    place      text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    discarded  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, event)
);

CREATE TABLE retries (                 -- parked events to be tried again by the holder of their partition
    schema     text NOT NULL,
    partition  integer NOT NULL,
    topic      text NOT NULL,
    record     bigint NOT NULL,
    requested  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema, partition, topic, record)
);

CREATE TABLE idempotency (             -- stored answers to commands that named an Idempotency-Key
    key       text NOT NULL,           -- with the name of the API key in front
    request   bytea NOT NULL,          -- SHA-256 of method, path and body
    status    integer,                 -- null while the first one is still running
    answer    text,
    created   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key)
);
