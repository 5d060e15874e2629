-- Schema `market`, second part: every further kind of data. Units and instants are those of 0001_market: CNY, shares,
-- fractions, exchange dates in Asia/Shanghai; readers filter on `published_at <= as_of`.

ALTER TABLE market.instruments
    DROP CONSTRAINT instruments_board_check,
    ADD CONSTRAINT instruments_board_check CHECK (board ~ '^[a-z][a-z_]*$'),
    ADD COLUMN initials text CHECK (initials ~ '^[0-9A-Z]+$');
COMMENT ON COLUMN market.instruments.board IS 'A board of the rulebook (libs.domain.market.Board)';
COMMENT ON COLUMN market.instruments.initials IS 'Pinyin initials of the name: 贵州茅台 is GZMT';

ALTER TABLE market.valuations
    ADD COLUMN dividend_yield     double precision CHECK (dividend_yield >= 0),
    ADD COLUMN total_shares       bigint CHECK (total_shares > 0),
    ADD COLUMN float_shares       bigint CHECK (float_shares >= 0),
    ADD COLUMN market_value       numeric(20, 4) CHECK (market_value > 0),
    ADD COLUMN float_market_value numeric(20, 4) CHECK (float_market_value >= 0);

ALTER TABLE market.margin
    ALTER COLUMN financing_balance TYPE numeric(20, 4),
    ALTER COLUMN lending_balance   TYPE numeric(20, 4),
    ALTER COLUMN financing_bought  TYPE numeric(20, 4);

ALTER TABLE market.documents
    DROP CONSTRAINT documents_kind_check,
    ADD CONSTRAINT documents_kind_check CHECK (kind IN ('policy', 'news', 'announcement', 'post')),
    ADD COLUMN url             text,
    ADD COLUMN issuer          text,
    ADD COLUMN document_number text,
    ADD COLUMN symbols         text[] NOT NULL DEFAULT '{}';
CREATE INDEX documents_symbols_idx ON market.documents USING gin (symbols);
COMMENT ON COLUMN market.documents.issuer IS 'Who issued a policy document (发文机关)';
COMMENT ON COLUMN market.documents.document_number IS 'Its number (发文字号)';
COMMENT ON COLUMN market.documents.symbols IS 'The shares the publisher itself attached';

CREATE TABLE market.instrument_history (
    symbol         text NOT NULL,
    attribute      text NOT NULL CHECK (attribute IN ('name', 'st', 'board', 'industry', 'status')),
    effective_from date NOT NULL,
    effective_to   date,
    value          text NOT NULL,
    reason         text,
    source         text NOT NULL,
    synthetic      boolean NOT NULL,
    fetched_at     timestamptz NOT NULL,
    published_at   timestamptz NOT NULL,
    PRIMARY KEY (symbol, attribute, effective_from),
    CHECK (effective_to >= effective_from),
    CHECK (attribute <> 'st' OR value IN ('none', 'ST', '*ST', 'delisting')),
    CHECK (attribute <> 'status' OR value IN ('listed', 'suspended', 'delisted'))
);
COMMENT ON TABLE market.instrument_history IS 'What a share was called and how it was treated on a past day';
COMMENT ON COLUMN market.instrument_history.effective_to IS 'The last day, included; null: still so';

CREATE TABLE market.statements (
    symbol       text NOT NULL,
    period       date NOT NULL,
    item         text NOT NULL CHECK (item ~ '^[a-z][a-z0-9_]*$'),
    announced_on date NOT NULL CHECK (announced_on >= period),
    value        double precision NOT NULL,
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, period, item, announced_on)
);
CREATE INDEX statements_period_idx ON market.statements (period, item);
COMMENT ON TABLE market.statements IS
    'Items of periodic reports; a restatement is a further row with a later announced_on';
COMMENT ON COLUMN market.statements.value IS 'CNY, CNY a share, fraction or ratio, by item';

CREATE TABLE market.corporate_actions (
    symbol             text NOT NULL,
    ex_date            date NOT NULL,
    record_date        date,
    pay_date           date,
    cash_per_share     numeric(18, 8) NOT NULL CHECK (cash_per_share >= 0),
    bonus_per_share    numeric(18, 8) NOT NULL CHECK (bonus_per_share >= 0),
    transfer_per_share numeric(18, 8) NOT NULL CHECK (transfer_per_share >= 0),
    rights_per_share   numeric(18, 8) NOT NULL CHECK (rights_per_share >= 0),
    rights_price       numeric(18, 8) CHECK (rights_price > 0),
    announced_on       date,
    source             text NOT NULL,
    synthetic          boolean NOT NULL,
    fetched_at         timestamptz NOT NULL,
    published_at       timestamptz NOT NULL,
    PRIMARY KEY (symbol, ex_date),
    CHECK (record_date < ex_date),
    CHECK (cash_per_share + bonus_per_share + transfer_per_share + rights_per_share > 0),
    CHECK (rights_per_share = 0 OR rights_price IS NOT NULL)
);
CREATE INDEX corporate_actions_ex_date_idx ON market.corporate_actions (ex_date);
COMMENT ON TABLE market.corporate_actions IS
    'Implemented plans, per share held and before tax: cash, bonus (送), transfer (转增), rights (配)';

