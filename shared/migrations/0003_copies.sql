-- How each generation of a topic after the first was made: in the database of the service that owns the topic.

CREATE TABLE copies (
    topic              text NOT NULL,
    generation         integer NOT NULL,   -- the one that is made
    partitions         integer NOT NULL,
    former             integer NOT NULL,   -- the one that it is made from
    former_partitions  integer NOT NULL,
    begun              timestamptz NOT NULL DEFAULT now(),
    switched           timestamptz,        -- when it was recorded as the present one
    PRIMARY KEY (topic, generation)
);

CREATE TABLE copied (                  -- how far it has come: up to these offsets both sides were found equal
    topic        text NOT NULL,
    generation   integer NOT NULL,
    side         text NOT NULL CHECK (side IN ('former', 'next')),
    partition    integer NOT NULL,
    next_offset  bigint NOT NULL,
    records      bigint NOT NULL,      -- before this offset
    checksum     bigint NOT NULL,      -- the sum of their 64-bit hashes, modulo 2^64
    PRIMARY KEY (topic, generation, side, partition),
    FOREIGN KEY (topic, generation) REFERENCES copies ON DELETE CASCADE
);
