"""Adjustment factors (复权因子) of bars whose source gave none; nothing here needs a data library."""

from collections.abc import Sequence

from sqlalchemy import Connection, text


def derive_factors(connection: Connection, symbols: Sequence[str]) -> int:
    """Fill adjustment factors that no source gave: cumulative close[t-1] / pre_close[t].

    They begin with the factor of the first stored row, or with 1.0 where it has none. Touches only rows whose factor is
    missing or differs; gives how many those were.
    """
    return connection.execute(_DERIVE, {"symbols": list(symbols)}).rowcount


_DERIVE = text("""
    WITH step AS (
        SELECT symbol, session, adj_factor,
               ln(COALESCE(first_value(adj_factor) OVER of_symbol, 1)) AS base,
               ln(COALESCE((lag(close) OVER of_symbol)::float8 / pre_close::float8, 1)) AS growth
        FROM market.bars WHERE symbol = ANY(:symbols)
        WINDOW of_symbol AS (PARTITION BY symbol ORDER BY session)
    ), derived AS (
        SELECT symbol, session, adj_factor,
               exp(base + sum(growth) OVER (PARTITION BY symbol ORDER BY session)) AS factor
        FROM step
    )
    UPDATE market.bars SET adj_factor = derived.factor
    FROM derived
    WHERE bars.symbol = derived.symbol AND bars.session = derived.session
      AND (derived.adj_factor IS NULL OR abs(derived.adj_factor - derived.factor) > 1e-9 * derived.factor)
""")
