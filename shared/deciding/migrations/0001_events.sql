-- What a deciding service knows to be true: its events, and what is kept so that they can go on.

CREATE TABLE events (                  -- the truth, and the outbox of the relay
    position      bigint PRIMARY KEY,  -- given under one lock: visible in order, without gaps
    stream        uuid NOT NULL,
    version       integer NOT NULL,
    category      text COLLATE "C" NOT NULL,
    type          text COLLATE "C" NOT NULL,
    partitionkey  uuid NOT NULL,
    record        bytea NOT NULL,      -- the CloudEvent, exactly as it goes to the log
    UNIQUE (stream, version)
);

CREATE TABLE streams (                 -- the fold of each stream, so that a command needs one read
    stream        uuid PRIMARY KEY,
    category      text COLLATE "C" NOT NULL,
    version       integer NOT NULL,
    partitionkey  uuid NOT NULL,       -- of its first event: all others go the same way
    state         bytea NOT NULL
);

CREATE TABLE claims (                  -- what one stream alone may hold
    scope    text COLLATE "C" NOT NULL,
    subject  uuid NOT NULL,
    stream   uuid NOT NULL,
    PRIMARY KEY (scope, subject)
);

CREATE TABLE inbox (                   -- every event that a policy looked at, also when nothing followed
    subject  uuid NOT NULL,
    event    uuid NOT NULL,
    policy   text COLLATE "C" NOT NULL,
    outcome  text COLLATE "C" NOT NULL,
    stream   uuid,                     -- that it reached
    PRIMARY KEY (subject, event, policy)
);

CREATE TABLE belonging (               -- as policies know it; a subject without a row belongs to itself
    subject   uuid PRIMARY KEY,
    customer  uuid NOT NULL,
    revision  bigint NOT NULL
);
CREATE INDEX belonging_customer ON belonging (customer);

CREATE TABLE relayed (                 -- up to which position the log has the events
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint NOT NULL DEFAULT 0
);
INSERT INTO relayed DEFAULT VALUES;
