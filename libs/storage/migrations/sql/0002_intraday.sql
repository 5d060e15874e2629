-- Intraday rows come by the million. Where TimescaleDB is there they live in hypertables, elsewhere in monthly
-- partitions of PostgreSQL's own; nothing above these tables sees a difference.
DO $$
BEGIN
    -- The loader's setting is there when the library is preloaded; without that CREATE EXTENSION ends the session.
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
END $$;

CREATE FUNCTION market.timescale_edition() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb')
        THEN COALESCE(pg_catalog.current_setting('timescaledb.license', true), 'apache') ELSE 'none' END
$$;
COMMENT ON FUNCTION market.timescale_edition IS
    'none, apache (hypertables alone) or timescale (compression and continuous aggregates, too)';

DO $$
DECLARE
    minute_bars text := 'PARTITION BY RANGE (ends_at)';
    ticks text := 'PARTITION BY RANGE (traded_at)';
BEGIN
    IF market.timescale_edition() <> 'none' THEN
        minute_bars := '';
        ticks := '';
    END IF;
    EXECUTE $table$
        CREATE TABLE market.minute_bars (
            symbol           text NOT NULL,
            interval_minutes bigint NOT NULL CHECK (interval_minutes BETWEEN 1 AND 240),
            ends_at          timestamptz NOT NULL,
            open             numeric(14, 4) NOT NULL CHECK (open > 0),
            high             numeric(14, 4) NOT NULL,
            low              numeric(14, 4) NOT NULL,
            close            numeric(14, 4) NOT NULL CHECK (close > 0),
            volume           bigint NOT NULL CHECK (volume >= 0),
            amount           numeric(20, 4) CHECK (amount >= 0),
            source           text NOT NULL,
            synthetic        boolean NOT NULL,
            fetched_at       timestamptz NOT NULL,
            published_at     timestamptz NOT NULL,
            PRIMARY KEY (symbol, interval_minutes, ends_at),
            CHECK (low > 0 AND low <= LEAST(open, close) AND high >= GREATEST(open, close))
        ) $table$ || minute_bars;
    EXECUTE $table$
        CREATE TABLE market.ticks (
            symbol       text NOT NULL,
            traded_at    timestamptz NOT NULL,
            sequence     bigint NOT NULL,
            price        numeric(14, 4) NOT NULL CHECK (price > 0),
            volume       bigint NOT NULL CHECK (volume > 0),
            side         text NOT NULL CHECK (side IN ('buy', 'sell', 'neutral')),
            source       text NOT NULL,
            synthetic    boolean NOT NULL,
            fetched_at   timestamptz NOT NULL,
            published_at timestamptz NOT NULL,
            PRIMARY KEY (symbol, traded_at, sequence)
        ) $table$ || ticks;
END $$;
COMMENT ON TABLE market.minute_bars IS 'Intraday bars, unadjusted; ends_at is the end of the bar';
COMMENT ON TABLE market.ticks IS 'Trades in the order of the tape (逐笔或分笔成交)';

-- Makes sure that rows between two instants have somewhere to go; a hypertable sees to that itself. The new table is
-- filled in beside and then attached: so nobody who reads has to wait for an import to end.
CREATE FUNCTION market.ensure_partitions(parent text, first timestamptz, last timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month timestamp := date_trunc('month', first AT TIME ZONE 'Asia/Shanghai');
    place oid := 'market'::regnamespace;
    home oid;
    partition text;
    made integer := 0;
BEGIN
    PERFORM ops.require_role('hiddengem_ingestion');
    IF parent NOT IN ('minute_bars', 'ticks') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('market.%s has no partitions', parent);
    END IF;
    home := format('market.%I', parent)::regclass;
    IF (SELECT relkind FROM pg_class WHERE oid = home) <> 'p' THEN RETURN 0; END IF;
    WHILE month <= last AT TIME ZONE 'Asia/Shanghai' LOOP
        partition := format('%s_%s', parent, to_char(month, 'YYYYMM'));
        -- Asked of the rows themselves: names are cached, and the cache does not see what the lock was waited for.
        IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = place AND relname = partition) THEN
            -- One lock a table, and only where something is to be made: writers of the other table never meet it.
            PERFORM pg_advisory_xact_lock(4846912, home::integer);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = place AND relname = partition) THEN
            EXECUTE format('CREATE TABLE market.%I (LIKE market.%I INCLUDING ALL)', partition, parent);
            EXECUTE format(
                'ALTER TABLE market.%I ATTACH PARTITION market.%I FOR VALUES FROM (%L) TO (%L)',
                parent, partition,
                month AT TIME ZONE 'Asia/Shanghai', (month + interval '1 month') AT TIME ZONE 'Asia/Shanghai'
            );
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

