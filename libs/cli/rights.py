"""`hiddengem rights`: an operator's word on rights issues, kept until the opening of their ex-date."""

import getpass
from datetime import date

from libs.cli.connection import owner_url
from libs.cli.terminal import chatter
from libs.domain.errors import InvalidInput, NotFound
from libs.domain.market import parse_symbol
from libs.storage import assessments, entitlements
from libs.storage.engine import make_engine, transaction
from libs.storage.entitlements import RightsInstruction


def subscribe(symbol: str, ex_date: str, quantity: int, *, listed_on: str, account: str | None) -> int:
    """Keep an instruction; raises `NotFound` where no such rights or account are known, `TooLate` after the opening."""
    wanted, day = parse_symbol(symbol), _date("EX_DATE", ex_date)
    instruction = RightsInstruction(quantity, _date("LISTED_ON", listed_on), f"cli:{getpass.getuser()}")
    if instruction.listed_on < day:
        raise InvalidInput("LISTED_ON", f"{listed_on} is before the ex-date {ex_date}")
    engine = make_engine(owner_url(), pool_size=1)
    try:
        with transaction(engine) as tx:
            room = assessments.account_room(tx, account)
            if room is None:
                raise NotFound(f"account: there is no account {account or 'open'}")
            if not entitlements.offers_rights(tx, wanted, day):
                raise NotFound(f"rights: none of {wanted} with the ex-date {day} are stored")
            kept = entitlements.subscribe_rights(tx, room.account_id, wanted, day, instruction)
    finally:
        engine.dispose()
    if not kept:
        raise InvalidInput("SYMBOL", f"{room.account_id} has an instruction for {wanted} on {day} already")
    chatter.print(f"{room.account_id} will subscribe up to {quantity} new shares of {wanted} on {day}")
    return 0


def _date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise InvalidInput(field, f"{text!r} is not a date like 2024-09-02") from e
