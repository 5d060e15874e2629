"""robots.txt as RFC 9309 reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.newswire.robots import EVERYTHING, parse_robots


@pytest.mark.parametrize(
    ("text", "target", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nAllow: /a\nDisallow: /a", "/a", True),
        ("User-agent: *\nDisallow: /*.shtml$", "/csrc/list.shtml", False),
        ("User-agent: *\nDisallow: /*.shtml$", "/csrc/list.shtml?x=1", True),
        ("User-agent: *\nDisallow: /a*b*c", "/a1b2c3", False),
        ("User-agent: *\nDisallow: /s?q=", "/s?q=1", False),
        ("User-agent: a\nUser-agent: *\nDisallow: /x", "/x", False),
        ("User-agent: other\nDisallow: /", "/x", True),
        ("User-agent: HiddenGem\nAllow: /\nUser-agent: *\nDisallow: /", "/x", True),
        ("User-agent: *\nDisallow: /\nUser-agent: hiddengem\nDisallow: /only", "/x", True),
        ("User-agent: *\nDisallow: /%E6%94%BF", "/政", False),
        ("User-agent: *\nDisallow: /政", "/%e6%94%bf/x", False),
        ("# nothing\r\nUser-agent:*\r\nDisallow:/a # why", "/a", False),
        ("\ufeffUser-agent: *\nDisallow: /a", "/a", False),
        ("Sitemap: x\nnonsense\nDisallow: /", "/x", True),
    ],
)
def test_rules_are_read_as_the_standard_says(text: str, target: str, allowed: bool) -> None:
    assert parse_robots(text).allows(target) is allowed


def test_a_pause_that_is_asked_for_is_kept_within_reason() -> None:
    assert parse_robots("User-agent: *\nCrawl-delay: 10").delay_seconds == 10
    assert parse_robots("User-agent: *\nCrawl-delay: 86400").delay_seconds == 60
    assert parse_robots("User-agent: *\nCrawl-delay: soon").delay_seconds == 0


@given(st.text(max_size=400), st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str, target: str) -> None:
    parse_robots(text).allows(target)


def test_a_pattern_made_to_be_slow_is_not() -> None:
    rules = parse_robots("User-agent: *\nDisallow: /" + "*a" * 200 + "$")
    assert rules.allows("/" + "a" * 1900 + "b")
    assert EVERYTHING.allows("/")