CREATE TABLE market.northbound (
    session            date PRIMARY KEY,
    net_buy            numeric(20, 4),
    shanghai_net_buy   numeric(20, 4),
    shenzhen_net_buy   numeric(20, 4),
    turnover           numeric(20, 4) CHECK (turnover >= 0),
    source             text NOT NULL,
    synthetic          boolean NOT NULL,
    fetched_at         timestamptz NOT NULL,
    published_at       timestamptz NOT NULL,
    CHECK (COALESCE(net_buy, shanghai_net_buy, shenzhen_net_buy, turnover) IS NOT NULL),
    CONSTRAINT northbound_net_buy_ended
        CHECK (session <= DATE '2024-08-16' OR COALESCE(net_buy, shanghai_net_buy, shenzhen_net_buy) IS NULL)
);
COMMENT ON TABLE market.northbound IS
    'Northbound trading (北向资金), CNY; net purchases are published no more after 2024-08-16, and never zero for it';

CREATE TABLE market.sector_flows (
    session      date NOT NULL,
    taxonomy     text NOT NULL CHECK (taxonomy IN ('ths', 'eastmoney', 'sw2021')),
    sector       text NOT NULL,
    inflow       numeric(20, 4) CHECK (inflow >= 0),
    outflow      numeric(20, 4) CHECK (outflow >= 0),
    net_inflow   numeric(20, 4) NOT NULL,
    change       double precision,
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (session, taxonomy, sector)
);
COMMENT ON TABLE market.sector_flows IS 'Money in and out of sectors, CNY, as a publisher estimates it from order sizes';
COMMENT ON COLUMN market.sector_flows.change IS 'The sector''s index on that day, a fraction';

CREATE TABLE market.pledges (
    symbol         text NOT NULL,
    as_of          date NOT NULL,
    pledged_ratio  double precision NOT NULL CHECK (pledged_ratio BETWEEN 0 AND 1),
    pledged_shares bigint CHECK (pledged_shares >= 0),
    contracts      bigint CHECK (contracts >= 0),
    source         text NOT NULL,
    synthetic      boolean NOT NULL,
    fetched_at     timestamptz NOT NULL,
    published_at   timestamptz NOT NULL,
    PRIMARY KEY (symbol, as_of)
);
COMMENT ON TABLE market.pledges IS 'Pledged shares (股权质押) as a fraction of all shares, weekly';

CREATE TABLE market.unlocks (
    symbol       text NOT NULL,
    unlock_date  date NOT NULL,
    share_kind   text NOT NULL,
    announced_on date NOT NULL,
    shares       bigint NOT NULL CHECK (shares > 0),
    ratio        double precision CHECK (ratio >= 0),
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, unlock_date, share_kind, announced_on)
);
CREATE INDEX unlocks_date_idx ON market.unlocks (unlock_date);
COMMENT ON TABLE market.unlocks IS 'Restricted shares that become tradable (限售解禁); ratio is of all shares';

CREATE TABLE market.goodwill (
    symbol          text NOT NULL,
    period          date NOT NULL,
    announced_on    date NOT NULL CHECK (announced_on >= period),
    goodwill        numeric(20, 4) NOT NULL CHECK (goodwill >= 0),
    ratio_of_equity double precision,
    impairment      numeric(20, 4),
    source          text NOT NULL,
    synthetic       boolean NOT NULL,
    fetched_at      timestamptz NOT NULL,
    published_at    timestamptz NOT NULL,
    PRIMARY KEY (symbol, period, announced_on)
);
COMMENT ON TABLE market.goodwill IS 'Goodwill (商誉) at a period''s end, CNY';

CREATE TABLE market.suspensions (
    symbol       text NOT NULL,
    session      date NOT NULL,
    extent       text NOT NULL CHECK (extent IN ('full', 'intraday')),
    timing       text,
    reason       text,
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, session)
);
CREATE INDEX suspensions_session_idx ON market.suspensions (session);
COMMENT ON TABLE market.suspensions IS 'Sessions on which a share did not trade (停牌), wholly or for a while';

CREATE TABLE market.limit_prices (
    symbol       text NOT NULL,
    session      date NOT NULL,
    pre_close    numeric(14, 4) NOT NULL CHECK (pre_close > 0),
    limit_up     numeric(14, 4),
    limit_down   numeric(14, 4) CHECK (limit_down > 0),
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, session),
    CHECK ((limit_up IS NULL) = (limit_down IS NULL)),
    CHECK (limit_down < limit_up AND pre_close BETWEEN limit_down AND limit_up)
);
CREATE INDEX limit_prices_session_idx ON market.limit_prices (session);
COMMENT ON TABLE market.limit_prices IS 'The day''s limit prices (涨跌停价) as a source says; both null: no limit that day';

GRANT SELECT ON ALL TABLES IN SCHEMA market TO hiddengem_reader, hiddengem_analyst;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA market TO hiddengem_ingestion;
