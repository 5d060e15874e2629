-- A stand-in for TimescaleDB where only its names are needed: it records what it is asked and does nothing.
CREATE TABLE timescale_calls (number serial PRIMARY KEY, call text NOT NULL);

CREATE FUNCTION create_hypertable(
    relation regclass, time_column_name name, chunk_time_interval interval,
    create_default_indexes boolean, if_not_exists boolean
) RETURNS integer LANGUAGE sql AS $$
    INSERT INTO @extschema@.timescale_calls (call) VALUES (format('hypertable %s by %s', relation, time_column_name)) RETURNING number
$$;

CREATE FUNCTION add_compression_policy(relation regclass, compress_after interval) RETURNS integer LANGUAGE sql AS $$
    INSERT INTO @extschema@.timescale_calls (call) VALUES (format('compress %s after %s', relation, compress_after)) RETURNING number
$$;

CREATE FUNCTION add_continuous_aggregate_policy(
    relation regclass, start_offset interval, end_offset interval, schedule_interval interval
) RETURNS integer LANGUAGE sql AS $$
    INSERT INTO @extschema@.timescale_calls (call) VALUES (format('refresh %s', relation)) RETURNING number
$$;

CREATE FUNCTION drop_chunks(relation regclass, older_than timestamptz) RETURNS SETOF text LANGUAGE sql AS $$
    INSERT INTO @extschema@.timescale_calls (call) VALUES (format('drop chunks of %s', relation)) RETURNING call
$$;

CREATE FUNCTION time_bucket(width interval, moment timestamptz, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN date_bin(width, moment AT TIME ZONE zone, timestamp '2000-01-01') AT TIME ZONE zone;

CREATE FUNCTION keep_first(state numeric, value numeric, moment timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN COALESCE(state, value);
CREATE FUNCTION keep_last(state numeric, value numeric, moment timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN value;
CREATE AGGREGATE first(numeric, timestamptz) (SFUNC = keep_first, STYPE = numeric);
CREATE AGGREGATE last(numeric, timestamptz) (SFUNC = keep_last, STYPE = numeric);
