"""Finished work on its way."""

from libs.bus.streams import Delivery, Settled

ASKED = Delivery("1-0", b"", reply_to=b"hiddengem:reply.a", expires_ms=1)
HINTED = Delivery("2-0", b"")


def test_a_reply_goes_to_who_asked_and_every_entry_is_acknowledged() -> None:
    settled = Settled()
    assert not settled
    settled.add(ASKED, b"yes")
    settled.add(HINTED, b"nobody asked")
    settled.add(HINTED, None)
    assert settled
    assert (settled.replies, settled.acks) == ({b"hiddengem:reply.a": [b"yes"]}, ["1-0", "2-0", "2-0"])


def test_what_could_not_be_written_joins_what_comes_next() -> None:
    first, second = Settled(), Settled()
    first.add(ASKED, b"yes")
    second.add(ASKED._replace(entry_id="3-0"), b"no")
    second.put_back(first)
    assert (second.replies, second.acks) == ({b"hiddengem:reply.a": [b"no", b"yes"]}, ["3-0", "1-0"])
