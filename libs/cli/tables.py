"""Tables for people: who said what, what was decided, what was traded, what runs."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from libs.contracts.api import SignalView
from libs.contracts.api_orders import FillView, OrderView
from libs.contracts.api_portfolio import PortfolioSummary
from libs.contracts.api_rounds import DecisionView, RoundView
from libs.runtime.proctable import ProcessStatus
from libs.storage.api_keys import StoredKey

_FACTS_SHOWN = 2
_WIDEST = 60


def money(amount: Decimal | str | None) -> str:
    """CNY as people write it."""
    return "" if amount is None else f"{Decimal(amount):,.2f}"


def percent(fraction: float | None) -> str:
    """A fraction as per cent."""
    return "" if fraction is None else f"{fraction:+.2%}"


def score(value: float | None) -> Text:
    """A score, green above zero and red below."""
    if value is None:
        return Text("")
    return Text(f"{value:+.3f}", style="green" if value > 0 else "red" if value < 0 else "")


def signals_table(view: RoundView) -> Table:
    """What every agent said about every subject: score, confidence and main evidence, or why it abstained."""
    table = _table("Signals", "agent", "subject", ">score", ">confidence", "main evidence, or reason for abstaining")
    for said in sorted([*view.signals, *view.abstentions], key=lambda s: (s.subject, s.agent)):
        confidence = "" if said.confidence is None else f"{said.confidence:.2f}"
        style = None if said.kind == "signal" else "dim"
        table.add_row(said.agent, said.subject, score(said.score), confidence, _why(said), style=style)
    return table


def decisions_table(view: RoundView) -> Table:
    """What the round decided, with each agent's share of the weight."""
    agents = sorted({share.agent for decision in view.decisions for share in decision.shares})
    table = _table("Decisions", "symbol", ">score", ">disagreement", *(f">{agent}" for agent in agents), "outcome")
    for decision in view.decisions:
        shares = {share.agent: f"{share.share:.0%}" for share in decision.shares}
        spread = "" if decision.disagreement is None else f"{decision.disagreement:.3f}"
        columns = [shares.get(agent, "–") for agent in agents]
        table.add_row(decision.symbol, score(decision.score), spread, *columns, _outcome(decision))
    return table


def intents_table(view: RoundView) -> Table:
    """What the strategy wishes after the round."""
    table = _table("Trade intents", "symbol", "side", ">quantity", "status", "reason")
    for intent in view.intents:
        table.add_row(intent.symbol, intent.side.value, f"{intent.quantity:,}", intent.status, intent.reason or "")
    return table


def orders_table(orders: Sequence[OrderView], fills: Sequence[FillView]) -> Table:
    """Orders with risk's verdict, their fills and fees."""
    table = _table("Orders", "symbol", "side", ">quantity", ">limit", "verdict", "state", ">filled", ">price", ">fees")
    for order in orders:
        own = [fill for fill in fills if fill.order_id == order.order_id]
        table.add_row(
            order.symbol,
            order.side.value,
            f"{order.requested_quantity:,}",
            f"{order.limit_price:.2f}",
            _verdict(order),
            order.state.value,
            f"{order.filled_quantity:,}" if own else "",
            f"{_mean_price(own):.2f}" if own else "",
            money(sum((f.commission + f.stamp_duty + f.transfer_fee for f in own), Decimal(0))) if own else "",
        )
    return table


def positions_table(summary: PortfolioSummary) -> Table:
    """What the account holds, with cash and equity below."""
    table = _table("Positions", "symbol", "name", ">quantity", ">cost", ">mark", ">value", ">unrealised", "")
    for held in summary.positions:
        table.add_row(
            held.symbol,
            held.name or "",
            f"{held.quantity:,}",
            money(held.cost),
            "" if held.mark is None else f"{held.mark:.2f}",
            money(held.value),
            money(held.unrealised),
            f"marked at {held.mark_session}" if held.stale else "",
        )
    table.add_section()
    table.add_row("cash", "", "", "", "", money(summary.cash))
    if summary.receivable:
        table.add_row("dividends to come", "", "", "", "", money(summary.receivable))
    table.add_row("equity", "", "", "", "", money(summary.equity), money(summary.profit))
    return table


def counts_table(title: str, counts: Iterable[tuple[str, str, int]]) -> Table:
    """How often something happened, by name."""
    table = _table(title, "", "", ">n")
    for group, name, count in counts:
        table.add_row(group, name, f"{count:,}")
    return table


def processes_table(rows: Sequence[ProcessStatus]) -> Table:
    """What runs."""
    table = _table("", "process", "kind", "state", ">pid", ">restarts", ">up", ">memory", "last words")
    for row in rows:
        table.add_row(
            row.name,
            row.kind,
            row.state,
            str(row.pid or ""),
            str(row.restarts),
            "" if row.uptime_seconds is None else f"{row.uptime_seconds:.0f} s",
            "" if row.pss_bytes is None else f"{row.pss_bytes / 1e6:.0f} MB",
            row.last_words[:_WIDEST],
        )
    return table


def keys_table(keys: Sequence[StoredKey]) -> Table:
    """Every key, the ended ones too."""
    table = _table("", "name", "role", "id", "created", "last used", "state")
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "live"
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        table.add_row(key.name, key.role.value, key.key_id, f"{key.created_at:%Y-%m-%d %H:%M}", used, state)
    return table


def _table(title: str, *columns: str) -> Table:
    """A table; a column whose name begins with `>` is aligned to the right."""
    table = Table(title=title or None, title_justify="left", title_style="bold", header_style="dim", box=None)
    table.min_width = len(title) + 1
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def _why(said: SignalView) -> str:
    if said.kind == "abstain":
        return f"abstains: {said.abstain_code} {said.abstain_detail or ''}".rstrip()[: _WIDEST + 20]
    facts = [f"{cited.name} {_value(cited.value)}{_unit(cited.unit)}" for cited in said.evidence[:_FACTS_SHOWN]]
    return ", ".join(facts)[: _WIDEST + 20]


def _value(value: float | str) -> str:
    return value[:_WIDEST] if isinstance(value, str) else f"{value:,.4g}"


def _unit(unit: str) -> str:
    return "" if unit in ("", "1", "text", "ratio") else f" {unit}"


def _outcome(decision: DecisionView) -> str:
    return decision.outcome if decision.outcome == "SCORED" else f"no decision: {', '.join(decision.reasons)}"


def _verdict(order: OrderView) -> str:
    if order.verdict is None:
        return ""
    reasons = f" {', '.join(order.verdict.reason_codes)}" if order.verdict.reason_codes else ""
    return f"{order.verdict.outcome}{reasons}"


def _mean_price(fills: Sequence[FillView]) -> Decimal:
    shares = sum(fill.quantity for fill in fills)
    return sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / shares
