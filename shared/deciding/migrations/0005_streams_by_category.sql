-- A few streams of some category, such as pipelines, are found among millions of others.
CREATE INDEX streams_category ON streams (category);