-- Retention: drops what lies wholly before a day, whole partitions or chunks at a time.
CREATE FUNCTION market.drop_before(parent text, day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := day::timestamp AT TIME ZONE 'Asia/Shanghai';
    home text := (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'timescaledb');
    partition text;
    dropped integer := 0;
BEGIN
    PERFORM ops.require_role('hiddengem_ingestion');
    IF parent NOT IN ('minute_bars', 'ticks') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('market.%s is kept for ever', parent);
    END IF;
    IF home IS NOT NULL THEN
        EXECUTE format('SELECT count(*) FROM %s.drop_chunks(%L::regclass, %L::timestamptz)', home, 'market.' || parent, cut)
            INTO dropped;
        RETURN dropped;
    END IF;
    FOR partition IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = format('market.%I', parent)::regclass
          AND to_date(right(relname, 6), 'YYYYMM') + interval '1 month' <= day
    LOOP
        EXECUTE format('DROP TABLE market.%I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- What only the Timescale edition can do. Compressed rows are never updated again: a month and a week leave time for
-- every correction of a source.
CREATE FUNCTION market.timescale_features(home text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[
        $sql$ALTER TABLE market.minute_bars SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'symbol, interval_minutes',
            timescaledb.compress_orderby = 'ends_at')$sql$,
        $sql$ALTER TABLE market.ticks SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'symbol',
            timescaledb.compress_orderby = 'traded_at, sequence')$sql$,
        format($sql$SELECT %1$s.add_compression_policy('market.minute_bars', compress_after => interval '30 days'),
            %1$s.add_compression_policy('market.ticks', compress_after => interval '7 days')$sql$, home),
        format($sql$CREATE MATERIALIZED VIEW market.minute_days
            WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT symbol, interval_minutes, %1$s.time_bucket(interval '1 day', ends_at, 'Asia/Shanghai') AS day,
                   %1$s.first(open, ends_at) AS open, max(high) AS high, min(low) AS low,
                   %1$s.last(close, ends_at) AS close, sum(volume)::bigint AS volume, sum(amount) AS amount,
                   count(*) AS bars, min(source) AS source, bool_or(synthetic) AS synthetic,
                   max(published_at) AS published_at
            FROM market.minute_bars GROUP BY 1, 2, 3 WITH NO DATA$sql$, home),
        format($sql$SELECT %1$s.add_continuous_aggregate_policy('market.minute_days',
            start_offset => interval '30 days', end_offset => interval '1 day',
            schedule_interval => interval '1 day')$sql$, home)
    ]
$$;

DO $$
DECLARE
    home text := (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'timescaledb');
    statement text;
BEGIN
    IF home IS NOT NULL THEN
        EXECUTE format($call$
            SELECT %1$s.create_hypertable('market.minute_bars', 'ends_at', chunk_time_interval => interval '7 days',
                                          create_default_indexes => false, if_not_exists => true),
                   %1$s.create_hypertable('market.ticks', 'traded_at', chunk_time_interval => interval '1 day',
                                          create_default_indexes => false, if_not_exists => true)
        $call$, home);
    END IF;
    IF market.timescale_edition() = 'timescale' THEN
        FOREACH statement IN ARRAY market.timescale_features(home) LOOP EXECUTE statement; END LOOP;
    ELSE
        CREATE VIEW market.minute_days AS
            SELECT symbol, interval_minutes, date_trunc('day', ends_at, 'Asia/Shanghai') AS day,
                   (array_agg(open ORDER BY ends_at))[1] AS open, max(high) AS high, min(low) AS low,
                   (array_agg(close ORDER BY ends_at DESC))[1] AS close, sum(volume)::bigint AS volume,
                   sum(amount) AS amount, count(*) AS bars, min(source) AS source, bool_or(synthetic) AS synthetic,
                   max(published_at) AS published_at
            FROM market.minute_bars GROUP BY 1, 2, 3;
    END IF;
END $$;
CREATE VIEW market.minute_daily AS
    SELECT symbol, interval_minutes, (day AT TIME ZONE 'Asia/Shanghai')::date AS session,
           open, high, low, close, volume, amount, bars, source, synthetic, published_at
    FROM market.minute_days;
COMMENT ON VIEW market.minute_daily IS
    'Daily bars made of intraday ones; their extremes may be narrower than the day''s own';

REVOKE EXECUTE ON FUNCTION market.ensure_partitions, market.drop_before, market.timescale_features FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.ensure_partitions, market.drop_before TO hiddengem_ingestion;

GRANT SELECT ON market.minute_bars, market.ticks, market.minute_days, market.minute_daily
    TO hiddengem_reader, hiddengem_analyst;
GRANT INSERT, UPDATE, DELETE ON market.minute_bars, market.ticks TO hiddengem_ingestion;
