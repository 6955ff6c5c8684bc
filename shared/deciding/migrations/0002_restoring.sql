-- How far the events were restored from their topic; without rows, nothing is being restored.

CREATE TABLE restoring (
    topic        text COLLATE "C" NOT NULL,  -- as Kafka knows it
    partition    integer NOT NULL,
    next_offset  bigint NOT NULL DEFAULT 0,
    end_offset   bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
