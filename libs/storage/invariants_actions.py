"""What must hold of corporate actions: each booked once, by its own terms, and every share and fen accounted for."""

from libs.storage.promises import Invariant

_HELD_OF_RECORD = """
    SELECT coalesce(sum(e.amount), 0) FROM trading.ledger_entry e JOIN trading.ledger_txn t USING (txn_id)
    WHERE e.account_id = o.account_id AND e.book = 'POSITION' AND e.unit = a.symbol AND t.trading_day < o.session
"""

ACTIONS = (
    Invariant(
        "C1",
        "an action that was stored when its ex-date was opened, of a share held of record, is booked",
        f"""
        SELECT o.account_id, a.symbol, a.ex_date, o.session, ({_HELD_OF_RECORD}) AS held
        FROM trading.openings o
        CROSS JOIN LATERAL (SELECT trading.session_before(o.account_id, o.session) AS session) AS before
        JOIN market.corporate_actions a
            ON a.fetched_at <= o.at AND a.ex_date <= o.session AND a.ex_date > before.session
        WHERE a.ex_date > DATE '2015-09-08' AND ({_HELD_OF_RECORD}) > 0 AND NOT EXISTS (
            SELECT FROM trading.booked_actions b
            WHERE b.account_id = o.account_id AND b.symbol = a.symbol AND b.ex_date = a.ex_date)
        """,
    ),
    Invariant(
        "C2",
        "what an action gave is what its terms say of the shares held of record",
        """
        SELECT account_id, symbol, ex_date, due.kind, due.amount, due.shares, e.amount AS booked_amount,
            e.shares AS booked_shares, e.fraction
        FROM (
            SELECT account_id, symbol, ex_date, kind, amount, floor(exact) AS shares, exact - floor(exact) AS fraction
            FROM trading.booked_actions b CROSS JOIN LATERAL (VALUES
                ('CASH', round(record_quantity * cash_per_share, 2), 0),
                ('SHARES', 0, record_quantity * (bonus_per_share + transfer_per_share)),
                ('RIGHTS', (
                    SELECT round(subscribed * b.rights_price, 2) FROM trading.entitlements r
                    WHERE (r.account_id, r.symbol, r.ex_date, r.kind) = (b.account_id, b.symbol, b.ex_date, 'RIGHTS')
                ), record_quantity * rights_per_share)
            ) AS term (kind, amount, exact)
            WHERE CASE kind WHEN 'CASH' THEN amount > 0 ELSE exact > 0 END
        ) AS due FULL JOIN trading.entitlements e USING (account_id, symbol, ex_date, kind)
        WHERE due.amount IS DISTINCT FROM e.amount OR due.shares IS DISTINCT FROM e.shares
           OR due.fraction IS DISTINCT FROM e.fraction
        """,
    ),
    Invariant(
        "C3",
        "what is receivable are the dividends accrued and not paid, in the account, the ledger and row by row",
        """
        SELECT account_id, b.receivable, coalesce(l.amount, 0) AS ledger, coalesce(e.amount, 0) AS unpaid
        FROM trading.balances b LEFT JOIN (
            SELECT account_id, sum(amount) AS amount FROM trading.ledger_entry WHERE book = 'DIVIDENDS_RECEIVABLE'
            GROUP BY 1
        ) AS l USING (account_id) LEFT JOIN (
            SELECT account_id, sum(amount) AS amount FROM trading.entitlements WHERE kind = 'CASH' AND paid_on IS NULL
            GROUP BY 1
        ) AS e USING (account_id)
        WHERE b.receivable <> coalesce(l.amount, 0) OR b.receivable <> coalesce(e.amount, 0)
        """,
    ),
    Invariant(
        "C4",
        "a dividend is paid at the first opening on or after its pay date, and not before",
        """
        SELECT e.account_id, e.symbol, e.ex_date, e.pay_date, e.paid_on, o.session AS opened FROM trading.entitlements e
        LEFT JOIN LATERAL (
            SELECT min(session) AS session FROM trading.openings o
            WHERE o.account_id = e.account_id AND o.session >= e.pay_date AND o.session >= (
                SELECT b.session FROM trading.booked_actions b
                WHERE (b.account_id, b.symbol, b.ex_date) = (e.account_id, e.symbol, e.ex_date))
        ) AS o ON true
        WHERE e.kind = 'CASH' AND (e.paid_on < e.pay_date OR (e.paid_on IS NULL) <> (o.session IS NULL))
        """,
    ),
    Invariant(
        "C5",
        "every entitlement and every payment has its one booking in the ledger, and none is there without",
        """
        SELECT coalesce(due.source, t.source) AS source, due.amount, t.amount AS booked FROM (
            SELECT format('dividend:%s:%s:%s', account_id, symbol, ex_date) AS source, amount
            FROM trading.entitlements WHERE kind = 'CASH'
            UNION ALL SELECT format('dividend_paid:%s:%s:%s', account_id, symbol, ex_date), amount
            FROM trading.entitlements WHERE paid_on IS NOT NULL
            UNION ALL SELECT format('shares:%s:%s:%s', account_id, symbol, ex_date), shares
            FROM trading.entitlements WHERE kind = 'SHARES' AND shares > 0
            UNION ALL SELECT format('rights:%s:%s:%s', account_id, symbol, ex_date), subscribed
            FROM trading.entitlements WHERE subscribed > 0
        ) AS due FULL JOIN (
            SELECT source, sum(amount) AS amount FROM trading.ledger_txn JOIN trading.ledger_entry USING (txn_id)
            WHERE (kind, book) IN (('DIVIDEND', 'DIVIDENDS_RECEIVABLE'), ('DIVIDEND_PAID', 'CASH'),
                ('SHARES', 'POSITION'), ('RIGHTS', 'POSITION'))
            GROUP BY source
        ) AS t USING (source) WHERE due.amount IS DISTINCT FROM t.amount
        """,
    ),
    Invariant(
        "C6",
        "the lots of a share hold what its position holds, and a lot what it had less what was sold of it",
        """
        SELECT account_id, symbol, greatest(coalesce(p.quantity, 0), 0) AS position, coalesce(l.left_over, 0) AS lots,
            coalesce(l.crooked, 0) AS crooked_lots
        FROM trading.positions p FULL JOIN (
            SELECT account_id, symbol, sum(quantity) AS left_over,
                count(*) FILTER (WHERE quantity <> acquired - coalesce(sold, 0)) AS crooked
            FROM trading.lots LEFT JOIN (
                SELECT account_id, symbol, acquired_on, credited_on, sum(quantity) AS sold
                FROM trading.disposals GROUP BY 1, 2, 3, 4
            ) AS d USING (account_id, symbol, acquired_on, credited_on) GROUP BY 1, 2
        ) AS l USING (account_id, symbol)
        WHERE greatest(coalesce(p.quantity, 0), 0) <> coalesce(l.left_over, 0) OR l.crooked > 0
        """,
    ),
    Invariant(
        "C7",
        "a sale took as many shares out of lots as it sold",
        """
        SELECT f.account_id, f.symbol, f.trading_day, f.broker_trade_id, f.qty, coalesce(d.quantity, 0) AS out_of_lots
        FROM trading.fills f LEFT JOIN (
            SELECT account_id, trading_day, broker_trade_id, sum(quantity) AS quantity
            FROM trading.disposals GROUP BY 1, 2, 3
        ) AS d USING (account_id, trading_day, broker_trade_id)
        WHERE f.side = 'SELL' AND f.qty <> coalesce(d.quantity, 0)
        """,
    ),
    Invariant(
        "C8",
        "a sale is taxed at the rate that the holding period of its shares asks for",
        """
        SELECT account_id, symbol, trading_day, acquired_on, tax_rate FROM trading.disposals
        WHERE tax_rate <> CASE WHEN trading_day <= acquired_on + interval '1 month' THEN 0.2
            WHEN trading_day <= acquired_on + interval '1 year' THEN 0.1 ELSE 0 END
        """,
    ),
    Invariant(
        "C9",
        "the tax deducted on a share in a session is what its sales of that session make due, to the fen",
        """
        SELECT account_id, symbol, trading_day, coalesce(due.tax, 0) AS due, coalesce(booked.tax, 0) AS booked FROM (
            SELECT account_id, symbol, trading_day, round(sum(quantity * income_per_share * tax_rate), 2) AS tax
            FROM trading.disposals GROUP BY 1, 2, 3
        ) AS due FULL JOIN (
            SELECT f.account_id, f.symbol, f.trading_day, sum(e.amount) AS tax
            FROM trading.ledger_txn t JOIN trading.ledger_entry e ON e.txn_id = t.txn_id AND e.book = 'DIVIDEND_TAX'
            LEFT JOIN trading.fills f
                ON t.source = format('tax:%s:%s:%s', f.account_id, f.trading_day, f.broker_trade_id)
            GROUP BY 1, 2, 3
        ) AS booked USING (account_id, symbol, trading_day) WHERE coalesce(due.tax, 0) <> coalesce(booked.tax, 0)
        """,
    ),
    Invariant(
        "C10",
        "the shares of a lot have had the dividends booked since they came, and no others",
        """
        SELECT l.account_id, l.symbol, l.acquired_on, l.credited_on, l.income_per_share, coalesce(sum(
            b.taxable_per_share), 0) AS booked
        FROM trading.lots l LEFT JOIN trading.booked_actions b
            ON b.account_id = l.account_id AND b.symbol = l.symbol AND b.session > l.credited_on
        WHERE l.quantity > 0 GROUP BY l.account_id, l.symbol, l.acquired_on, l.credited_on
        HAVING l.income_per_share <> coalesce(sum(b.taxable_per_share), 0)
        """,
    ),
)
