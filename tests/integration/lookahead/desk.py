"""Everything that is concluded from the market at an instant: every analyst, every strategy, found, not listed."""

import importlib
import inspect
import pkgutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from uuid import UUID

import libs.strategy
from libs.bus.port import Call, CallContext
from libs.contracts.analysis import AnalyzeRequest
from libs.domain.clock import exchange_date
from libs.runtime.analyst import BaseAgent
from libs.runtime.evidence import public_session
from libs.storage import universe
from libs.storage.engine import Connection
from libs.storage.rounds import Panelist, Round, RoundKind
from services.orchestrator import conclusion
from services.orchestrator.fanout import Answer
from tests.integration.analysts import made_market as made
from tests.integration.lookahead.worlds import BoundReader

_SERVICES = Path(__file__).resolve().parents[3] / "services"
_CALL = Call("m-1", "analyze", "orchestrator-1", CallContext(), 1e9, 1)
_EQUITY = Decimal(1_000_000)


def analysts() -> list[type[BaseAgent]]:
    """Every analyst there is: each folder of services whose `agent` module has one."""
    found = []
    for folder in sorted(_SERVICES.iterdir()):
        if (folder / "agent.py").is_file():
            module = importlib.import_module(f"services.{folder.name}.agent")
            found += [value for value in vars(module).values() if _is_analyst(value, module)]
    return found


def _is_analyst(value: object, module: ModuleType) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, BaseAgent)
        and not inspect.isabstract(value)
        and value.__module__ == module.__name__
    )


def strategies() -> list[ModuleType]:
    """Every strategy there is: each module of `libs.strategy` that plans."""
    modules = (importlib.import_module(f"libs.strategy.{m.name}") for m in pkgutil.iter_modules(libs.strategy.__path__))
    return [module for module in modules if callable(getattr(module, "plan", None))]


async def answers(tx: Connection, as_of: datetime) -> dict[str, Answer]:
    """What every analyst says of every share."""
    found = {}
    for analyst in analysts():
        agent = analyst(BoundReader(tx), instance=f"{analyst.name}-1")
        result = await agent.analyze(AnalyzeRequest(symbols=list(made.SYMBOLS), as_of=as_of), _CALL)
        found[analyst.name] = Answer(result, None, 1.0)
    return found


async def concluded(tx: Connection, as_of: datetime) -> dict[str, str]:
    """Signals, decisions and the plans of every strategy, each as the bytes that would be stored."""
    said = await answers(tx, as_of)
    opened = _round(as_of)
    decided = conclusion.decisions(opened, said, universe.industries(tx, opened.symbols, as_of))
    session = public_session(as_of)
    marks = universe.marks(tx, opened.symbols, session, as_of)
    shown = {f"analyst {name}": answer.result.model_dump_json() for name, answer in said.items() if answer.result}
    shown["decisions"] = repr(conclusion.decision_rows(opened, decided))
    shown["intents"] = repr(conclusion.intent_rows(opened, decided, conclusion.Portfolio({}, _EQUITY, marks)))
    for strategy in strategies():
        scores = {decision.symbol: decision.score for decision in decided}
        planned = strategy.plan(scores, {}, equity=_EQUITY, marks=marks, session=session)
        shown[f"strategy {strategy.__name__}"] = repr(planned)
    shown["marks"] = repr(sorted(marks.items()))
    shown["most traded"] = repr(universe.most_traded(tx, exchange_date(as_of), sessions=20, names=30))
    return shown


def _round(as_of: datetime) -> Round:
    return Round(
        round_id=UUID(int=1),
        kind=RoundKind.MANUAL,
        replay_id=None,
        account_id="paper",
        session=exchange_date(as_of),
        as_of=as_of,
        symbols=tuple(made.SYMBOLS),
        panel={analyst.name: Panelist(analyst.default_weight, analyst.version) for analyst in analysts()},
        trade=True,
        requested_by="test",
        synthetic=False,
    )
