-- What the other services were told of who belongs to whom; it outlives every view schema.

CREATE TABLE told (
    subject   uuid PRIMARY KEY,
    customer  uuid NOT NULL,
    revision  bigint NOT NULL,
    sent      boolean NOT NULL DEFAULT false
);
CREATE INDEX told_unsent ON told (subject) WHERE NOT sent;

CREATE TABLE compared (               -- the schema whose whole mapping was compared with `told` last
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    schema  text NOT NULL
);
