"""Stream entries, ours and those of other hands."""

import hiredis
import pytest

from libs.bus.errors import Unavailable
from libs.bus.redis import entries
from libs.bus.streams import Delivery, Outgoing, Settled


def words(command: bytes) -> list[bytes]:
    reader = hiredis.Reader()
    reader.feed(command)
    found = reader.gets()
    assert isinstance(found, list)
    return found


def test_a_question_carries_reply_stream_and_deadline() -> None:
    command = entries.add(Outgoing("s", b"{}", 1700000000000), "hiddengem:reply.a")
    assert words(command) == [b"XADD", b"s", b"*", b"m", b"{}", b"r", b"hiddengem:reply.a", b"d", b"1700000000000"]


def test_a_hint_carries_its_message_only() -> None:
    assert words(entries.add(Outgoing("s", b"{}"), None)) == [b"XADD", b"s", b"*", b"m", b"{}"]


@pytest.mark.parametrize(
    ("fields", "delivery"),
    [
        ([b"m", b"{}", b"r", b"x", b"d", b"17"], Delivery("1-0", b"{}", b"x", 17)),
        ([b"d", b"17", b"m", b"{}"], Delivery("1-0", b"{}", None, 17)),
        ([b"m", b"{}", b"r", b"x", b"d", b"soon"], Delivery("1-0", b"{}", b"x", None)),
        ([b"m", b"{}", b"r", b"x", b"d", b"9" * 400], Delivery("1-0", b"{}", b"x", None)),
        ([b"other", b"1"], Delivery("1-0", b"")),
        ([], Delivery("1-0", b"")),
    ],
)
def test_whatever_fields_an_entry_has_it_becomes_a_delivery(fields: list[bytes], delivery: Delivery) -> None:
    assert entries.deliveries([[b"1-0", fields]]) == [delivery]


def test_deleted_entries_are_left_out() -> None:
    assert entries.deliveries([None, [b"1-0", None], [b"2-0", [b"m", b"x"]]], {"2-0": 3}) == [
        Delivery("2-0", b"x", tried=3)
    ]


def test_answers_to_one_asker_share_an_entry_and_come_before_the_acknowledgement() -> None:
    settled = Settled()
    for number in (1, 2):
        settled.add(Delivery(f"{number}-0", b"", b"hiddengem:reply.a", 1), b"%d" % number)
    assert [words(command) for command in entries.settle("s", "g", settled)] == [
        [b"XADD", b"hiddengem:reply.a", b"NOMKSTREAM", b"*", b"m", b"1", b"m", b"2"],
        [b"XACK", b"s", b"g", b"1-0", b"2-0"],
    ]


def test_a_refusal_of_the_server_is_unavailable_without_its_text() -> None:
    with pytest.raises(Unavailable) as caught:
        entries.checked(hiredis.ReplyError("WRONGPASS secret"))
    assert "secret" not in str(caught.value)


def test_ids_are_ordered_by_number_and_not_by_text() -> None:
    assert max(["9-5", "10-0", "9-12"], key=entries.position) == "10-0"
    assert entries.after(b"9-5") == "9-6"
