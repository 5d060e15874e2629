-- Reads across schemas are granted, writes never: one writer per table.
GRANT USAGE ON SCHEMA ops, market, desk, risk, trading, broker TO hiddengem_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ops, market, desk, risk, trading, broker TO hiddengem_reader;
GRANT EXECUTE ON FUNCTION ops.acquire_lease, ops.renew_lease, trading.quiet TO hiddengem_reader;
GRANT hiddengem_reader TO hiddengem_ingestion, hiddengem_orchestrator, hiddengem_risk, hiddengem_execution,
    hiddengem_broker_gateway, hiddengem_api_gateway;

-- Analysts see the market and the clock, and nothing about orders, verdicts or keys.
GRANT USAGE ON SCHEMA market, desk, ops TO hiddengem_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA market TO hiddengem_analyst;
GRANT SELECT ON desk.clock TO hiddengem_analyst;

-- Everybody with a consumer records what it could not digest.
GRANT INSERT ON ops.dead_letters TO hiddengem_analyst, hiddengem_ingestion, hiddengem_orchestrator, hiddengem_risk,
    hiddengem_execution, hiddengem_broker_gateway, hiddengem_api_gateway;

GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA market TO hiddengem_ingestion;

GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA desk TO hiddengem_orchestrator;
GRANT UPDATE (published_at, tries) ON ops.outbox TO hiddengem_orchestrator;
GRANT DELETE ON ops.outbox, ops.inbox TO hiddengem_orchestrator;
GRANT EXECUTE ON FUNCTION trading.open_account, trading.submit_order TO hiddengem_orchestrator;

GRANT INSERT ON risk.verdicts TO hiddengem_risk;
GRANT INSERT, UPDATE ON risk.control TO hiddengem_risk;
GRANT INSERT ON ops.inbox TO hiddengem_risk, hiddengem_execution;
GRANT EXECUTE ON FUNCTION risk.reserve, risk.hold_control, trading.decide_order TO hiddengem_risk;

GRANT EXECUTE ON FUNCTION trading.transition, risk.resize_reservation, risk.hold_control TO hiddengem_execution;
GRANT UPDATE (filled_qty, venue_end, venue_end_filled, reason) ON trading.orders TO hiddengem_execution;
GRANT INSERT ON trading.send_intents, trading.applied_reports, trading.fills, trading.ledger_txn, trading.ledger_entry,
    trading.snapshots, trading.unbooked_actions TO hiddengem_execution;
GRANT UPDATE (outcome, venue_order_id) ON trading.send_intents TO hiddengem_execution;
GRANT UPDATE (cash) ON trading.balances TO hiddengem_execution;
GRANT INSERT, UPDATE ON trading.positions TO hiddengem_execution;

GRANT INSERT, UPDATE ON broker.sends, broker.cursors TO hiddengem_broker_gateway;
GRANT INSERT ON broker.reports, ops.outbox TO hiddengem_broker_gateway;

GRANT USAGE ON SCHEMA paper_venue, market, desk TO hiddengem_paper_venue;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA paper_venue TO hiddengem_paper_venue;
GRANT SELECT ON market.bars, market.instruments, market.calendar, desk.clock TO hiddengem_paper_venue;

GRANT USAGE ON SCHEMA auth TO hiddengem_api_gateway;
GRANT SELECT ON auth.api_keys TO hiddengem_api_gateway;
GRANT UPDATE (last_used_at) ON auth.api_keys TO hiddengem_api_gateway;
GRANT EXECUTE ON FUNCTION trading.submit_order TO hiddengem_api_gateway;

-- Functions are executable by PUBLIC unless taken away; the doors above are the only ones.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ops, risk, trading FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.require_role TO PUBLIC;
GRANT EXECUTE ON FUNCTION ops.require_epoch TO hiddengem_execution;
