-- The last position that was given out, once nobody else is giving out any: until this transaction
-- ends. What stands in the function sees all that was committed before its lock was had.

CREATE FUNCTION last_position() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('rapport events', 0));
    RETURN (SELECT coalesce(max(position), 0) FROM events);
END
$$;
