"""Simulated texts are public when they say, help a little, and can be read by those who judge policy and tone."""

from datetime import date, time
from functools import lru_cache

import numpy as np
import polars as pl

from libs.ashare.calendar import CALENDAR
from libs.marketdata.sim_industries import INDUSTRIES
from libs.marketdata.sim_market import Market, market_of
from libs.marketdata.sim_texts import documents_frame
from libs.marketdata.sim_words import GOOD, Choice


@lru_cache(maxsize=1)
def made() -> Market:
    return market_of(20260101, date(2025, 12, 31))


@lru_cache(maxsize=1)
def texts() -> pl.DataFrame:
    return documents_frame(made())


def test_every_kind_of_document_is_there_and_hardly_a_title_is_the_same_twice() -> None:
    counts = dict(texts().group_by("kind").len().iter_rows())
    assert set(counts) == {"policy", "news", "announcement", "post"}
    assert min(counts.values()) > 100
    assert texts()["document_id"].n_unique() == texts().height
    assert texts().filter(pl.col("kind") == "news")["title"].n_unique() > 2500


def test_each_kind_is_public_at_its_hour() -> None:
    hours = texts().with_columns(pl.col("published_at").dt.time().alias("hour"))
    assert set(hours.filter(pl.col("kind") == "policy")["hour"]) == {time(19, 30)}
    assert set(hours.filter(pl.col("kind") == "news")["hour"]) == {time(8, 30)}
    evening = hours.filter(pl.col("kind") == "announcement")["hour"]
    assert time(16, 59) < evening.min() < evening.max() < time(23, 0)  # type: ignore[operator]  # times of day
    assert (texts()["published_at"].dt.date() == texts()["session_date"]).all()


def test_no_briefing_tells_of_a_session_before_it_is_over() -> None:
    market = made()
    briefing = texts().filter(pl.col("section") == "国内股市").sort("published_at")
    told = [f"大盘{'上涨' if m >= 0 else '下跌'}{abs(m) * 100:.2f}%" for m in market.factors.market[:-1].tolist()]
    by_day = dict(briefing.select("session_date", "title").iter_rows())
    for session, title in zip(market.sessions, told, strict=False):
        assert by_day[CALENDAR.next_session(session)] == title


def test_good_news_is_followed_by_better_moves_than_bad_news_and_not_always() -> None:
    market = made()
    own = market.paths.close / market.paths.reference - 1 - market.factors.market[:, None]
    good: list[float] = []
    bad: list[float] = []
    for story in market.stories:
        after = story.session + 1
        if after < len(market.sessions) and market.paths.traded[after, story.company]:
            (good if story.good else bad).append(own[after, story.company])
    assert np.mean(good) > 0.003 > -0.003 > np.mean(bad)
    assert 0.5 < np.mean(np.array(good) > 0) < 0.85
    assert 0.5 < np.mean(np.array(bad) < 0) < 0.85


def test_a_surprising_report_moves_its_share_on_the_session_after() -> None:
    market = made()
    own = market.paths.close / market.paths.reference - 1 - market.factors.market[:, None]
    pairs = []
    for place in range(len(market.companies)):
        for quarter, day in enumerate(market.accounts.announced[place]):
            at = int(
                np.searchsorted(np.array(market.sessions, dtype="datetime64[D]"), np.datetime64(day), side="right")
            )
            if 0 < at < len(market.sessions) and market.paths.traded[at, place]:
                pairs.append((market.accounts.surprise[place, quarter], own[at, place]))
    surprise, moved = np.array(pairs).T
    assert 0.15 < np.corrcoef(surprise, moved)[0, 1] < 0.6


def test_policies_name_an_industry_of_the_exchange_or_speak_to_the_whole_market() -> None:
    policies = texts().filter(pl.col("kind") == "policy")
    named = [any(kind.name in body for kind in INDUSTRIES) for body in policies["body"]]
    assert 0.6 < np.mean(named) < 0.95
    assert policies["issuer"].null_count() == 0


def test_a_supported_industry_does_better_afterwards() -> None:
    factors = made().factors
    moved = {True: [], False: []}  # type: dict[bool, list[float]]
    for policy in factors.policies:
        if policy.industry is not None and policy.session + 6 < len(factors.sector):
            after = factors.sector[policy.session + 1 : policy.session + 6, policy.industry]
            moved[policy.supportive].append(float(after.sum()))
    assert np.mean(moved[True]) > np.mean(moved[False])


def test_announcements_name_the_share_they_are_of() -> None:
    announcements = texts().filter(pl.col("kind") == "announcement")
    for symbols, body in announcements.select("symbols", "body").head(500).iter_rows():
        assert symbols[0] in body


def test_a_variant_chooses_every_word_and_the_same_one_the_same_words() -> None:
    titles = {GOOD[Choice(i / 997).number(len(GOOD))] for i in range(997)}
    assert titles == set(GOOD)
    first, second = Choice(0.4321), Choice(0.4321)
    assert [first.number(7) for _ in range(5)] == [second.number(7) for _ in range(5)]
