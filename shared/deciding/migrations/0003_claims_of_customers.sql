-- What the subjects of a customer hold, whatever the scope.

CREATE INDEX claims_subject ON claims (subject, scope);
