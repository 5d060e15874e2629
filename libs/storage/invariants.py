"""What must hold in the database whatever was killed: one query per promise, answering the rows that break it.

The ids are those of the design page of the order path (a letter tells parts of one invariant apart); `D` are the
desk's own, on rounds and decisions, and `C` those of corporate actions, in a module of their own. Some hold only once
the desk has come to rest: while an order is on its way its reservation, its report and its booking may be one
transaction apart. Read as the owner: no service may see all of it.
"""

from collections.abc import Sequence

from sqlalchemy import text

from libs.storage.engine import Connection
from libs.storage.invariants_actions import ACTIONS
from libs.storage.promises import Invariant, Violation

_SHOWN_AT_MOST = 20


def violations(tx: Connection, *, at_rest: bool = True) -> list[Violation]:
    """Every promise that is broken now; `at_rest` says that nothing is under way."""
    found = []
    for invariant in INVARIANTS:
        if invariant.at_rest_only and not at_rest:
            continue
        rows = tx.execute(text(f"{invariant.query} LIMIT {_SHOWN_AT_MOST}")).mappings().all()
        if rows:
            found.append(Violation(invariant.id, invariant.description, tuple(dict(row) for row in rows)))
    return found


def by_id(invariant_id: str) -> Invariant:
    """One promise by its id; raises `KeyError`."""
    return {invariant.id: invariant for invariant in INVARIANTS}[invariant_id]


