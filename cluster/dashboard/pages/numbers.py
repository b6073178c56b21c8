"""Numbers, times and sizes as people read them."""

from __future__ import annotations

import math
import time
from typing import Any

from cluster.dashboard.readers.tail import is_real

MISSING = "\N{EN DASH}"


def number(value: Any, digits: int = 3) -> str:
    """Three significant digits and a unit prefix: 3 175 040 is `3.18 M`, 0.18573 is `0.186`."""
    if not is_real(value):
        return MISSING
    if value < 0:
        return "\N{MINUS SIGN}" + number(-value, digits)
    for limit, scale, prefix in ((999.5e6, 1e9, "G"), (999.5e3, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= limit:
            return f"{significant(value / scale, digits)}\N{NARROW NO-BREAK SPACE}{prefix}"
    if isinstance(value, int) or (value >= 1000 and value == int(value)):
        return whole(value)
    if value >= 1000:
        return whole(round(value))
    if value and value < 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e\N{MINUS SIGN}{-int(exponent)}"
    return significant(value, digits)


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits, without exponent, trailing zeros kept."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return f"{value:.{max(0, places - 1)}f}" if len(text.strip("-").replace(".", "").lstrip("0")) > digits else text


def whole(value: float) -> str:
    """A whole number with thin spaces between thousands: `3 175 040`."""
    if not is_real(value):
        return MISSING
    return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def percent(value: Any) -> str:
    """A share in [0, 1] in percent: `26 %`."""
    if not is_real(value):
        return MISSING
    return f"{100 * value:.0f}\N{NARROW NO-BREAK SPACE}%"


def duration(seconds: Any) -> str:
    """Seconds in their two largest units: `48 s`, `15 min`, `1 h 30 min`, `3 d 4 h`."""
    if not is_real(seconds):
        return MISSING
    total = round(max(0, seconds))
    space = "\N{NO-BREAK SPACE}"
    if total < 60:
        return f"{total}{space}s"
    minutes = round(total / 60)
    if minutes < 60:
        return f"{minutes}{space}min"
    if minutes < 24 * 60:
        rest = f"{space}{minutes % 60}{space}min" if minutes % 60 else ""
        return f"{minutes // 60}{space}h{rest}"
    hours = round(total / 3600)
    rest = f"{space}{hours % 24}{space}h" if hours % 24 else ""
    return f"{hours // 24}{space}d{rest}"


def ago(moment: Any, now: float | None = None) -> str:
    """The time since a Unix time, in its largest unit: `5 min ago`, `3 h ago`."""
    if not is_real(moment):
        return MISSING
    seconds = (time.time() if now is None else now) - moment
    if seconds < 5:
        return "just now"
    for unit in (24 * 3600, 3600):
        if seconds >= unit:
            seconds = seconds // unit * unit
            break
    return f"{duration(seconds)}\N{NO-BREAK SPACE}ago"


def clock(moment: Any) -> str:
    """A Unix time as `2026-11-22 09:10:29` in UTC."""
    if not is_real(moment):
        return MISSING
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
    except (OverflowError, ValueError, OSError):  # a year that no calendar has
        return MISSING


def size(count: Any) -> str:
    """A number of bytes: `1.4 GB`."""
    if not is_real(count):
        return MISSING
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{significant(count / limit, 3)}\N{NARROW NO-BREAK SPACE}{unit}"
    return f"{count:.0f}\N{NARROW NO-BREAK SPACE}B"
