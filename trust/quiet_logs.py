"""Logs that carry ids, never a child's data: numbers are masked, exceptions keep their place but not their words."""

import logging
import re
import traceback

from trust.request_context import current

_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{17}[\dXx]|\d{15}|1\d{10})(?![0-9A-Za-z])")
_BREAKS = str.maketrans(
    {"\r": "\\r", "\n": "\\n", "\x00": "\\0", "\x1b": "\\e", "\u2028": " ", "\u2029": " ", "\x85": " "}
)


def quiet(text):
    """One line without identity or phone numbers."""
    return _LONG_NUMBER.sub(lambda match: match[0][:2] + "*" * (len(match[0]) - 2), text).translate(_BREAKS)


def describe(exception):
    """Class names and places of an exception and its causes; messages may quote what a user typed."""
    parts, seen = [], set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        frames = traceback.extract_tb(exception.__traceback__)[-12:]
        where = " < ".join(
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames)
        )
        parts.append(f"{type(exception).__name__} at {where}" if where else type(exception).__name__)
        exception = exception.__cause__ or exception.__context__
    return " | caused by ".join(parts)


class QuietFilter(logging.Filter):
    """Rewrites a record before any handler formats it."""

    def filter(self, record):
        args = record.args
        if isinstance(args, dict) and ("exc" in args or "traceback" in args):  # Celery's task failures
            hidden = {"exc": "(见错误类型)", "traceback": "", "args": "", "kwargs": "", "return_value": ""}
            args = args | {name: text for name, text in hidden.items() if name in args}
        try:
            message = str(record.msg) % args if args else str(record.msg)
        except (TypeError, ValueError, KeyError):
            message = str(record.msg)
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        while error is not None:
            for words in filter(None, (repr(error), str(error))):
                message = message.replace(words, type(error).__name__)
            error = error.__cause__
        record.msg, record.args = quiet(message), ()
        return True


class OneLineFormatter(logging.Formatter):
    """One event, one line, with the request's number at its end."""

    def format(self, record):
        record.message = record.getMessage()
        record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            line += f" [{describe(record.exc_info[1])}]"
        request_id = current().request_id
        return quiet(f"{line} request={request_id}" if request_id else line)
