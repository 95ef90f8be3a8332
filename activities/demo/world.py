"""What every part of the making shares: chance, dates, and rows waiting to be inserted."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from simple_history.utils import get_history_manager_for_model

from registry.calendar import SHANGHAI, month_end, school_year_of, shanghai_midnight

from .names import Names
from .words import Words

BATCH = 4000


def first_month(until, months):
    """First day of the earliest of ``months`` months that end with that of ``until``."""
    number = until.year * 12 + until.month - 1 - (months - 1)
    return date(number // 12, number % 12 + 1, 1)


@dataclass
class World:
    """The county in the making. Nothing is entered on ``until`` or later: that day is today's to fill."""

    until: date
    months: int
    seed: int
    history: bool = True
    county: object = None
    calendar: object = None
    schools: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)

    def __post_init__(self):
        self.rng = random.Random(f"{self.seed}-{self.until}-{self.months}")  # noqa: S311 (invented data, no secret)
        self.names = Names(self.rng)
        self.words = Words(self.rng)
        self.start = first_month(self.until, self.months)
        # The roster was taken at the start of the school year of the first month.
        self.first_year = school_year_of(self.start)
        self.this_year = school_year_of(self.until)
        self.roster_on = date(self.first_year, 9, 1)
        self.cutoff = shanghai_midnight(self.until)
        self.waiting = {}
        self._school_days = {}

    def chance(self, probability):
        """True with that probability."""
        return self.rng.random() < probability

    def uid(self):
        """A uid that the seed decides."""
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)

    def moment(self, day, hour=16, minutes=300):
        """A moment of ``day`` after ``hour`` o'clock."""
        start = datetime.combine(day, time(hour), tzinfo=SHANGHAI)
        return start + timedelta(minutes=self.rng.randrange(minutes), seconds=self.rng.randrange(60))

    def known(self, moment):
        """``moment``, but not after what is known at the end."""
        return min(moment, self.cutoff - timedelta(minutes=1))

    def school_days(self, month):
        """School days of a month, those before ``until`` only; none in the holidays."""
        if month not in self._school_days:
            last = min(month_end(month), self.until - timedelta(days=1))
            count = (last - month).days + 1
            days = [month + timedelta(days=n) for n in range(max(count, 0))]
            self._school_days[month] = [day for day in days if self.calendar.is_school_day(day)]
        return self._school_days[month]

    def month_list(self):
        """First days of the months with care."""
        number = self.start.year * 12 + self.start.month - 1
        return [date(n // 12, n % 12 + 1, 1) for n in range(number, number + self.months)]

    def part_gone(self, month):
        """How much of a month is over: 1 for those before the last."""
        if month < self.until.replace(day=1):
            return 1.0
        return (self.until - month).days / month_end(month).day

    # Rows

    def add(self, row, *, changed_at=None):
        """A row for the next ``flush``, with its uid; ``changed_at`` dates the first row of its history."""
        model = type(row)
        if hasattr(model, "uid"):
            row.uid = self.uid()
        if changed_at is not None:
            row._history_date = changed_at
        self.waiting.setdefault(model, []).append(row)
        return row

    def flush(self, *order):
        """Inserts what waits, in this order of tables."""
        for model in order:
            rows = self.waiting.pop(model, [])
            self.counts[model.__name__] = self.counts.get(model.__name__, 0) + len(rows)
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                model.objects.bulk_create(part)
                if self.history and hasattr(model, "history"):
                    get_history_manager_for_model(model).bulk_history_create(part)
