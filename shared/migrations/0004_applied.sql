-- What was applied to each record on its way into the next generation; empty: it was copied unchanged.

ALTER TABLE copies ADD COLUMN applied text NOT NULL DEFAULT '';
