"""Several vendors as one source: asked in order, each series kept to the source it is made of.

A vendor that fails costs its vote, not the job: the next one is asked. A symbol that nobody knows costs only itself.
What no vendor could give is an error that names each with its reason, and nothing of it is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from libs.domain.clock import Clock
from libs.domain.errors import InvalidInput
from libs.marketdata.aggregate_continuity import (
    OWN_WORDS,
    Continuity,
    Group,
    SeriesBook,
    Switch,
    is_series,
    subjects_asked,
    symbols_of,
)
from libs.marketdata.aggregate_slices import Cut, PlannedKind, Wanted, asks, cut, grain_of, plan
from libs.marketdata.guarded_gate import EndpointUsage, GuardedGate
from libs.marketdata.provider import Ask, Grain, Provider
from libs.marketdata.source import Batch, Kind, Part, Skipped, SourceError


class AllSourcesFailed(SourceError):
    """No vendor of the chain could give a part; the text names each vendor with its reason."""

    code = "marketdata.all_sources_failed"


@dataclass(slots=True)
class _Served:
    """What became of one group."""

    batches: list[Batch] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    """Symbols nobody gave."""
    reasons: list[str] = field(default_factory=list)
    complete: bool = False


class Aggregator:
    """A `Source` over vendors in order. One job, one thread."""

    synthetic = False

    def __init__(
        self,
        providers: Sequence[Provider],
        wanted: Wanted,
        *,
        book: SeriesBook,
        clock: Clock,
        gate: GuardedGate | None = None,
    ) -> None:
        """`gate` is the one that the providers call through; it knows what the job has used."""
        if not providers:
            raise InvalidInput("sources", "no vendor is named")
        self.name = providers[0].name if len(providers) == 1 else "vendors"
        self.kinds = frozenset(kind for provider in providers for kind in provider.capabilities)
        self._providers = tuple(providers)
        self._wanted = wanted
        self._book = book
        self._gate = gate
        self._cut: Cut = cut(wanted, providers)
        self._left_out: list[Skipped] = []
        self._continuity = Continuity(book, clock, lambda provider, ask: self._fetched(provider, ask)[0].frame)

    def parts(self) -> list[Part]:
        """What can be read; vendors may say something new at any time, so no part has a fingerprint."""
        return [Part(name, None) for name in self._cut.asks]

    def read(self, part: Part) -> list[Batch]:
        """Everything of one part, each batch with the vendor it came from; raises `AllSourcesFailed`."""
        ask = self._cut.asks[part.name]
        served = [self._serve(ask, group) for group in self._groups(ask)]
        batches = [batch for one in served for batch in one.batches]
        failed = [one for one in served if not one.complete]
        reasons = list(dict.fromkeys(reason for one in failed for reason in one.reasons))
        if failed and not batches:
            raise AllSourcesFailed("; ".join(reasons))
        for one in failed:
            named = ", ".join(one.missing) or "some series"
            self._left_out.append(Skipped(f"{part.name}: {named}", "; ".join(one.reasons)))
        return batches

    def skipped(self) -> list[Skipped]:
        """Kinds nobody offers, and symbols nobody could give in parts that were stored without them."""
        return [*self._cut.skipped, *self._left_out]

    def plan(self) -> list[PlannedKind]:
        """The calls this would take; nothing is asked."""
        return plan(self._cut.asks, self._wanted, self._providers)

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The series that went on from another source in this job."""
        return tuple(self._continuity.switches)

    def usage(self) -> Mapping[tuple[str, str], EndpointUsage]:
        """Calls, cache hits, waits and retries by vendor and endpoint."""
        return self._gate.usage() if self._gate else {}

    def close(self) -> None:
        """Give back what the vendors' clients hold."""
        for provider in self._providers:
            provider.close()

    def _groups(self, ask: Ask) -> list[Group]:
        """A part split by the source its series are made of so far."""
        if ask.kind in OWN_WORDS and ask.symbols:
            return self._by_vendor(ask)
        if not is_series(ask.kind):
            return [Group(None, ask.symbols)]
        known = {p.name for p in self._providers if ask.kind in p.capabilities}
        asked = subjects_asked(ask.kind, ask.symbols)
        sources = {s: name for s, name in self._book.sources(ask.kind, asked).items() if name in known}
        by_source: dict[str | None, list[str]] = {}
        for subject in asked or sources:
            by_source.setdefault(sources.get(subject), []).append(subject)
        if asked:
            of_symbols = bool(ask.symbols)
            return [Group(name, tuple(those) if of_symbols else ()) for name, those in by_source.items()]
        main = self._main(ask.kind)
        others = {name: frozenset(those) for name, those in by_source.items() if name != main}
        rest = Group(main, (), leave=frozenset().union(*others.values()))
        return [rest, *(Group(name, symbols_of(ask.kind, those), keep=those) for name, those in others.items())]

    def _by_vendor(self, ask: Ask) -> list[Group]:
        """Shares whose rows a vendor of the chain has told in its own words stay with it; the others are free."""
        known = {p.name for p in self._providers if ask.kind in p.capabilities}
        sources = self._book.sources(ask.kind, ask.symbols)
        by_source: dict[str | None, list[str]] = {}
        for symbol in ask.symbols:
            source = sources.get(symbol)
            by_source.setdefault(source if source in known else None, []).append(symbol)
        return [Group(name, tuple(those), alone=name is not None) for name, those in by_source.items()]

    def _main(self, kind: Kind) -> str | None:
        return next((p.name for p in self._providers if kind in p.capabilities), None)

    def _serve(self, ask: Ask, group: Group) -> _Served:
        """Ask one vendor after the other until the group is complete."""
        served = _Served(missing=group.symbols)
        for provider in sorted(self._providers, key=lambda p: p.name != group.first):
            if ask.kind not in provider.capabilities:
                continue
            if group.alone and provider.name != group.first:
                served.reasons.append(f"{provider.name}: what is stored is told in {group.first}'s own words")
                continue
            asked = replace(ask, symbols=served.missing if group.symbols else ())
            try:
                self._take_from(provider, asked, group, served)
            except (SourceError, InvalidInput) as e:
                served.reasons.append(f"{provider.name}: {e}")
            if served.complete or (served.batches and not group.symbols):
                break
        return served

    def _take_from(self, provider: Provider, ask: Ask, group: Group, served: _Served) -> None:
        batch, failed = self._fetched(provider, ask)
        served.reasons.extend(f"{provider.name}: {reason}" for reason in failed.values())
        refused: set[str] = set()
        if is_series(ask.kind):
            frame = self._continuity.of_group(ask.kind, group, batch.frame)
            frame, reasons = self._continuity.continued(provider, ask, frame, tuple(served.reasons))
            served.reasons.extend(f"{provider.name}: {subject}: {reason}" for subject, reason in reasons.items())
            batch, refused = replace(batch, frame=frame), set(reasons)
        if batch.frame.height or not refused:
            served.batches.append(batch)
        served.missing = tuple(s for s in ask.symbols if s in failed or s in refused)
        served.complete = not failed and not refused

    def _fetched(self, provider: Provider, ask: Ask) -> tuple[Batch, dict[str, str]]:
        """One vendor's answer to a part, and the symbols it could not give; raises where it could give nothing."""
        capability = provider.capabilities[ask.kind]
        if capability.history_from and ask.window.start < capability.history_from:
            raise SourceError(f"{capability.endpoint} begins on {capability.history_from}")
        grain = grain_of(capability, ask.symbols, ask.window, self._wanted.sessions)
        if grain is Grain.SYMBOL and not ask.symbols:
            raise SourceError(f"{capability.endpoint} is asked symbol by symbol, and none is named")
        batches: list[Batch] = []
        failed: dict[str, str] = {}
        for question in asks(ask, capability, self._wanted.sessions):
            try:
                batches.append(provider.fetch(question))
            except (SourceError, InvalidInput) as e:
                if grain is not Grain.SYMBOL or len(ask.symbols) == 1:
                    raise
                failed[question.symbols[0]] = f"{question.symbols[0]}: {e}"
        if failed and not batches:
            raise SourceError("; ".join(dict.fromkeys(failed.values())))
        return merged(provider, ask.kind, batches), failed


def merged(provider: Provider, kind: Kind, batches: Sequence[Batch]) -> Batch:
    """Several answers of one vendor as one batch that says whose it is."""
    endpoint = provider.capabilities[kind].endpoint
    if not batches:
        raise SourceError(f"{endpoint}: no session of this window is known, so nothing was asked")
    rejected: dict[str, int] = {}
    for batch in batches:
        for reason, rows in batch.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + rows
    refused = [batch.refused for batch in batches if batch.refused is not None]
    return Batch(
        kind,
        pl.concat([batch.frame for batch in batches]),
        batches[0].origin,
        rows_read=sum(batch.rows_read for batch in batches),
        rejected=rejected,
        duplicates=sum(batch.duplicates for batch in batches),
        conflicts=sum(batch.conflicts for batch in batches),
        refused=pl.concat(refused) if refused else None,
        source=provider.name,
    )
