"""Cut what is wanted into parts by the habits of the vendors that are asked, and a part into single asks.

The names of parts follow from the request and the order of the vendors alone, never from what happened to work: a job
that is taken up again finds its own parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from libs.domain.errors import InvalidInput
from libs.marketdata.provider import Ask, Capability, Grain, Provider
from libs.marketdata.source import Kind, Skipped, Window

MANY_SYMBOLS = 200
SYMBOLS_A_SESSION = 10
"""More shares than both of these, and whole sessions are cheaper than the shares one by one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants from vendors."""

    kinds: tuple[Kind, ...]
    window: Window
    symbols: tuple[str, ...]
    """Empty: the whole market, where a vendor gives that."""
    sessions: tuple[date, ...]
    """The sessions that the desk knows; a vendor that is asked day by day is asked about these."""
    indices: tuple[str, ...] = ("000300.SH",)
    """The indices whose bars are wanted."""

    def subjects(self, kind: Kind) -> tuple[str, ...]:
        """The symbols that a kind is asked about."""
        return self.indices if kind is Kind.INDEX_BARS else self.symbols


@dataclass(frozen=True, slots=True)
class Cut:
    """A request cut into parts."""

    asks: Mapping[str, Ask]
    """By the name of the part, in the order in which they are to be read."""
    skipped: tuple[Skipped, ...]
    """The kinds that nobody in the chain can give, and the days from before anybody's history of a kind begins."""


def cut(wanted: Wanted, providers: Sequence[Provider]) -> Cut:
    """The parts of a request; raises `InvalidInput` naming `kinds` where nobody offers any of them."""
    parts: dict[str, Ask] = {}
    skipped: list[Skipped] = []
    for kind in (kind for kind in Kind if kind in wanted.kinds):
        capability = first_capability(kind, wanted.subjects(kind), providers)
        if isinstance(capability, str):
            skipped.append(Skipped(kind.value, capability))
            continue
        window, before = _within_history(kind, wanted.window, providers)
        skipped.extend(before)
        if window is not None:
            parts.update(_parts(capability, replace(wanted, window=window)))
    if not parts:
        raise InvalidInput("kinds", "; ".join(f"{s.path}: {s.reason}" for s in skipped) or "nothing is wanted")
    return Cut(parts, tuple(skipped))


def _within_history(
    kind: Kind, window: Window, providers: Sequence[Provider]
) -> tuple[Window | None, tuple[Skipped, ...]]:
    """The days of a window that some vendor may have, and what lies before; the whole where one does not say."""
    offered = {p.name: p.capabilities[kind].history_from for p in providers if kind in p.capabilities}
    known = [begins for begins in offered.values() if begins is not None]
    if len(known) < len(offered) or window.start >= (first := min(known)):
        return window, ()
    reason = f"the history of {', '.join(offered)} begins on {first}"
    last_before = min(window.end, first - timedelta(days=1))
    before = Skipped(f"{kind}/{window.start}..{last_before}", reason)
    return Window(first, window.end) if first <= window.end else None, (before,)


def first_capability(kind: Kind, symbols: Sequence[str], providers: Sequence[Provider]) -> Capability | str:
    """How the first vendor that can answer wants to be asked, or why none can."""
    offered = [p.capabilities[kind] for p in providers if kind in p.capabilities]
    if not offered:
        return f"none of {', '.join(p.name for p in providers)} offers it"
    for capability in offered:
        if symbols or capability.grain is not Grain.SYMBOL or capability.whole_sessions:
            return capability
    return "it is only given symbol by symbol, and no symbol is named"


def grain_of(capability: Capability, symbols: Sequence[str], window: Window, sessions: Sequence[date]) -> Grain:
    """How a vendor is asked about these symbols: session by session where that saves most of the calls.

    A few shares are asked one by one all the same, since that alone brings their suspended days.
    """
    if capability.grain is not Grain.SYMBOL or not capability.whole_sessions:
        return capability.grain
    days = sum(1 for day in sessions if window.start <= day <= window.end)
    saves_calls = len(symbols) > MANY_SYMBOLS and len(symbols) > SYMBOLS_A_SESSION * days
    return Grain.SESSION if not symbols or saves_calls else Grain.SYMBOL


def asks(ask: Ask, capability: Capability, sessions: Sequence[date]) -> Iterator[Ask]:
    """The single questions a vendor is asked for one part."""
    match grain_of(capability, ask.symbols, ask.window, sessions):
        case Grain.SYMBOL:
            yield from (Ask(ask.kind, ask.window, (symbol,)) for symbol in ask.symbols)
        case Grain.SESSION:
            inside = (day for day in sessions if ask.window.start <= day <= ask.window.end)
            yield from (Ask(ask.kind, Window(day, day), ask.symbols) for day in inside)
        case Grain.WINDOW:
            yield ask


@dataclass(frozen=True, slots=True)
class PlannedKind:
    """What one kind takes of the first vendor that can answer, as far as nothing goes wrong."""

    kind: Kind
    vendor: str
    capability: Capability
    parts: int
    calls: int


def plan(parts: Mapping[str, Ask], wanted: Wanted, providers: Sequence[Provider]) -> list[PlannedKind]:
    """The calls of every kind, for a dry run. A vendor may need more than one call for a question."""
    found: dict[Kind, list[int]] = {}
    for ask in parts.values():
        capability = first_capability(ask.kind, ask.symbols, providers)
        if not isinstance(capability, str):
            found.setdefault(ask.kind, []).append(sum(1 for _ in asks(ask, capability, wanted.sessions)))
    planned = []
    for kind, calls in found.items():
        capability = first_capability(kind, wanted.subjects(kind), providers)
        if not isinstance(capability, str):
            vendor = next(p.name for p in providers if p.capabilities.get(kind) == capability)
            planned.append(PlannedKind(kind, vendor, capability, len(calls), sum(calls)))
    return planned


def _parts(capability: Capability, wanted: Wanted) -> Iterator[tuple[str, Ask]]:
    kind, window, symbols = capability.kind, wanted.window, wanted.subjects(capability.kind)
    whole = f"{window.start}..{window.end}"
    match grain_of(capability, symbols, window, wanted.sessions):
        case Grain.SYMBOL:
            for symbol in symbols:
                yield f"{kind}/{symbol}/{whole}", Ask(kind, window, (symbol,))
        case Grain.SESSION:
            for month in _months(wanted):
                yield f"{kind}/{month.start}..{month.end}", Ask(kind, month, symbols)
        case Grain.WINDOW:
            yield f"{kind}/{whole}", Ask(kind, window, symbols)


def _months(wanted: Wanted) -> Iterator[Window]:
    """The sessions of the window month by month: enough to be fetched well, little enough to be fetched again."""
    inside = sorted(day for day in set(wanted.sessions) if wanted.window.start <= day <= wanted.window.end)
    for _, days in groupby(inside, key=lambda day: (day.year, day.month)):
        month = list(days)
        yield Window(month[0], month[-1])
