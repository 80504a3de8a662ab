"""HTML and SVG that cannot be broken by what is put into it.

In: tag names, attributes and text. Out: `Markup`. All text is escaped unless it is `Markup` already, so a file name
or a tag that holds `<script>` is shown, never run. Tag and attribute names are trusted: they come from our code.
"""

from __future__ import annotations

import base64
import html
import re
from typing import Any

_EMPTY = frozenset({"br", "img", "meta", "source", "wbr"})
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Anything as escaped text; control characters, turns of direction and broken letters become "\ufffd".

    Example:
        >>> text("<b> & 'c'")
        '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNFIT.sub("\ufffd", str(value))))


def join(*parts: object) -> Markup:
    """Parts in a row; None and "" leave nothing."""
    return Markup("".join(text(part) for part in parts if part is not None))


def element(tag: str, *children: object, **attributes: Any) -> Markup:
    """One element; attributes that are None or False are left out, True stands alone.

    Example:
        >>> element("a", "1 < 2", href="#x", class_="plain", data_t=3)
        '<a href="#x" class="plain" data-t="3">1 &lt; 2</a>'
    """
    named = (
        f" {_name(key)}" if value is True else f' {_name(key)}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    opening = f"<{tag}{''.join(named)}>"
    return Markup(opening if tag in _EMPTY else f"{opening}{join(*children)}</{tag}>")


def data_uri(mime: str, data: bytes) -> Markup:
    """Bytes as an address; base64 has nothing to escape."""
    return Markup(f"data:{mime};base64,{base64.b64encode(data).decode()}")


def _name(key: str) -> str:
    """`class_` is class, `data_t` is data-t; SVG's own names (viewBox) stay."""
    return key.rstrip("_").replace("_", "-")
