"""Whole numbers only: rounding, decimal text, and an undo log that makes "try it and see" possible.

Money is in units of 1e-8 USD. Nothing here is clever: Python's integers have no upper end, so there is no
overflow to think about, and a trial is undone by putting every changed field back.
"""
import re

E8 = 10**8
E18 = 10**18
DECIMAL = re.compile(r"^(-?)(\d+)(?:\.(\d+))?$")


class Refused(Exception):
    """A call that is answered with an error code; `data` goes into error_data."""

    def __init__(self, code, **data):
        super().__init__(code)
        self.code = code
        self.data = data


def down(a, b):
    return a // b


def up(a, b):
    return -((-a) // b)


def to_zero(a, b):
    return a // b if a >= 0 else -((-a) // b)


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def read(text, decimals):
    """-> the number in 10^-decimals; None when it has more decimals than that; ValueError when it is none."""
    match = DECIMAL.match(text)
    if not match:
        raise ValueError(text)
    fraction = (match[3] or "").rstrip("0")
    if len(fraction) > decimals:
        return None
    value = int(match[2]) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    return -value if match[1] else value


def show(value, decimals=8):
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


# ---- The undo log ------------------------------------------------------------------------------

LOG = []
ABSENT = object()


class Kept:
    """Every assignment to a field is written down, so that it can be undone. Values are never changed in
    place: a list of orders is a tuple that is replaced."""

    def __setattr__(self, key, value):
        LOG.append((self.__dict__, key, self.__dict__.get(key, ABSENT)))
        self.__dict__[key] = value


class Table(dict):
    """A dictionary whose changes are written down as well. Use put and drop only."""

    def put(self, key, value):
        LOG.append((self, key, dict.get(self, key, ABSENT)))
        dict.__setitem__(self, key, value)

    def drop(self, key):
        LOG.append((self, key, dict.get(self, key, ABSENT)))
        dict.pop(self, key)


def savepoint():
    return len(LOG)


def rollback(point):
    while len(LOG) > point:
        place, key, old = LOG.pop()
        if old is ABSENT:
            dict.pop(place, key, None)
        else:
            dict.__setitem__(place, key, old)


def forget():
    LOG.clear()