_ORDERS = (
    Invariant(
        "I1a",
        "an order's events begin at NEW, have no gap, and each is a legal move from the one before",
        """
        SELECT order_id, seq, from_state, to_state FROM (
            SELECT order_id, seq, from_state, to_state, row_number() OVER own AS place, lag(to_state) OVER own AS before
            FROM trading.order_events WINDOW own AS (PARTITION BY order_id ORDER BY seq)
        ) AS chain
        WHERE seq <> place OR from_state IS DISTINCT FROM before OR (place = 1 AND to_state <> 'NEW')
           OR (place > 1 AND NOT EXISTS (
               SELECT FROM trading.legal_moves m
               WHERE m.from_state = chain.from_state AND m.to_state = chain.to_state))
        """,
    ),
    Invariant(
        "I1b",
        "an order stands where its last event put it",
        """
        SELECT o.order_id, o.state, o.version, last.to_state, last.seq FROM trading.orders o
        LEFT JOIN LATERAL (
            SELECT to_state, seq FROM trading.order_events e WHERE e.order_id = o.order_id ORDER BY seq DESC LIMIT 1
        ) AS last ON true
        WHERE last.to_state IS DISTINCT FROM o.state OR last.seq IS DISTINCT FROM o.version
        """,
    ),
    Invariant(
        "I2",
        "no order is left on its way",
        """
        SELECT order_id, account_id, trading_day, symbol, state FROM trading.orders
        WHERE state IN ('NEW', 'APPROVED', 'SENDING', 'UNKNOWN')
        """,
        at_rest_only=True,
    ),
    Invariant(
        "I3",
        "what an order counts as filled is the sum of its fills, and not more than it asked for",
        """
        SELECT o.order_id, o.qty, o.filled_qty, coalesce(sum(f.qty), 0) AS fills
        FROM trading.orders o LEFT JOIN trading.fills f USING (order_id) GROUP BY o.order_id
        HAVING o.filled_qty <> coalesce(sum(f.qty), 0) OR o.filled_qty > o.qty
        """,
    ),
    Invariant(
        "I4",
        "an order is FILLED exactly when all of it is filled",
        "SELECT order_id, state, qty, filled_qty FROM trading.orders WHERE (state = 'FILLED') <> (filled_qty >= qty)",
    ),
    Invariant(
        "I8a",
        "what was sent had a verdict that let it go, for exactly this order, and from before",
        """
        SELECT i.order_id, v.outcome, v.created_at, i.created_at AS sent_at FROM trading.send_intents i
        JOIN trading.orders o USING (order_id) LEFT JOIN risk.verdicts v ON v.verdict_id = o.verdict_id
        WHERE i.kind = 'NEW' AND (v.outcome IS NULL OR v.outcome = 'DENY' OR v.order_id <> o.order_id
            OR v.order_hash <> o.order_hash OR v.approved_qty <> o.qty OR v.created_at > i.created_at)
        """,
    ),
    Invariant(
        "I8b",
        "an order that was ever SENDING has its intent, and an intent an order that was",
        """
        SELECT order_id, i.intent_id FROM (
            SELECT order_id, intent_id FROM trading.send_intents WHERE kind = 'NEW'
        ) AS i FULL JOIN (
            SELECT DISTINCT order_id, true AS sent FROM trading.order_events WHERE to_state = 'SENDING'
        ) AS e USING (order_id)
        WHERE i.intent_id IS NULL OR e.sent IS NULL
        """,
    ),
    Invariant(
        "I10",
        "an order is sent at most once",
        """
        SELECT order_id, count(*) AS intents FROM trading.send_intents WHERE kind = 'NEW'
        GROUP BY order_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I11",
        "no intent carries an older epoch than one before it",
        """
        SELECT intent_id, epoch, newest FROM (
            SELECT intent_id, epoch, max(epoch) OVER (ORDER BY created_at) AS newest FROM trading.send_intents
        ) AS sent WHERE epoch < newest
        """,
    ),
)

_VENUE = (
    Invariant(
        "I5b",
        "every fill of the venue is booked once, as it was reported, and nothing else is booked",
        """
        SELECT coalesce(said.account_id, f.account_id) AS account_id,
            coalesce(said.trading_day, f.trading_day) AS trading_day,
            coalesce(said.trade_id, f.broker_trade_id) AS trade, said.times AS reported,
            said.qty AS reported_qty, f.qty AS booked_qty
        FROM (
            SELECT body ->> 'account_id' AS account_id, trading_day, body ->> 'trade_id' AS trade_id, count(*) AS times,
                max((body ->> 'quantity')::bigint) AS qty, max((body ->> 'price')::numeric) AS price,
                max(body ->> 'symbol') AS symbol, max(body ->> 'side') AS side
            FROM paper_venue.reports WHERE kind = 'FILL' GROUP BY 1, 2, 3
        ) AS said
        FULL JOIN trading.fills f ON f.account_id = said.account_id AND f.trading_day = said.trading_day
            AND f.broker_trade_id = said.trade_id
        WHERE said.times IS DISTINCT FROM 1 OR f.qty IS DISTINCT FROM said.qty OR f.price IS DISTINCT FROM said.price
           OR f.symbol IS DISTINCT FROM said.symbol OR f.side IS DISTINCT FROM said.side
        """,
        at_rest_only=True,
    ),
    Invariant(
        "I9a",
        "the venue has at most one order under each of our references",
        """
        SELECT account_id, trading_day, client_ref, count(*) AS orders FROM paper_venue.orders
        GROUP BY 1, 2, 3 HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I9b",
        "every order at the venue is one that we meant to send, as we meant it",
        """
        SELECT v.venue_order_id, v.client_ref, o.order_id FROM paper_venue.orders v
        LEFT JOIN trading.send_intents i ON i.kind = 'NEW' AND i.account_id = v.account_id
            AND i.trading_day = v.trading_day AND i.broker_ref = v.client_ref
        LEFT JOIN trading.orders o USING (order_id)
        WHERE o.order_id IS NULL OR (o.symbol, o.side, o.qty, o.limit_price) <> (v.symbol, v.side, v.qty, v.limit_price)
        """,
    ),
    Invariant(
        "I9c",
        "what we believe to be at the venue is there, filled as far as we believe",
        """
        SELECT o.order_id, o.state, o.filled_qty, v.state AS venue_state, v.filled_qty AS venue_filled
        FROM trading.orders o LEFT JOIN paper_venue.orders v ON v.client_ref = o.client_order_id
        WHERE (v.venue_order_id IS NULL AND (o.filled_qty > 0 OR EXISTS (
                SELECT FROM trading.order_events e
                WHERE e.order_id = o.order_id AND e.to_state IN ('ACCEPTED', 'PARTIAL', 'FILLED'))))
           OR (v.venue_order_id IS NOT NULL AND (o.filled_qty <> v.filled_qty
               OR o.state NOT IN ('ACCEPTED', 'PARTIAL', 'FILLED', 'EXPIRED', 'CANCELLED')))
        """,
        at_rest_only=True,
    ),
    Invariant(
        "I17b",
        "every report that came home is applied, and none is refused",
        """
        SELECT r.report_id, r.trading_day, a.outcome, a.detail FROM broker.reports r
        LEFT JOIN trading.applied_reports a USING (report_id) WHERE a.outcome IS NULL OR a.outcome = 'REFUSED'
        """,
        at_rest_only=True,
    ),
)

