"""The ranked strategy: who is held, who is left, and how wishes become lots."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.boards import board_of
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from libs.domain.trading import Position, ReasonCode, Side, TradeIntent
from libs.strategy.ranked import Plan, RankedRules, Refusal, plan

SESSION = date(2024, 9, 3)
EQUITY = Decimal(1_000_000)
RULES = RankedRules()
NAMES = [Symbol(f"60000{digit}.SH") for digit in range(10)]


def _position(symbol: Symbol, quantity: int, *, locked: int = 0, reserved: int = 0) -> Position:
    return Position(symbol, quantity, locked, SESSION if locked else None, reserved, Decimal(0))


def _plan(
    scores: Mapping[Symbol, float | None],
    held: Mapping[Symbol, int] | None = None,
    marks: Mapping[Symbol, Decimal] | None = None,
    equity: Decimal = EQUITY,
) -> Plan:
    positions = {symbol: _position(symbol, quantity) for symbol, quantity in (held or {}).items()}
    if marks is None:
        marks = dict.fromkeys([*scores, *positions], Decimal(10))
    return plan(scores, positions, equity=equity, marks=marks, session=SESSION)


def test_the_best_five_at_or_above_the_entry_are_bought_at_nine_percent_in_lots() -> None:
    scores = {symbol: 0.1 + i / 100 for i, symbol in enumerate(NAMES[:6])} | {NAMES[6]: 0.0999}
    result = _plan(scores, marks=dict.fromkeys(scores, Decimal("17.3")))
    assert result.intents == tuple(TradeIntent(symbol, Side.BUY, 5200) for symbol in NAMES[1:6])
    assert result.refusals == ()


def test_equal_scores_rank_by_symbol() -> None:
    result = _plan(dict.fromkeys(reversed(NAMES), 0.5))
    assert [intent.symbol for intent in result.intents] == NAMES[:5]


def test_a_holding_below_zero_is_sold_whole_and_sells_come_first() -> None:
    result = _plan({NAMES[9]: -0.01, NAMES[0]: 0.5}, held={NAMES[9]: 1234})
    assert result.intents == (
        TradeIntent(NAMES[9], Side.SELL, 1234),
        TradeIntent(NAMES[0], Side.BUY, 9000),
    )


def test_a_holding_between_zero_and_the_entry_is_held_without_an_order() -> None:
    assert _plan({NAMES[0]: 0.0, NAMES[1]: 0.05}, held={NAMES[0]: 9000, NAMES[1]: 100}).intents == ()


def test_a_holding_between_makes_room_for_one_of_the_best_five() -> None:
    scores = dict.fromkeys(NAMES[:5], 0.3) | {NAMES[5]: 0.05}
    result = _plan(scores, held=dict.fromkeys(NAMES[1:6], 9000))
    assert result.intents == (TradeIntent(NAMES[5], Side.SELL, 9000), TradeIntent(NAMES[0], Side.BUY, 9000))


def test_without_a_decision_nothing_happens_and_the_place_stays_taken() -> None:
    scores: dict[Symbol, float | None] = dict.fromkeys(NAMES[:5], 0.3) | {NAMES[5]: None}
    result = _plan(scores, held={NAMES[5]: 9000})
    assert [intent.symbol for intent in result.intents] == NAMES[:4]
    assert _plan({}, held={NAMES[5]: 9000}).intents == ()


def test_less_than_a_lot_is_refused_and_not_an_intent() -> None:
    moutai = Symbol("600519.SH")
    result = _plan({moutai: 0.9}, marks={moutai: Decimal("1409.5")})
    assert result == Plan((), (Refusal(moutai, Side.BUY, ReasonCode.BELOW_ONE_LOT),))


def test_a_star_share_is_bought_from_two_hundred_by_the_single_share() -> None:
    star = Symbol("688256.SH")
    assert _plan({star: 0.9}, marks={star: Decimal("237.11")}).intents == (TradeIntent(star, Side.BUY, 379),)
    dear = _plan({star: 0.9}, marks={star: Decimal(460)})
    assert dear.refusals == (Refusal(star, Side.BUY, ReasonCode.BELOW_ONE_LOT),)


def test_a_name_without_a_mark_is_neither_bought_nor_sold() -> None:
    result = _plan({NAMES[0]: 0.9, NAMES[1]: -0.9}, held={NAMES[1]: 100}, marks={})
    assert result == Plan(
        (),
        (Refusal(NAMES[1], Side.SELL, ReasonCode.NO_MARK), Refusal(NAMES[0], Side.BUY, ReasonCode.NO_MARK)),
    )


def test_a_board_the_rulebook_does_not_know_is_refused_by_name() -> None:
    b_share = Symbol("900901.SH")
    assert _plan({b_share: 0.9}).refusals == (Refusal(b_share, Side.BUY, ReasonCode.UNKNOWN_RULE),)


def test_a_partly_filled_holding_is_bought_up_and_a_full_one_left_alone() -> None:
    result = _plan({NAMES[0]: 0.5, NAMES[1]: 0.5}, held={NAMES[0]: 2000, NAMES[1]: 7300})
    assert result.intents == (TradeIntent(NAMES[0], Side.BUY, 7000),)


def test_shares_bought_that_session_are_not_sold() -> None:
    positions = {NAMES[0]: _position(NAMES[0], 500, locked=300)}
    result = plan({NAMES[0]: -1.0}, positions, equity=EQUITY, marks={NAMES[0]: Decimal(10)}, session=SESSION)
    assert result.intents == (TradeIntent(NAMES[0], Side.SELL, 200),)


def test_an_order_never_exceeds_what_the_board_accepts() -> None:
    result = _plan({NAMES[0]: 0.5, NAMES[1]: -0.5}, held={NAMES[1]: 3_000_050}, equity=Decimal(10**9))
    ceiling = RULEBOOK.lot_rule(board_of(NAMES[0]), SESSION).max_limit_order
    assert [intent.quantity for intent in result.intents] == [ceiling, ceiling]


_POOL = [*NAMES[:6], Symbol("688256.SH"), Symbol("300750.SZ"), Symbol("000001.SZ")]
_SCORES = st.dictionaries(st.sampled_from(_POOL), st.none() | st.floats(-1, 1))
_HELD = st.dictionaries(st.sampled_from(_POOL), st.integers(1, 50_000), max_size=5)
_MARKS = st.dictionaries(st.sampled_from(_POOL), st.decimals(Decimal("0.5"), Decimal(3000), places=2))


@given(_SCORES, _HELD, _MARKS)
def test_a_plan_obeys_its_rules_whatever_it_is_given(
    scores: dict[Symbol, float | None], held: dict[Symbol, int], marks: dict[Symbol, Decimal]
) -> None:
    result = _plan(scores, held, marks)
    sides = [(intent.side is Side.BUY, intent.symbol) for intent in result.intents]
    assert sides == sorted(sides)
    assert len({intent.symbol for intent in result.intents}) == len(result.intents)
    after = dict(held)
    for intent in result.intents:
        rule = RULEBOOK.lot_rule(board_of(intent.symbol), SESSION)
        score = scores.get(intent.symbol)
        if intent.side is Side.BUY:
            assert score is not None
            assert score >= RULES.entry
            assert rule.valid_buy(intent.quantity)
            after[intent.symbol] = after.get(intent.symbol, 0) + intent.quantity
            assert after[intent.symbol] * marks[intent.symbol] <= EQUITY * RULES.target
        else:
            assert intent.quantity == held[intent.symbol]
            assert score is not None
            del after[intent.symbol]
    stuck = {refusal.symbol for refusal in result.refusals if refusal.side is Side.SELL}
    assert len(after.keys() - stuck) <= max(RULES.names, sum(scores.get(s) is None for s in held))
    assert not any((scores.get(s) or 0) < 0 for s in after.keys() - stuck)
    assert _plan(dict(reversed(scores.items())), held, marks) == result
