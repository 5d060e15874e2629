"""The valuation analyst: cheap or dear against the share's own past and its industry."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Signal
from libs.runtime.analyst import BaseAgent
from libs.runtime.evidence import Citations, Origin, about, abstain, public_session
from libs.storage.snapshot import Snapshot
from libs.storage.valuations_read import PeerMultiples, Valuation, last_valuations, peer_multiples
from services.fundamental.valuation import FEWEST_SESSIONS, Standing, standing, value

_HISTORY_SESSIONS = 750
_LABELS = {"pe_ttm": "PE", "pb_mrq": "PB", "ps_ttm": "PS"}

_Peers = Mapping[str, Sequence[PeerMultiples]]


class FundamentalAgent(BaseAgent):
    """PE, PB and PS as percentiles of three years of history and of the industry."""

    name = "fundamental"
    horizon = "20-60 sessions"
    valid_days = 7

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        """One result per symbol."""
        session = public_session(as_of)
        valuations = last_valuations(tx, symbols, as_of, history=_HISTORY_SESSIONS)
        industries = sorted({v.industry for v in valuations.values() if v.industry is not None})
        peers: defaultdict[str, list[PeerMultiples]] = defaultdict(list)
        for peer in peer_multiples(tx, industries, session, as_of) if industries else ():
            peers[peer.industry].append(peer)
        return self.each(symbols, lambda s: self._one(s, valuations.get(s), session, peers, as_of))

    def _one(
        self, symbol: Symbol, valuation: Valuation | None, session: date, peers: _Peers, as_of: datetime
    ) -> Signal | Abstain:
        if valuation is None:
            return abstain(symbol, AbstainCode.NO_DATA, "no valuation is stored")
        if valuation.session != session:
            return abstain(symbol, AbstainCode.STALE_DATA, f"the last valuation is of {valuation.session}")
        others = _others(valuation, peers)
        standings = _standings(valuation, others)
        if not standings:
            return _without_standing(valuation, others)
        verdict = value(standings, loss=_is_loss(valuation))
        citations = Citations()
        rationale = _rationale(citations, valuation, standings, len(others))
        return citations.signal(about(symbol), verdict.score, verdict.confidence, rationale, self.outlook(as_of))


def _others(valuation: Valuation, peers: _Peers) -> list[PeerMultiples]:
    of_industry = peers.get(valuation.industry, ()) if valuation.industry is not None else ()
    return [peer for peer in of_industry if peer.symbol != valuation.symbol]


def _standings(valuation: Valuation, others: Sequence[PeerMultiples]) -> list[Standing]:
    candidates = (
        standing("pe_ttm", valuation.pe_ttm, [peer.pe_ttm for peer in others]),
        standing("pb_mrq", valuation.pb_mrq, [peer.pb_mrq for peer in others]),
        standing("ps_ttm", valuation.ps_ttm, [peer.ps_ttm for peer in others]),
    )
    return [found for found in candidates if found is not None]


def _is_loss(valuation: Valuation) -> bool:
    return valuation.pe_ttm.value is not None and valuation.pe_ttm.value < 0


def _without_standing(valuation: Valuation, others: Sequence[PeerMultiples]) -> Abstain:
    longest = max(valuation.pe_ttm.history, valuation.pb_mrq.history, valuation.ps_ttm.history)
    if longest < FEWEST_SESSIONS:
        return abstain(
            valuation.symbol,
            AbstainCode.INSUFFICIENT_HISTORY,
            f"{longest} valued sessions and {len(others)} industry peers",
        )
    return abstain(valuation.symbol, AbstainCode.NO_DATA, "no multiple is positive")


def _rationale(citations: Citations, valuation: Valuation, standings: Sequence[Standing], peer_count: int) -> str:
    origin = Origin(
        "valuation",
        valuation.symbol,
        valuation.session,
        valuation.source,
        valuation.published_at,
        valuation.synthetic,
    )
    sentences = [_sentence(citations, origin, found) for found in standings]
    if _is_loss(valuation) and valuation.pe_ttm.value is not None:
        loss = citations.cite(origin, "pe_ttm", valuation.pe_ttm.value, "times")
        sentences.append(f"PE is {loss}: twelve months at a loss.")
    sentences.append(_industry_sentence(citations, origin, valuation, standings, peer_count))
    return " ".join(sentences)


def _sentence(citations: Citations, origin: Origin, found: Standing) -> str:
    label = _LABELS[found.name]
    text = f"{label} of {citations.cite(origin, found.name, found.value, 'times')}"
    parts = []
    if found.in_history is not None:
        share = citations.cite(origin, f"{found.name}_history", 100 * found.in_history, "percent")
        parts.append(f"above {share} of its own past")
    if found.among_peers is not None:
        share = citations.cite(origin, f"{found.name}_peers", 100 * found.among_peers, "percent")
        parts.append(f"above {share} of its peers")
    return f"{text}, {' and '.join(parts)}."


def _industry_sentence(
    citations: Citations,
    origin: Origin,
    valuation: Valuation,
    standings: Sequence[Standing],
    peer_count: int,
) -> str:
    if valuation.industry is None:
        return "Its industry is not known, so only its own past counts."
    industry = citations.cite(origin, "industry", valuation.industry, "text")
    text = f"The industry is {industry} with {citations.cite(origin, 'peers', peer_count, 'count')} valued peers"
    if all(found.among_peers is None for found in standings):
        text += ", too few to compare (NO_PEERS)"
    if valuation.industry_as_of is not None and valuation.industry_as_of > valuation.session:
        listed = citations.cite(origin, "industry_backdated", valuation.industry_as_of.isoformat(), "text")
        text += f", as a later list of {listed} shows it"
    return text + "."
