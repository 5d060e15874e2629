-- Hints on their way to Redis: written in the transaction of the state they announce, published by the relay.
CREATE TABLE ops.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    msg_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    service text NOT NULL,
    method text NOT NULL,
    payload jsonb NOT NULL,
    order_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    tries int NOT NULL DEFAULT 0
);
CREATE INDEX outbox_unpublished ON ops.outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_order ON ops.outbox (order_id) WHERE order_id IS NOT NULL;

CREATE FUNCTION ops.wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wakes_relay AFTER INSERT ON ops.outbox FOR EACH STATEMENT EXECUTE FUNCTION ops.wake_relay();

-- A message a state-changing handler has taken in; inserted in the handler's own transaction.
CREATE TABLE ops.inbox (
    consumer text NOT NULL,
    msg_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, msg_id)
);

CREATE TABLE ops.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    entry_id text NOT NULL,
    consumer text NOT NULL,
    reason text NOT NULL,
    deliveries int NOT NULL,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (stream, entry_id)
);

-- Singletons hold a lease; its epoch rises with every new holder and fences what the former one still writes.
CREATE TABLE ops.leases (
    name text PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The new epoch, or NULL while another holder's lease is alive. A holder may take its own lease over at once; a lease
-- bears the name of the one service that may hold it.
CREATE FUNCTION ops.acquire_lease(p_name text, p_holder text, p_ttl interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE new_epoch bigint;
BEGIN
    PERFORM ops.require_role('hiddengem_' || p_name);
    INSERT INTO ops.leases AS l (name, epoch, holder, expires_at)
    VALUES (p_name, 1, p_holder, clock_timestamp() + p_ttl)
    ON CONFLICT (name) DO UPDATE
        SET epoch = l.epoch + 1, holder = p_holder, expires_at = clock_timestamp() + p_ttl
        WHERE l.expires_at < clock_timestamp() OR l.holder = p_holder
    RETURNING epoch INTO new_epoch;
    RETURN new_epoch;
END $$;

CREATE FUNCTION ops.renew_lease(p_name text, p_holder text, p_epoch bigint, p_ttl interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ops.require_role('hiddengem_' || p_name);
    UPDATE ops.leases SET expires_at = clock_timestamp() + p_ttl
    WHERE name = p_name AND holder = p_holder AND epoch = p_epoch;
    RETURN FOUND;
END $$;

-- Refuses a writer whose lease has passed to somebody else, and keeps it from passing until the transaction ends.
CREATE FUNCTION ops.require_epoch(p_name text, p_epoch bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM ops.leases WHERE name = p_name AND epoch = p_epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % of lease % is over', p_epoch, p_name USING ERRCODE = 'HG001';
    END IF;
END $$;
