"""The end of a replay for a person: the last session in full, then what all of it came to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from libs.cli import tables
from libs.cli.connection import patiently
from libs.cli.tables import money, percent
from libs.contracts.api_orders import FillView, OrderView
from libs.contracts.api_portfolio import PortfolioSummary
from libs.contracts.api_replays import ReplayView
from libs.contracts.api_rounds import RoundView
from libs.storage import views_orders, views_portfolio, views_rounds
from libs.storage.engine import Engine, transaction

Report = Mapping[str, Any]


def show(engine: Engine, replay: ReplayView, *, on: Console) -> None:
    """Everything the quick start promises to show."""
    facts: Report = replay.report or {}
    session = patiently(lambda: _last_session(engine, replay, facts))
    _show_session(session, replay, on)
    on.print()
    on.print(_figures(facts))
    _counts("Trade intents not traded", facts.get("refused_intents", {}), on)
    _counts("Orders denied by risk", facts.get("denied_orders", {}), on)
    _abstentions(facts.get("abstentions", {}), on)
    _booked(facts.get("booked_actions", []), on)
    _unbooked(facts.get("unbooked_actions", []), on)
    _time(facts, on)
    if facts.get("synthetic"):
        on.print("SYNTHETIC DATA: none of these prices was ever paid.", style="bold white on red")
    on.print(digest_line(facts), style="bold", markup=False, soft_wrap=True)


def digest_line(facts: Report) -> str:
    """The line that two equal runs share."""
    digest = facts["orders_digest"]
    return f"ORDERS sha256={digest['sha256']} n={digest['n']}"


@dataclass(frozen=True, slots=True)
class _Session:
    """What there is to show of one session."""

    view: RoundView | None
    orders: list[OrderView]
    fills: list[FillView]
    holding: PortfolioSummary | None


def _last_session(engine: Engine, replay: ReplayView, facts: Report) -> _Session:
    with transaction(engine, read_only=True) as tx:
        last = facts.get("last_round_id")
        account = replay.account_id or ""
        orders = views_orders.of_day(tx, account, replay.to_session)
        return _Session(
            view=views_rounds.one(tx, UUID(str(last))) if last else None,
            orders=orders,
            fills=views_orders.fills(tx, [order.order_id for order in orders]),
            holding=views_portfolio.summary(tx, account),
        )


def _show_session(session: _Session, replay: ReplayView, on: Console) -> None:
    view = session.view
    on.rule(f"last session {replay.to_session}")
    if view is not None:
        on.print(tables.signals_table(view))
        on.print(tables.decisions_table(view))
    if session.orders:
        on.print(tables.orders_table(session.orders, session.fills))
    else:
        on.print("No orders in this session.")
    if view is not None and view.intents:
        on.print(tables.intents_table(view))
    if session.holding is not None:
        on.print(tables.positions_table(session.holding))


def _figures(facts: Report) -> Table:
    equity, benchmark = facts["equity"], facts.get("benchmark")
    table = Table(box=None, show_header=False, title="The whole replay", title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column()
    orders = ", ".join(f"{count} {state}" for state, count in sorted(facts["orders"].items())) or "none"
    decided = ", ".join(f"{count} {name}" for name, count in sorted(facts["decisions"].items())) or "none"
    trades = facts["trades"]
    buys = sum(1 for trade in trades if trade["side"] == "BUY")
    table.add_row("equity", f"{money(equity['final'])} of {money(equity['initial'])}  {percent(equity['return'])}")
    if benchmark:
        table.add_row("benchmark", f"{benchmark['symbol']}  {percent(benchmark['return'])}")
    else:
        table.add_row("benchmark", "no index bars for these sessions")
    table.add_row("positions", f"{len(facts['positions'])}, cash {money(facts['cash'])}")
    table.add_row("trades", f"{len(trades)}: {buys} buys, {len(trades) - buys} sells, fees {money(facts['fees'])}")
    if any(Decimal(amount) for amount in facts.get("dividends", {}).values()):
        table.add_row("dividends", _dividends(facts["dividends"]))
    table.add_row("orders", orders)
    table.add_row("decisions", decided)
    return table


def _dividends(facts: Mapping[str, Any]) -> str:
    receivable, tax = money(facts["receivable"]), money(facts["tax"])
    return f"{money(facts['accrued'])} accrued, {receivable} of it to come, tax {tax}"


def _counts(title: str, counts: Mapping[str, int], on: Console) -> None:
    if counts:
        on.print(tables.counts_table(title, (("", reason, count) for reason, count in sorted(counts.items()))))


def _abstentions(found: Mapping[str, Mapping[str, int]], on: Console) -> None:
    rows = [(agent, code, n) for agent, codes in sorted(found.items()) for code, n in sorted(codes.items())]
    if rows:
        on.print(tables.counts_table("Abstentions", rows))


def booked_lines(actions: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each entitlement that was booked."""
    return [
        f"{action['ex_date']}  {action['symbol']}  {action['record_quantity']} shares of record: {_given(action)}"
        for action in actions
    ]


def _booked(actions: list[Mapping[str, Any]], on: Console) -> None:
    if actions:
        on.print("Corporate actions booked", style="bold")
    for line in booked_lines(actions):
        on.print(f"  {line}", markup=False)


def _given(action: Mapping[str, Any]) -> str:
    """What one entitlement came to."""
    if action["kind"] == "CASH":
        return f"dividend of {money(action['amount'])} before tax, {_payment(action)}"
    if action["kind"] == "SHARES":
        return f"{action['shares']} shares credited, {Decimal(action['fraction']).normalize():f} of a share left over"
    lost = f"{money(action['value_lost'])} of value left behind"
    return f"rights to {action['shares']} shares, {action['subscribed']} subscribed, {lost}"


def _payment(action: Mapping[str, Any]) -> str:
    if action["paid_on"]:
        return f"paid on {action['paid_on']}"
    return f"to be paid on {action['pay_date']}" if action["pay_date"] else "its pay date is not known"


def _unbooked(actions: list[Mapping[str, Any]], on: Console) -> None:
    for action in actions:
        on.print(
            f"{_unexplained(action)}: {action['symbol']} on {action['session']}, {action['quantity']} shares, "
            f"closed at {action['previous_close']} and opened from {action['reference_price']}",
            style="yellow",
        )


def _unexplained(action: Mapping[str, Any]) -> str:
    expected = action.get("expected_price")
    return "Unbooked corporate action" if expected is None else f"Reference price is not the {expected} booked"


def _time(facts: Report, on: Console) -> None:
    parts = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in facts.get("timings", {}).items())
    each = float(facts["seconds_per_session"])
    on.print(f"{facts['sessions']} sessions in {float(facts['seconds']):.1f} s, {each:.3f} s each ({parts})")
