"""What a site's robots.txt allows us, by RFC 9309: the group of our name, the longest match, allow wins a tie."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

PRODUCT = "hiddengem"
"""Our product token."""
_LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold for us: (path pattern, allowed), and the pause between requests the site asks for."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay_seconds: float = 0.0

    def allows(self, target: str) -> bool:
        """Whether `target` (path and query) may be fetched."""
        wanted = _normal(target)
        verdict, length = True, -1
        for pattern, allowed in self.rules:
            size = len(pattern)
            if (size > length or (size == length and allowed)) and _matches(pattern, wanted):
                verdict, length = allowed, size
        return verdict


EVERYTHING = Rules()
NOTHING = Rules((("/", False),))


def parse_robots(text: str, product: str = PRODUCT) -> Rules:
    """The rules of a robots.txt for `product`: its own groups, else those of `*`; other lines are skipped."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.lstrip("\ufeff").splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        key, value = name.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            agents = [value.lower()] if in_rules else [*agents, value.lower()]
            in_rules = False
            groups.setdefault(value.lower(), [])
        elif key in {"allow", "disallow", "crawl-delay"}:
            in_rules = True
            for agent in agents:
                groups[agent].append((key, value))
    return _rules(groups.get(product, groups.get("*", [])))


def _rules(lines: Sequence[tuple[str, str]]) -> Rules:
    rules = tuple((_normal(value), key == "allow") for key, value in lines if key != "crawl-delay" and value)
    delays = [float(value) for key, value in lines if key == "crawl-delay" and re.fullmatch(r"\d{1,6}(\.\d+)?", value)]
    return Rules(rules, min(max(delays, default=0.0), _LONGEST_DELAY))


def _normal(path: str) -> str:
    """Percent-encoded the same way on both sides of the comparison; `*`, `$` and `%2F` keep their meaning."""
    kept = re.sub(r"%(?=2[fF])", "\0", path)
    return quote(unquote_to_bytes(kept.encode("utf-8", "replace")), safe="/?&=*$:;,+@!~'()[]-._\0").replace("\0", "%")


def _matches(pattern: str, target: str) -> bool:
    """Whether `target` begins with `pattern`; `*` is anything, a last `$` the end. Linear for any pattern."""
    anchored = pattern.endswith("$")
    first, *others = (pattern[:-1] if anchored else pattern).split("*")
    if not target.startswith(first):
        return False
    at = len(first)
    if anchored and not others:
        return at == len(target)
    for i, part in enumerate(others):
        if anchored and i == len(others) - 1:
            return len(target) - len(part) >= at and target.endswith(part)
        found = target.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True
