"""Turn what a feed or page says into plain text, and count what was taken away.

The texts are read by language models and shown to people, so whatever can hide in them goes: comments, scripts,
control and bidirectional characters, zero-width characters and tags. Cleaning twice changes nothing more, and the
work grows with the length of the text alone, whoever wrote it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST_TITLE = 300
LONGEST_BODY = 100_000

_ROUNDS = 5
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0")
_REASONS = {"Cc": "control", "Cf": "zero_width", "Cs": "surrogate", "Co": "private_use"}
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n ?")
_LOOSE_COMMENT = re.compile(r"<!--|-->")
_LOOSE_SCRIPT = re.compile(r"</?(?:script|style|iframe|object|embed)\b[^<>]*>?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A plain text and what was removed from the raw one, by kind."""

    text: str
    removed: Mapping[str, int] = field(default_factory=dict)


def clean(raw: str, limit: int = LONGEST_BODY) -> Cleaned:
    """Plain text in NFC of at most `limit` characters; idempotent."""
    removed: Counter[str] = Counter()
    text = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    for _ in range(_ROUNDS):
        before = text
        text = unicodedata.normalize("NFC", _without_markup(_seen(text, removed), removed))
        if text == before:
            break
    else:
        # What was taken away keeps putting new markup together: nothing honest looks like that.
        removed["markup"] += text.count("<") + text.count(">")
        text = unicodedata.normalize("NFC", text.replace("<", "").replace(">", ""))
    text = _tidy(text)
    if len(text) > limit:
        removed["truncated"] += len(text) - limit
        text = text[:limit].rstrip()
    return Cleaned(text, dict(removed))


def clean_title(raw: str) -> Cleaned:
    """A title: one line."""
    cleaned = clean(raw, LONGEST_TITLE)
    return Cleaned(cleaned.text.replace("\n", " "), cleaned.removed)


def _without_markup(text: str, removed: Counter[str]) -> str:
    if "<" not in text and "-->" not in text:
        return text
    for kind, opening, closing in (
        ("comment", "<!--", "-->"),
        ("script", "<script", "</script>"),
        ("script", "<style", "</style>"),
    ):
        text, cut = _cut(text, opening, closing)
        removed.update({kind: cut} if cut else {})
    text, comments = _LOOSE_COMMENT.subn("", text)
    text, scripts = _LOOSE_SCRIPT.subn("", text)
    removed.update({"comment": comments} if comments else {})
    removed.update({"script": scripts} if scripts else {})
    return text


def _cut(text: str, opening: str, closing: str) -> tuple[str, int]:
    """The text without what stands between the marks, and how often that was; an opening alone stays."""
    folded = _ascii_lower(text)
    kept: list[str] = []
    at = 0
    while (start := folded.find(opening, at)) >= 0 and (end := folded.find(closing, start + len(opening))) >= 0:
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]]), len(kept)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _ascii_lower(text: str) -> str:
    """Lower case of the letters that markup has, so that every position stays where it is."""
    return text.translate(_LOWER)


def _seen(text: str, removed: Counter[str]) -> str:
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    kept: list[str] = []
    for character in text:
        reason = _hidden(character)
        if reason is None:
            kept.append(character)
        elif reason == "space":
            kept.append(" ")
        else:
            removed[reason] += 1
    return "".join(kept)


def _hidden(character: str) -> str | None:
    """Why a character cannot be seen; None where it can, `space` for every kind of blank."""
    if character == "\n" or character.isprintable():
        return "zero_width" if character in _BLANK or _is_selector(character) else None
    category = unicodedata.category(character)
    if character == "\t" or category == "Zs":
        return "space"
    return "bidi" if character in _BIDI else _REASONS.get(category, "unassigned")


def _is_selector(character: str) -> bool:
    """Variation selectors carry hidden text as well as tags do."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _tidy(text: str) -> str:
    text = _LINES.sub("\n", _SPACES.sub(" ", text))
    return re.sub(r"\n{2,}", "\n", text).strip()