_BOOKS = (
    Invariant(
        "I5a",
        "a position is the sum of its fills and of the shares that corporate actions brought",
        """
        SELECT account_id, symbol, coalesce(p.quantity, 0) AS position, coalesce(f.quantity, 0) AS fills_and_shares
        FROM trading.positions p FULL JOIN (
            SELECT account_id, symbol, sum(quantity) AS quantity FROM (
                SELECT account_id, symbol, CASE side WHEN 'BUY' THEN qty ELSE -qty END AS quantity FROM trading.fills
                UNION ALL
                SELECT account_id, symbol, CASE kind WHEN 'SHARES' THEN shares ELSE subscribed END
                FROM trading.entitlements
            ) AS came GROUP BY 1, 2
        ) AS f USING (account_id, symbol)
        WHERE coalesce(p.quantity, 0) <> coalesce(f.quantity, 0)
        """,
    ),
    Invariant(
        "I6a",
        "every booking sums to zero in each unit",
        """
        SELECT txn_id, unit, sum(amount) AS difference FROM trading.ledger_entry
        GROUP BY 1, 2 HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        "I6b",
        "cash is what the ledger says, to the cent",
        """
        SELECT account_id, b.cash, coalesce(l.cash, 0) AS ledger FROM trading.balances b LEFT JOIN (
            SELECT account_id, sum(amount) AS cash FROM trading.ledger_entry WHERE book = 'CASH' GROUP BY 1
        ) AS l USING (account_id) WHERE b.cash <> coalesce(l.cash, 0)
        """,
    ),
    Invariant(
        "I6c",
        "the ledger holds the shares that the positions say",
        """
        SELECT account_id, symbol, p.quantity, coalesce(l.quantity, 0) AS ledger FROM trading.positions p FULL JOIN (
            SELECT account_id, unit AS symbol, sum(amount) AS quantity FROM trading.ledger_entry
            WHERE book = 'POSITION' GROUP BY 1, 2
        ) AS l USING (account_id, symbol) WHERE coalesce(p.quantity, 0) <> coalesce(l.quantity, 0)
        """,
    ),
    Invariant(
        "I6d",
        "every fill has its booking, and every booking of a fill its fill",
        """
        SELECT coalesce(f.source, t.source) AS source FROM (
            SELECT format('fill:%s:%s:%s', account_id, trading_day, broker_trade_id) AS source FROM trading.fills
        ) AS f FULL JOIN (SELECT source FROM trading.ledger_txn WHERE kind = 'FILL') AS t USING (source)
        WHERE f.source IS NULL OR t.source IS NULL
        """,
    ),
    Invariant(
        "I7a",
        "nothing is set aside for an order that has ended",
        """
        SELECT r.order_id, r.unit, r.amount, r.state, o.state AS order_state
        FROM risk.reservations r JOIN trading.orders o USING (order_id)
        WHERE (r.amount > 0 OR r.state = 'PENDING')
          AND o.state IN ('DENIED', 'REJECTED', 'ABORTED', 'FILLED', 'CANCELLED', 'EXPIRED')
        """,
    ),
    Invariant(
        "I7b",
        "what is set aside in an account is the sum of its reservations",
        """
        SELECT account_id, unit, held.reserved, coalesce(r.reserved, 0) AS reservations FROM (
            SELECT account_id, 'CNY' AS unit, reserved FROM trading.balances
            UNION ALL SELECT account_id, symbol, reserved FROM trading.positions
        ) AS held FULL JOIN (
            SELECT account_id, unit, sum(amount) AS reserved FROM risk.reservations GROUP BY 1, 2
        ) AS r USING (account_id, unit) WHERE coalesce(held.reserved, 0) <> coalesce(r.reserved, 0)
        """,
    ),
    Invariant(
        "I15",
        "nothing is sold that was not held, and listed, when the session began (T+1)",
        """
        SELECT account_id, symbol, trading_day, sold, held FROM (
            SELECT account_id, symbol, trading_day, sum(sold) AS sold, sum(credited) + coalesce(sum(sum(change)) OVER (
                PARTITION BY account_id, symbol ORDER BY trading_day
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS held
            FROM (
                SELECT account_id, symbol, trading_day, CASE side WHEN 'SELL' THEN qty ELSE 0 END AS sold,
                    CASE side WHEN 'BUY' THEN qty ELSE -qty END AS change, 0 AS credited
                FROM trading.fills
                UNION ALL
                SELECT account_id, symbol, coalesce(e.listed_on, b.session), 0, e.shares, e.shares
                FROM (
                    SELECT account_id, symbol, ex_date, listed_on,
                        CASE kind WHEN 'SHARES' THEN shares ELSE subscribed END AS shares
                    FROM trading.entitlements
                ) AS e JOIN trading.booked_actions b USING (account_id, symbol, ex_date) WHERE e.shares > 0
            ) AS moves GROUP BY 1, 2, 3
        ) AS days WHERE sold > held
        """,
    ),
    Invariant(
        "I17a",
        "no hint waits for longer than ten seconds",
        """
        SELECT id, service, method, created_at, tries FROM ops.outbox
        WHERE published_at IS NULL AND created_at < clock_timestamp() - interval '10 seconds'
        """,
    ),
    Invariant(
        "I17c",
        "no hint waits at all",
        "SELECT id, service, method, created_at, tries FROM ops.outbox WHERE published_at IS NULL",
        at_rest_only=True,
    ),
)

_ROUNDS = (
    Invariant(
        "D1",
        "no round is OPEN later than its deadline and five seconds",
        """
        SELECT round_id, kind, opened_at, deadline_at FROM desk.rounds
        WHERE status = 'OPEN' AND deadline_at < clock_timestamp() - interval '5 seconds'
        """,
    ),
    Invariant(
        "D2",
        "decisions stand only on rounds that were DECIDED, one for each symbol asked about",
        """
        SELECT r.round_id, r.kind, r.status, cardinality(r.symbols) AS asked, count(d.symbol) AS decisions,
            count(DISTINCT d.symbol) FILTER (WHERE d.symbol = ANY (r.symbols)) AS of_those
        FROM desk.rounds r LEFT JOIN desk.decisions d USING (round_id) GROUP BY r.round_id
        HAVING count(d.symbol) <> CASE r.status WHEN 'DECIDED' THEN cardinality(r.symbols) ELSE 0 END
            OR count(d.symbol) <> count(DISTINCT d.symbol) FILTER (WHERE d.symbol = ANY (r.symbols))
        """,
    ),
    Invariant(
        "D3",
        "intents come only of rounds that were DECIDED and may trade",
        """
        SELECT i.intent_id, i.round_id, r.status, r.trade FROM desk.intents i JOIN desk.rounds r USING (round_id)
        WHERE r.status <> 'DECIDED' OR NOT r.trade
        """,
    ),
    Invariant(
        "D4",
        "an intent that was submitted has its one order, and an order of a decision its one intent",
        """
        SELECT coalesce(i.order_id, o.order_id) AS order_id, count(i.intent_id) AS intents
        FROM (SELECT * FROM desk.intents WHERE order_id IS NOT NULL) AS i
        FULL JOIN (SELECT * FROM trading.orders WHERE decision_id IS NOT NULL) AS o
            ON o.order_id = i.order_id AND o.decision_id = i.decision_id AND o.symbol = i.symbol AND o.side = i.side
        GROUP BY 1 HAVING count(i.intent_id) <> 1 OR count(o.order_id) <> 1
        """,
    ),
    Invariant(
        "D5",
        "a round that was decided shows what became of the question to everybody it asked",
        """
        SELECT r.round_id, r.status, asked.agent FROM desk.rounds r
        CROSS JOIN LATERAL jsonb_object_keys(r.analysts) AS asked (agent)
        LEFT JOIN desk.analyses a ON a.round_id = r.round_id AND a.agent = asked.agent
        WHERE r.status IN ('DECIDED', 'ANSWERED') AND (a.agent IS NULL
            OR NOT EXISTS (SELECT FROM desk.signals s WHERE s.round_id = r.round_id AND s.agent = asked.agent))
        """,
    ),
    Invariant(
        "D6",
        "every session that a replay has behind it was closed and marked",
        """
        SELECT r.account_id, r.sessions_done, count(s.session) AS marked FROM desk.replays r
        LEFT JOIN trading.snapshots s ON s.account_id = r.account_id
        GROUP BY r.replay_id HAVING count(s.session) < r.sessions_done
        """,
    ),
)

INVARIANTS: Sequence[Invariant] = (*_ORDERS, *_VENUE, *_BOOKS, *_ROUNDS, *ACTIONS)
