-- Group roles carry the rights; each service logs in with a role of its own, made by libs.storage.roles.
-- Roles belong to the cluster, migrations to one database: hence IF NOT EXISTS.
DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'hiddengem_reader', 'hiddengem_analyst', 'hiddengem_ingestion', 'hiddengem_orchestrator', 'hiddengem_risk',
        'hiddengem_execution', 'hiddengem_broker_gateway', 'hiddengem_paper_venue', 'hiddengem_api_gateway'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA ops;
CREATE SCHEMA desk;
CREATE SCHEMA risk;
CREATE SCHEMA trading;
CREATE SCHEMA broker;
CREATE SCHEMA paper_venue;
CREATE SCHEMA auth;

-- Who is really asking: inside a SECURITY DEFINER function current_user is the owner, session_user the caller.
CREATE FUNCTION ops.require_role(VARIADIC allowed text[]) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE candidate text;
BEGIN
    IF session_user = current_user THEN RETURN; END IF;
    FOREACH candidate IN ARRAY allowed LOOP
        IF pg_has_role(session_user, candidate, 'MEMBER') THEN RETURN; END IF;
    END LOOP;
    RAISE insufficient_privilege USING MESSAGE = format('role %s may not do this', session_user);
END $$;
