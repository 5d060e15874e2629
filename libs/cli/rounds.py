"""`hiddengem round`: open a round of the running desk and show what came of it."""

import getpass
import time
from collections.abc import Sequence
from uuid import UUID

from rich.console import Console

from libs.cli import tables
from libs.cli.connection import find_desk, patiently
from libs.cli.terminal import chatter, console, print_json
from libs.contracts.api_rounds import RoundView
from libs.contracts.desk import OPEN_ROUND, OpenRound
from libs.domain.clock import SHANGHAI
from libs.domain.errors import HiddenGemError, InvalidInput
from libs.domain.market import Symbol, parse_symbol
from libs.storage import views, views_rounds
from libs.storage.engine import Engine, transaction

_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 10.0


class RoundUnfinished(HiddenGemError):
    """The round is still open after its deadline."""

    code = "cli.round_unfinished"


def open_round(symbols: Sequence[str], *, trade: bool, as_json: bool) -> int:
    """The verb; 1 when the round was not decided."""
    wanted = [parse_symbol(text, field="SYMBOLS") for text in symbols]
    desk = find_desk()
    with desk.engine() as engine:
        check_symbols(engine, wanted, "SYMBOLS")
        question = OpenRound(symbols=list(wanted) or None, trade=trade, requested_by=f"cli:{_user()}")
        opened = desk.ask("orchestrator", OPEN_ROUND, question)
        with chatter.status(f"asking the analysts about {len(opened.symbols)} symbols"):
            seconds = max(0.0, opened.deadline_at.timestamp() - time.time()) + _GRACE_SECONDS
            view = _wait(engine, opened.round_id, seconds)
    if as_json:
        print_json(view)
    else:
        show(view, on=console)
        if trade and any(intent.status == "RESTING" for intent in view.intents):
            console.print("The intents rest until a session opens for them.", style="yellow")
    return 0 if view.status == "DECIDED" else 1


def check_symbols(engine: Engine, symbols: Sequence[Symbol], field: str) -> None:
    """Raise `InvalidInput` naming the symbols that no stored data mentions."""
    with transaction(engine, read_only=True) as tx:
        unknown = views.unknown_symbols(tx, symbols)
    if unknown:
        raise InvalidInput(field, f"the market data knows nothing of {', '.join(symbols[i] for i in unknown[:10])}")


def show(view: RoundView, *, on: Console) -> None:
    """Signals, decisions, intents and orders of a round."""
    as_of = view.as_of.astimezone(SHANGHAI)
    mark = " · SYNTHETIC DATA" if view.synthetic else ""
    on.print(f"Round {view.round_id} as of {as_of:%Y-%m-%d %H:%M}: {view.status}{mark}", style="bold")
    on.print(tables.signals_table(view))
    on.print(tables.decisions_table(view))
    if view.intents:
        on.print(tables.intents_table(view))
    if view.orders:
        on.print(tables.orders_table(view.orders, view.fills))


def _wait(engine: Engine, round_id: UUID, seconds: float) -> RoundView:
    def look() -> RoundView | None:
        with transaction(engine, read_only=True) as tx:
            found = views_rounds.status(tx, round_id)
            return views_rounds.one(tx, round_id) if found is not None and found[0] != "OPEN" else None

    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if (view := patiently(look)) is not None:
            return view
        time.sleep(_LOOK_SECONDS)
    raise RoundUnfinished(f"round {round_id} did not end by its deadline")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
