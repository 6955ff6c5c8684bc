-- Who folds a schema that does not serve: the services themselves, or the command that made it.

ALTER TABLE schemas
    ADD purpose text NOT NULL DEFAULT 'serve' CHECK (purpose IN ('serve', 'rebuild', 'verify')),
    ADD sample integer NOT NULL DEFAULT 1,  -- 1 in so many subjects is folded
    ADD folded_until timestamptz;      -- one that served is folded on until then, so that it can serve again
