"""The names that calls use, and a call's parameters as they are read: refused where they are wrong, never rounded."""
from money import Refused, read

NAMES = {
    40001: "BAD_REQUEST", 40002: "METHOD_NOT_FOUND", 40003: "INVALID_REQUEST", 40004: "MISSING_OR_INVALID_ARGUMENT",
    40401: "NOT_FOUND", 40101: "UNAUTHORIZED", 40104: "USER_TIER_INVALID", 202: "ACCOUNT_IS_SUSPENDED",
    203: "ACCOUNTS_DO_NOT_MATCH", 401: "ACCOUNT_DOES_NOT_EXIST", 211: "INVALID_CURRENCY", 209: "INVALID_INSTRUMENT",
    208: "INSTRUMENT_NOT_TRADABLE", 309: "MARKET_IS_NOT_OPEN", 623: "INSTRUMENT_MUST_USE_ISOLATED_MARGIN",
    619: "UNSUPPORTED_OPERATION_ON_ISOLATED_POSITION", 220: "INVALID_SIDE", 218: "INVALID_ORDTYPE", 221: "INVALID_TIF",
    219: "INVALID_EXECINST", 230: "INVALID_REF_PRICE_TYPE", 229: "INVALID_REF_PRICE", 213: "INVALID_ORDERQTY",
    308: "INVALID_PRICE", 415: "BELOW_MIN_ORDER_SIZE", 314: "EXCEEDS_MAX_ORDER_SIZE", 204: "DUPLICATE_CLORDID",
    617: "DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN", 614: "EXCEEDS_ISOLATED_POSITION_LIMIT",
    613: "INVALID_ISOLATION_ID", 311: "POSITION_IS_IN_LIQUIDATION", 226: "INVALID_LEVERAGE", 316: "NO_ACTIVE_ORDER",
    212: "INVALID_ORDERID", 206: "INSTRUMENT_EXPIRED", 215: "INVALID_FEE_CURRENCY", 201: "NO_POSITION", 317: "POSITION_NO_EXIST", 216: "INVALID_POSITION_QTY",
    207: "NO_MARK_PRICE", 1110: "REDUCE_ONLY_REJECTED", 222: "STALE_MARK_PRICE", 43005: "POST_ONLY_REJ",
    312: "ORDER_PRICE_GREATER_THAN_LIMITUPPRICE", 313: "ORDER_PRICE_LESS_THAN_LIMITDOWNPRICE",
    315: "FAR_AWAY_LIMIT_PRICE", 224: "REJ_BY_MATCHING_ENGINE", 606: "EXCEED_ALLOWED_SLIPPAGE",
    43004: "IMMEDIATE_OR_CANCEL", 43003: "FILL_OR_KILL", 319: "EXCEEDS_MAX_POSITION_SIZE",
    318: "EXCEEDS_MAX_ALLOWED_ORDERS", 301: "ACCOUNT_IS_IN_MARGIN_CALL", 306: "INSUFFICIENT_AVAILABLE_BALANCE",
    304: "ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION", 43012: "SELF_TRADE_PREVENTION",
    310: "ORDER_PRICE_BEYOND_LIQUIDATION_PRICE", 30024: "MAX_AMOUNT_VIOLATED", 605: "INVALID_MARGIN_CALC",
}
TYPES = ("LIMIT", "MARKET", "STOP_LOSS", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LIMIT_KINDS = ("LIMIT", "STOP_LIMIT", "TAKE_PROFIT_LIMIT")
TIFS = ("GOOD_TILL_CANCEL", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL")
EXEC_INSTS = ("POST_ONLY", "SMART_POST_ONLY", "REDUCE_ONLY", "ISOLATED_MARGIN", "MARGIN_ORDER")
STATES = ("OPEN", "POST_ONLY", "REDUCE_ONLY", "CANCEL_ONLY", "HALTED", "SETTLED")
CLOSED = ("CANCEL_ONLY", "HALTED", "SETTLED")


def fits(text, decimals):
    """None when it is no decimal, or has too many decimals."""
    try:
        return read(text, decimals)
    except ValueError:
        return None


class Params:
    def __init__(self, params):
        if not isinstance(params, dict):
            raise Refused(40004)
        self.all = params

    def has(self, name):
        return self.all.get(name) is not None

    def text(self, name, default=None):
        value = self.all.get(name, default)
        if not isinstance(value, str):
            raise Refused(40004)
        return value

    def optional(self, name):
        return self.text(name) if self.has(name) else None

    def flag(self, name):
        return self.all.get(name) in (True, "true")

    def number(self, name, decimals=8):
        """A decimal that must be there and fit."""
        try:
            value = read(self.text(name), decimals)
        except ValueError:
            raise Refused(40004) from None
        if value is None:
            raise Refused(40004)
        return value

    def amount(self, name):
        value = self.number(name)
        if value <= 0:
            raise Refused(40004)
        return value

    def decimal_text(self, name):
        """A decimal whose form and fit are judged later; None when absent."""
        if not self.has(name):
            return None
        value = self.all[name]
        return value if isinstance(value, str) else "malformed"

    def list(self, name):
        value = self.all.get(name)
        if not isinstance(value, list):
            raise Refused(40004)
        return value
