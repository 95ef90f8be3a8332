"""Histories: small but nasty invented counties in the facts format (``docs/facts.md``), made from one number.

``worlds()`` is the hypothesis strategy, ``world_from_seed(seed)`` the same without hypothesis, ``moments(world)``
chooses a month and a moment to check it at. A world is built by plain random numbers, each child with numbers of
its own, so that a failing history shrinks to few children with few contacts and otherwise stays what it was.
"""

import random
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st

SHANGHAI = timezone(timedelta(hours=8))
ONE_DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
PARENTS = ("father", "mother")
LEADING_GROUP = ("leader", "deputy", "group_office", "group_member")

# The channels that each kind of contact can have.
CHANNELS = {
    "talk": ("in_person", "in_person", "phone", "video"),
    "home_visit": ("in_person",),
    "guardian_contact": ("in_person", "phone", "video", "message"),
    "family_call": ("phone", "video"),
    "letter": ("letter",),
}

# What the county is looked at for: year ends, leap February, term borders, National Day, summer.
FOCUS_MONTHS = [
    (2026, 9),
    (2026, 10),
    (2026, 11),
    (2026, 12),
    (2027, 1),
    (2027, 2),
    (2027, 3),
    (2027, 4),
    (2027, 5),
    (2027, 6),
    (2027, 7),
    (2027, 8),
    (2027, 9),
    (2027, 10),
    (2027, 12),
    (2028, 1),
    (2028, 2),
    (2028, 2),
    (2028, 3),
    (2028, 6),
    (2028, 8),
]


def rule(code, name, subject="child", **fields):
    """A rule row with everything that its sentence leaves unsaid."""
    applies_to = dict.fromkeys(
        ("grade_from", "grade_to", "boarding", "away", "priority", "paired", "proxied", "parent_reachable")
    )
    row = {
        "code": code,
        "name": name,
        "owner": None,
        "replaces_county": False,
        "subject": subject,
        "measure": "records",
        "kinds": [],
        "channels": [],
        "parties": [],
        "counts_attempts": False,
        "actors": [],
        "minimum": 1,
        "maximum": None,
        "per": "month",
        "within_days": None,
        "applies_to": {"stages": []} | applies_to | fields.pop("applies_to", {}),
        "responsible": "class_teacher",
        "strength": "must",
        "active": True,
        "valid_from": "2000-01-01",
        "valid_to": None,
        "source_text": "",
        "source": "",
    }
    return row | fields


SEEDED_RULES = [
    rule(
        "F02",
        "班主任每月谈心",
        kinds=["talk", "home_visit"],
        parties=["child"],
        actors=["class_teacher"],
        per="month",
    ),
    rule(
        "F04",
        "每周有人谈心",
        kinds=["talk", "home_visit"],
        parties=["child"],
        actors=["any_staff"],
        per="week",
        active=False,
    ),
    rule("F08", "班主任每学期家访", kinds=["home_visit"], actors=["class_teacher"], per="term"),
    rule(
        "F09",
        "结对教师每学期家访",
        kinds=["home_visit"],
        actors=["paired"],
        per="term",
        applies_to={"paired": True},
        responsible="paired",
        active=False,
    ),
    rule(
        "F12",
        "领导小组每季度面见监护人",
        kinds=["guardian_contact", "home_visit"],
        channels=["in_person"],
        parties=["guardian"],
        actors=["leading_group"],
        per="quarter",
        responsible="leader",
        active=False,
    ),
    rule(
        "F14",
        "结对教师每月联系父母",
        kinds=["guardian_contact"],
        channels=["phone", "video", "in_person"],
        parties=["father", "mother"],
        actors=["paired"],
        per="month",
        applies_to={"paired": True, "parent_reachable": True},
        responsible="paired",
    ),
    rule(
        "F24",
        "每周亲情通话",
        kinds=["family_call"],
        channels=["phone", "video"],
        parties=["father", "mother"],
        actors=["any_staff"],
        per="week",
        applies_to={"paired": True, "parent_reachable": True},
        responsible="paired",
        strength="inform",
        active=False,
    ),
    rule(
        "F25",
        "每月亲情通话",
        kinds=["family_call"],
        channels=["phone", "video"],
        parties=["father", "mother"],
        per="month",
        applies_to={"parent_reachable": True},
    ),
    rule(
        "F39", "之家每周开放", subject="center", kinds=["opening"], per="week", responsible="center_manager"
    ),
    rule("F44", "每周参加活动", kinds=["attendance"], per="week", active=False),
    rule(
        "F63",
        "每人结对一至两名",
        subject="staff",
        measure="open_primary_pairings",
        actors=["any_staff"],
        maximum=2,
        responsible="self",
        strength="inform",
        active=False,
    ),
    rule("F64", "每个孩子有人结对", measure="open_primary_pairings", maximum=1, responsible="leader"),
]

SUBJECTS = ("child", "class", "school", "center", "staff")


def worlds(subjects=SUBJECTS):
    """Hypothesis strategy: facts of a small county; shrinks by number of children and of contacts."""
    return st.builds(
        build_world,
        seed=st.integers(0, 2**32 - 1),
        children=st.integers(1, 12),
        contacts=st.integers(0, 24),
        subjects=st.just(subjects),
    )


def world_from_seed(seed, subjects=SUBJECTS):
    """The same without hypothesis: one number, one county."""
    r = random.Random(f"{seed}/size")
    return build_world(seed=seed, children=r.randint(4, 12), contacts=r.randint(4, 24), subjects=subjects)


def moments(world):
    """Hypothesis strategy: a month and a moment to check it at."""
    return st.integers(0, 2**32 - 1).map(lambda seed: moment_from_seed(world, seed))


def moment_from_seed(world, seed):
    """(month, as_of): months in which something happened; moments at the borders that the ledger knows."""
    r = random.Random(f"{seed}/moment")
    days = [date.fromisoformat(row["day"]) for row in world["contacts"]]
    days = days or [
        date.fromisoformat(term["starts_on"]) + timedelta(days=40) for term in world["terms"][2:4]
    ]
    first = r.choice(days).replace(day=1)
    if r.random() < 0.35:
        first = next_month(first)
    month = f"{first:%Y-%m}"
    end = at(next_month(first))
    closing = closing_of(world, first)
    candidates = [
        *[closing - SECOND, closing, closing + SECOND] * 3,
        *[end - SECOND, end, end + SECOND],
        at(first),
        at(first) - timedelta(days=3),
        *[at(first + timedelta(days=r.randint(0, 30)), "16:30:00") for _ in range(3)],
        *[at(next_month(first) + timedelta(days=r.randint(0, 5)), "02:00:00") for _ in range(2)],
        end + timedelta(days=20),
        end + timedelta(days=60),
        end + timedelta(days=500),
    ]
    texts = [row.get(key) for row in world["contacts"] for key in ("recorded_at", "cancelled_at")]
    texts += [row.get(key) for row in world["excuses"] for key in ("approved_at", "revoked_at")]
    texts += [row["recorded_at"] for row in world["pairings"]]
    texts = [text for text in texts if text]
    if texts and r.random() < 0.2:
        return month, moment_of(r.choice(texts)) + r.choice([-SECOND, 0 * SECOND, SECOND])
    return month, r.choice(candidates)


# --- Days and moments


def next_month(first):
    """The first day of the month after."""
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def at(day, clock="00:00:00"):
    """A moment in Shanghai."""
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=SHANGHAI)


def moment_of(text):
    """A moment of the facts read back."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def closing_of(world, first):
    """The closing moment of the month that begins on this day."""
    for row in world["closings"]:
        if row["month"] == f"{first:%Y-%m}":
            closes_on = row["closes_on"]
            closes_on = date.fromisoformat(closes_on) if isinstance(closes_on, str) else closes_on
            return at(closes_on + ONE_DAY)
    return at(next_month(first).replace(day=world["county"]["closing_day"]) + ONE_DAY)


def as_json(value, r):
    """Dates and moments as texts; moments with Shanghai's offset, another one, or none at all."""
    if isinstance(value, dict):
        return {key: as_json(inner, r) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner, r) for inner in value]
    if isinstance(value, datetime):
        form = r.random()
        if form < 0.5:
            return value.replace(tzinfo=None).isoformat()
        return value.isoformat() if form < 0.8 else value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def covers(spell, day):
    """Whether a spell that was not cancelled holds on the day."""
    return (
        not spell.get("cancelled_at")
        and spell["starts_on"] <= day
        and (spell["ends_on"] is None or day <= spell["ends_on"])
    )


# --- The world


def build_world(*, seed, children, contacts, subjects=SUBJECTS):
    """Facts of a small invented county with `children` children and up to `contacts` contacts for each."""
    world = History(seed, children, contacts, subjects)
    return as_json(world.facts, random.Random(f"{seed}/json"))


class History:
    """Builds the facts list by list; every part draws from random numbers of its own."""

    def __init__(self, seed, children, contacts, subjects):
        self.seed = seed
        self.size = children
        self.contacts_each = contacts
        self.subjects = subjects
        year, month = self.random("focus").choice(FOCUS_MONTHS)
        self.focus = date(year, month, 1)
        self.school_year = year if month >= 9 else year - 1
        # Long enough before the focus for a term with its holiday, long enough after for late entries.
        self.start = self.focus - timedelta(days=75)
        self.end = next_month(self.focus) + timedelta(days=20)
        self.beginning = date(self.school_year - 1, 9, 1)
        self.facts = {"county": {}, "seeded_rules": False} | {name: [] for name in LIST_NAMES}
        self.add_county()
        self.add_calendar()
        self.add_schools()
        self.add_classes()
        self.add_staff()
        self.add_centers()
        self.add_covers()
        self.add_rules()
        for number in range(1, children + 1):
            self.add_child(number)
        self.add_activities()
        self.add_openings()
        self.add_excuses()

    # Drawing

    def random(self, *names):
        """Random numbers for one part of the world."""
        return random.Random("/".join(str(name) for name in (self.seed, *names)))

    def some_day(self, r, first=None, last=None):
        """A day of the window, rather one at a border than any."""
        first = first or self.start
        last = last or self.end
        month = r.choice([self.focus, self.focus, self.focus - ONE_DAY]).replace(day=1)
        month_end = next_month(month) - ONE_DAY
        borders = [month, month + ONE_DAY, month.replace(day=8), month.replace(day=14), month.replace(day=15)]
        borders += [month.replace(day=16), month.replace(day=17), month_end - ONE_DAY, month_end]
        borders += [border for term in self.facts["terms"] for border in (term["starts_on"], term["ends_on"])]
        borders += [border + ONE_DAY for border in borders[-4:]]
        borders = [day for day in borders if first <= day <= last]
        if borders and r.random() < 0.5:
            return r.choice(borders)
        return first + timedelta(days=r.randint(0, max(0, (last - first).days)))

    def entered(self, r, day):
        """When something of that day was entered: never before it, up to 40 days after, also at the borders."""
        if r.random() < 0.12:
            closing = closing_of(self.facts, day.replace(day=1))
            return closing + r.choice([-SECOND, 0 * SECOND, SECOND])
        lag = r.choice([0, 0, 0, 0, 0, 0, 1, 2, 7, 13, 14, 14, 15, 15, 16, 20, 30, 40])
        return at(day + timedelta(days=lag), r.choice(["00:00:00", "08:30:00", "16:20:00", "23:59:59"]))

    def cancelled(self, r, entered, chance=0.12):
        """Perhaps cancelled at a later moment."""
        if r.random() >= chance:
            return None
        closing = closing_of(self.facts, entered.astimezone(SHANGHAI).date().replace(day=1))
        later = r.choice([timedelta(minutes=5), timedelta(days=3), timedelta(days=25)])
        return r.choice([entered + later, entered + later, closing, closing - SECOND, closing + SECOND])

    def spells(self, r, first, *, count, gap=0.3, last_open=0.75):
        """(starts_on, ends_on) of up to `count` spells that do not overlap, the first from `first` on."""
        borders = sorted({self.some_day(r, max(first + ONE_DAY, self.start)) for _ in range(count - 1)})
        found, start = [], first
        for border in borders:
            if border <= start:
                continue
            found.append((start, border - ONE_DAY))
            start = border + timedelta(days=r.choice([1, 2, 6, 15, 31])) if r.random() < gap else border
        end = None
        if r.random() >= last_open:
            end = max(start, self.some_day(r, max(start, self.start)))
        return [*found, (start, end)]

    # County, calendar, schools

    def add_county(self):
        """The county with its closing day, for the month looked at perhaps another one."""
        r = self.random("county")
        closing_day = r.choice([5, 5, 5, 3, 8])
        self.facts["county"] = {"code": "341299", "name": "青溪县", "closing_day": closing_day}
        if r.random() < 0.3:
            closes_on = next_month(self.focus).replace(day=r.randint(6, 14))
            self.facts["closings"].append({"month": f"{self.focus:%Y-%m}", "closes_on": closes_on})
        self.facts["districts"].append({"id": "d1", "name": "城东学区"})

    def add_calendar(self):
        """Three school years with holidays and make-up days; a later one may be unconfirmed or missing."""
        r = self.random("calendar")
        for year in range(self.school_year - 1, self.school_year + 2):
            is_next = year > self.school_year
            if is_next and r.random() < 0.2:
                continue
            confirmed = r.random() < (0.6 if is_next else 0.97)
            self.facts["school_years"].append({"year": year, "confirmed": confirmed})
            autumn = date(year, 9, 1) + timedelta(days=r.choice([0, 0, 0, 0, -4, -1, 1, 3]))
            spring = date(year + 1, 2, 8) + timedelta(days=r.randint(0, 22))
            for season, starts_on, ends_on in (
                ("autumn", autumn, date(year + 1, 1, r.randint(8, 26))),
                ("spring", spring, date(year + 1, 6, 26) + timedelta(days=r.randint(0, 16))),
            ):
                term = {"year": year, "season": season, "starts_on": starts_on, "ends_on": ends_on}
                self.facts["terms"].append(term)
            self.add_public_holidays(year)
        for _ in range(r.randint(0, 6)):
            self.add_day(self.some_day(r), None, r.choice(["holiday", "school_day"]), "县里安排")
        if r.random() < 0.25:
            self.add_closure(r, None)

    def add_public_holidays(self, year):
        """National Day, New Year, 清明 and 五一, with make-up days (调休) on weekends."""
        for first, days in (
            (date(year, 10, 1), 7),
            (date(year + 1, 1, 1), 3),
            (date(year + 1, 4, 4), 3),
            (date(year + 1, 5, 1), 5),
        ):
            for number in range(days):
                self.add_day(first + timedelta(days=number), None, "holiday", "放假")
            if days > 3:
                before = next(
                    first - timedelta(days=n) for n in range(1, 8) if is_weekend(first - timedelta(days=n))
                )
                after = next(
                    first + timedelta(days=n)
                    for n in range(days, 15)
                    if is_weekend(first + timedelta(days=n))
                )
                self.add_day(before, None, "school_day", "调休上课")
                self.add_day(after, None, "school_day", "调休上课")

    def add_day(self, day, school, kind, name):
        """One entry for a day, unless there is one."""
        if not any(row["day"] == day and row["school"] == school for row in self.facts["days"]):
            self.facts["days"].append({"day": day, "school": school, "kind": kind, "name": name})

    def add_closure(self, r, school):
        """No school for some days, such as after a flood."""
        first = self.some_day(r)
        for number in range(r.randint(2, 20)):
            self.add_day(first + timedelta(days=number), school, "holiday", "停课")

    def add_schools(self):
        """One to three schools, often a 教学点 of the first, sometimes a 五四 school, with their own days."""
        r = self.random("schools")
        count = r.choice([1, 2, 2, 3, 3])
        names = ["石门小学", "清河学校", "石门小学柳溪教学点"]
        kinds = {1: [1], 2: r.choice([[1, 2], [1, 3]]), 3: [1, 2, 3]}[count]
        for number in kinds:
            managed = number == 3
            used = self.beginning if r.random() < 0.8 else self.some_day(r)
            self.facts["schools"].append(
                {
                    "id": f"s{number}",
                    "code": f"QX00{number}",
                    "name": names[number - 1],
                    "district": "d1",
                    "stages": ["kindergarten", "primary"] if managed else ["primary", "junior"],
                    "system": "54" if number == 2 and r.random() < 0.6 else "63",
                    "managing_school": "s1" if managed else None,
                    "first_used_on": used,
                    "ends_on": None,
                }
            )
            for _ in range(r.choice([0, 0, 1, 3, 5])):
                day = self.some_day(r)
                if r.random() < 0.5 and self.facts["days"]:
                    day = r.choice(self.facts["days"])["day"]
                self.add_day(day, f"s{number}", r.choice(["holiday", "school_day"]), "本校安排")
            if r.random() < 0.15:
                self.add_closure(r, f"s{number}")

    def add_classes(self):
        """Two to five classes; among them first classes and such as end with this school year."""
        r = self.random("classes")
        taken = set()
        for number in range(1, r.randint(2, 5) + 1):
            school = r.choice(self.facts["schools"])
            stage = r.choice(school["stages"])
            years = years_in_stage(school, stage)
            entry_year = self.school_year - r.choice([0, 1, years - 1, years - 1, r.randint(0, years - 1)])
            key = (school["id"], stage, entry_year)
            taken.add(key)
            ends_on = self.some_day(r, self.focus) if r.random() < 0.06 else None
            self.facts["classes"].append(
                {
                    "id": f"c{number}",
                    "school": school["id"],
                    "stage": stage,
                    "entry_year": entry_year,
                    "number": number,
                    "ends_on": ends_on,
                }
            )

    def class_span(self, school_class):
        """First and last day on which a child may sit in this class."""
        first = max(self.beginning, date(school_class["entry_year"], 9, 1))
        if school_class["ends_on"]:
            return first, school_class["ends_on"]
        school = self.by_id("schools", school_class["school"])
        last_year = school_class["entry_year"] + years_in_stage(school, school_class["stage"]) - 1
        for term in self.facts["terms"]:
            if term["year"] == last_year and term["season"] == "spring":
                return first, term["ends_on"]
        return first, date(last_year + 1, 7, 31)

    def by_id(self, name, identifier):
        """A row of the facts."""
        return next(row for row in self.facts[name] if row["id"] == identifier)

    # Staff

    def add_staff(self):
        """Leaders, offices, class teachers: with changes, gaps, several posts at once, posts at two schools."""
        for school in self.facts["schools"]:
            r = self.random("staff", school["id"])
            managed = school["managing_school"] is not None
            people = [
                f"{school['id']}t{number}" for number in range(1, (3 if managed else r.randint(4, 6)) + 1)
            ]
            for number, person in enumerate(people, 1):
                self.facts["staff"].append(
                    {
                        "id": person,
                        "name": f"教师{school['id'][1:]}{number}",
                        "school": school["id"],
                        "phone": f"1380000{school['id'][1:]}{number:03}",
                    }
                )
            if not managed or r.random() < 0.5:
                for person, (starts_on, ends_on) in zip(
                    r.sample(people, 2),
                    self.spells(r, self.beginning, count=r.choice([1, 1, 2])),
                    strict=False,
                ):
                    self.add_post(person, "leader", school["id"], starts_on, ends_on)
            for kind, chance in (
                ("group_office", 0.6),
                ("group_office", 0.2),
                ("deputy", 0.3),
                ("group_member", 0.4),
            ):
                if r.random() < chance:
                    starts_on, ends_on = self.spells(
                        r, r.choice([self.beginning, self.some_day(r)]), count=1
                    )[0]
                    self.add_post(r.choice(people), kind, school["id"], starts_on, ends_on)
            for school_class in self.facts["classes"]:
                if school_class["school"] == school["id"]:
                    self.add_class_teachers(r, school_class, people)
            for person in people:
                if r.random() < 0.4:
                    kind = r.choice(["archivist", "duty_teacher", "teacher"])
                    starts_on = r.choice([self.beginning, self.beginning, self.some_day(r)])
                    ends_on = self.some_day(r, max(starts_on, self.start)) if r.random() < 0.15 else None
                    self.add_post(person, kind, school["id"], starts_on, ends_on)
        r = self.random("staff", "elsewhere")
        if len(self.facts["schools"]) > 1 and r.random() < 0.5:
            person = r.choice(self.facts["staff"])
            others = [row["id"] for row in self.facts["schools"] if row["id"] != person["school"]]
            self.add_post(person["id"], "teacher", r.choice(others), self.some_day(r) + ONE_DAY, None)
        if r.random() < 0.4:
            self.facts["staff"].append({"id": "o1", "name": "县干部", "school": None, "phone": "13800000999"})
            self.add_post("o1", "county_officer", None, self.beginning, None)

    def add_class_teachers(self, r, school_class, people):
        """One class teacher at a time, perhaps with a change and a gap."""
        first, _ = self.class_span(school_class)
        for starts_on, ends_on in self.spells(r, first, count=r.choice([1, 1, 2, 3]), last_open=0.93):
            person = r.choice(people)
            self.add_post(
                person,
                "class_teacher",
                school_class["school"],
                starts_on,
                ends_on,
                school_class=school_class["id"],
            )

    def add_post(self, person, kind, school, starts_on, ends_on, school_class=None, center=None):
        """One post, unless the same person holds the same post then."""
        for row in self.facts["posts"]:
            same = (row["staff"], row["kind"], row["school"], row["class"], row["center"])
            if same == (person, kind, school, school_class, center) and (
                row["ends_on"] is None or starts_on <= row["ends_on"]
            ):
                return
        self.facts["posts"].append(
            {
                "staff": person,
                "kind": kind,
                "school": school,
                "grade": None,
                "class": school_class,
                "center": center,
                "starts_on": starts_on,
                "ends_on": ends_on,
            }
        )

    def post_holders(self, day, kinds, **where):
        """Who holds such a post on the day."""
        return [
            row["staff"]
            for row in self.facts["posts"]
            if row["kind"] in kinds
            and covers(row, day)
            and all(row[key] == value for key, value in where.items())
        ]

    def add_centers(self):
        """A center at most schools, sometimes one of the township; services that begin or end in between."""
        r = self.random("centers")
        places = [(school["id"], "school") for school in self.facts["schools"] if r.random() < 0.7]
        places += [(None, "township")] if r.random() < 0.3 else []
        for number, (school, operator) in enumerate(places, 1):
            starts_on, ends_on = self.beginning, None
            if r.random() < 0.25:
                starts_on = self.some_day(r)
            if r.random() < 0.2:
                ends_on = max(starts_on, self.some_day(r))
            self.facts["centers"].append(
                {
                    "id": f"h{number}",
                    "name": f"留守儿童之家{number}",
                    "school": school,
                    "operator": operator,
                    "starts_on": starts_on,
                    "ends_on": ends_on,
                }
            )
            people = [row["id"] for row in self.facts["staff"] if row["school"] == school]
            if school and r.random() < 0.7:
                for spell in self.spells(r, starts_on, count=r.choice([1, 2])):
                    self.add_post(r.choice(people), "center_manager", school, *spell, center=f"h{number}")

    def add_covers(self):
        """Members of the leading group cover classes, with changes."""
        for school_class in self.facts["classes"]:
            r = self.random("covers", school_class["id"])
            if r.random() < 0.5:
                continue
            first, _ = self.class_span(school_class)
            for starts_on, ends_on in self.spells(r, first, count=r.choice([1, 2])):
                members = self.post_holders(starts_on, LEADING_GROUP, school=school_class["school"])
                if members:
                    self.facts["covers"].append(
                        {
                            "staff": r.choice(members),
                            "class": school_class["id"],
                            "starts_on": starts_on,
                            "ends_on": ends_on,
                        }
                    )

    # Children

    def add_child(self, number):
        """One child with everything that is kept from–to about it, and its contacts."""
        r = self.random("child", number)
        child = f"k{number}"
        self.facts["children"].append(
            {
                "id": child,
                "name": f"孩子{'甲乙丙丁戊己庚辛壬癸子丑'[(number - 1) % 12]}",
                "sex": r.choice(["female", "male"]),
                "birth_date": date(self.school_year - r.randint(6, 14), r.randint(1, 12), r.randint(1, 28)),
                "id_number": None,
                "village": r.choice(["柳溪村", "石门村"]),
                "address": None,
            }
        )
        first = self.add_enrollments(r, child)
        self.add_care_list(r, child, first)
        for kind, chance in (("boarding", 0.4), ("priority", 0.25), ("hardship", 0.1)):
            if r.random() < chance:
                start = r.choice([first, self.some_day(r, max(first, self.start))])
                for starts_on, ends_on in self.spells(r, start, count=r.choice([1, 2])):
                    row = {"child": child, "kind": kind, "starts_on": starts_on, "ends_on": ends_on}
                    self.facts["traits"].append(row)
        self.add_family(r, child, number, first)
        self.add_pairings(r, child, first)
        if r.random() < 0.25:
            starts_on = self.some_day(r).replace(day=1)
            ends_on = self.some_day(r, starts_on) if r.random() < 0.3 else None
            approved_at = at(starts_on + timedelta(days=r.randint(5, 40)), "09:00:00")
            self.facts["unreachable"].append(
                {"child": child, "starts_on": starts_on, "ends_on": ends_on, "approved_at": approved_at}
            )
        self.add_contacts(self.random("contacts", number), child, number, first)

    def add_enrollments(self, r, child):
        """Stays, moves between classes and schools, gaps, spells without a class; returns the first day."""
        first = r.choice([self.beginning, self.beginning, date(self.school_year, 9, 1), self.some_day(r)])
        school = r.choice(self.facts["schools"])["id"]
        for starts_on, ends_on in self.spells(r, first, count=r.choice([1, 1, 1, 2, 2, 3]), gap=0.25):
            if r.random() < 0.3:
                school = r.choice(self.facts["schools"])["id"]
            options = [None]
            for row in self.facts["classes"]:
                earliest, latest = self.class_span(row)
                if row["school"] == school and earliest <= starts_on <= latest:
                    options += [row["id"]] * 4
            school_class = r.choice(options)
            if school_class and ends_on:
                ends_on = min(ends_on, self.class_span(self.by_id("classes", school_class))[1])
            self.facts["enrollments"].append(
                {
                    "child": child,
                    "school": school,
                    "class": school_class,
                    "starts_on": starts_on,
                    "ends_on": ends_on,
                }
            )
        return first

    def enrollment(self, child, day):
        """The enrollment of a day."""
        return next((r for r in self.facts["enrollments"] if r["child"] == child and covers(r, day)), None)

    def add_care_list(self, r, child, first):
        """On the list from the first day or later; with gaps, changes of type and one entered by mistake."""
        start = first if r.random() < 0.75 else self.some_day(r, max(first, self.start))
        for starts_on, ends_on in self.spells(r, start, count=r.choice([1, 1, 1, 2, 2]), last_open=0.85):
            self.facts["care_list"].append(
                {
                    "child": child,
                    "type": r.choice(["both_away", "both_away", "one_away"]),
                    "starts_on": starts_on,
                    "ends_on": ends_on,
                }
            )

    def add_family(self, r, child, number, first):
        """Grandmother and parents; siblings share them; a parent may care at home, and may have died."""
        if number > 1 and r.random() < 0.3:
            shared = [row for row in self.facts["kinships"] if row["child"] == f"k{number - 1}"]
            adults = {row["relation"]: row["guardian"] for row in shared}
        else:
            adults = {}
            for relation, chance, name in (
                ("grandmother", 0.9, "奶"),
                ("father", 0.85, "父"),
                ("mother", 0.75, "母"),
            ):
                if r.random() < chance:
                    adults[relation] = f"g{number}{relation[0]}"
                    died = relation in PARENTS and r.random() < 0.12
                    self.facts["guardians"].append(
                        {
                            "id": adults[relation],
                            "name": f"{name}{number}",
                            "sex": "male" if relation == "father" else "female",
                            "phones": [f"1390000{number:03}{len(adults)}"],
                            "died_on": self.some_day(r) if died else None,
                        }
                    )
        for relation, guardian in adults.items():
            self.facts["kinships"].append({"child": child, "guardian": guardian, "relation": relation})
        if not adults:
            return
        for starts_on, ends_on in self.spells(r, first, count=r.choice([1, 2, 3])):
            guardian = r.choice(list(adults.values()))
            self.facts["guardianships"].append(
                {
                    "child": child,
                    "guardian": guardian,
                    "authority": "entrusted" if guardian == adults.get("grandmother") else "legal",
                    "starts_on": starts_on,
                    "ends_on": ends_on,
                }
            )

    def add_pairings(self, r, child, first):
        """Primary pairings one after the other with gaps, entered late; proxies, helpers, mistakes."""
        people = [row["id"] for row in self.facts["staff"]]
        plan = []
        if r.random() < 0.8:
            start = r.choice([first, self.some_day(r, max(first, self.start))])
            plan += [("primary", spell) for spell in self.spells(r, start, count=r.choice([1, 1, 2, 3]))]
        for kind, chance in (("proxy", 0.25), ("helper", 0.1)):
            if r.random() < chance:
                plan += [(kind, spell) for spell in self.spells(r, max(first, self.start), count=1)]
        for kind, (starts_on, ends_on) in plan:
            self.facts["pairings"].append(
                {
                    "child": child,
                    "staff": r.choice(people),
                    "kind": kind,
                    "starts_on": starts_on,
                    "ends_on": ends_on,
                    "recorded_at": self.entered(r, starts_on),
                }
            )
        if r.random() < 0.08:
            starts_on = max(first, self.start)
            entered = self.entered(r, starts_on)
            self.facts["pairings"].append(
                {
                    "child": child,
                    "staff": r.choice(people),
                    "kind": "primary",
                    "starts_on": starts_on,
                    "ends_on": None,
                    "recorded_at": entered,
                    "cancelled_at": entered + timedelta(days=1),
                }
            )

    # What was done

    def add_contacts(self, r, child, number, first):
        """Contacts in time and late, twice a day, cancelled, corrected, attempted, with companions and siblings."""
        earliest = max(first, self.start - timedelta(days=45))
        if earliest > self.end:
            return
        made = []
        for _ in range(r.randint(0, self.contacts_each)):
            day = self.some_day(r, earliest)
            if r.random() < 0.5:
                day = max(earliest, self.focus + timedelta(days=r.randint(0, 30)))
            if made and r.random() < 0.25:
                day = r.choice(made)["day"]
            entered = self.entered(r, day)
            contact = {
                "id": "",
                "child": child,
                **self.what_was_done(r, child),
                "day": day,
                **self.who_did_it(r, child, day),
                **self.aimed(r, child, day),
                "recorded_at": entered,
                "cancelled_at": self.cancelled(r, entered),
            }
            contact["companions"] = [person for person in contact["companions"] if person != contact["staff"]]
            made.append(contact)
            if contact["cancelled_at"] is None and r.random() < 0.1:
                made.append(self.corrected(r, contact))
        sibling = f"k{number - 1}"
        for contact in [row for row in self.facts["contacts"] if row["child"] == sibling]:
            if self.is_sibling(child, sibling) and contact["day"] >= first and r.random() < 0.4:
                made.append(contact | {"child": child})
        for index, contact in enumerate(made, 1):
            contact["id"] = f"x{number}-{index}"
        self.facts["contacts"] += made

    def is_sibling(self, child, other):
        """Whether two children share an adult."""
        adults = {row["guardian"] for row in self.facts["kinships"] if row["child"] == child}
        return any(row["child"] == other and row["guardian"] in adults for row in self.facts["kinships"])

    def what_was_done(self, r, child):
        """Kind, channel, parties, reached."""
        kind = r.choice(
            ["talk"] * 4 + ["home_visit"] * 2 + ["guardian_contact"] * 3 + ["family_call"] * 3 + ["letter"]
        )
        channel = r.choice(CHANNELS[kind])
        adults = self.living(["father", "mother", "guardian"], child)
        parties = set(r.sample(adults, r.randint(1, min(2, len(adults)))))
        if kind == "talk":
            parties = {"child"} if r.random() < 0.7 else parties | {"child"}
        elif r.random() < 0.5:
            parties |= {"child"}
        elif kind == "home_visit" and r.random() < 0.5:
            parties = {"child"}
        reached = r.random() < (0.75 if kind in ("guardian_contact", "family_call") else 0.9)
        return {"kind": kind, "channel": channel, "parties": sorted(parties), "reached": reached}

    def who_did_it(self, r, child, day):
        """The class teacher, the paired teacher, a leader or anybody; sometimes companions."""
        people = [row["id"] for row in self.facts["staff"]]
        enrolled = self.enrollment(child, day)
        teachers, leaders = [], []
        if enrolled and enrolled["class"]:
            teachers = [row["staff"] for row in self.facts["posts"] if row["class"] == enrolled["class"]]
            teachers = self.post_holders(day, ("class_teacher",), **{"class": enrolled["class"]}) or teachers
        if enrolled:
            leaders = self.post_holders(day, LEADING_GROUP, school=enrolled["school"])
        paired = [
            row["staff"]
            for row in self.facts["pairings"]
            if row["child"] == child and row["kind"] != "helper"
        ]
        group = r.choice([teachers, teachers, teachers, paired, paired, leaders, people]) or people
        companions = r.sample(people, r.choice([0, 0, 0, 1, 2]))
        staff = r.choice(group)
        return {"staff": staff, "companions": [person for person in companions if person != staff]}

    def aimed(self, r, child, day):
        """What a rule asks for, mostly all of it, sometimes with one thing wrong."""
        wanted = [
            row
            for row in self.facts["rules"]
            if row["active"] and row["subject"] == "child" and set(row["kinds"]) & set(CHANNELS)
        ]
        if not wanted or r.random() < 0.35:
            return {}
        row = r.choice(wanted)
        kind = r.choice([name for name in row["kinds"] if name in CHANNELS])
        channels = [name for name in CHANNELS[kind] if not row["channels"] or name in row["channels"]]
        found = {"kind": kind, "channel": r.choice(channels or CHANNELS[kind]), "reached": True}
        parties = self.living(row["parties"] or ["child", "guardian"], child)
        if parties:
            found["parties"] = sorted({r.choice(parties)} | ({"child"} if kind == "talk" else set()))
        else:
            found["parties"] = ["child"]
        people = self.role_holders(r.choice(row["actors"]), child, day) if row["actors"] else []
        if people:
            found |= {"staff": r.choice(people), "companions": []}
            if r.random() < 0.2:
                other = r.choice(self.facts["staff"])["id"]
                if other != found["staff"]:
                    found |= {"staff": other, "companions": [found["staff"]]}
        for name in r.sample(sorted(found), r.choice([0, 0, 0, 1])):
            del found[name]
        if "channel" not in found or "kind" not in found:
            found.pop("kind", None)
            found.pop("channel", None)
        return found

    def living(self, parties, child):
        """The parties without parents who have died."""
        dead = [
            kinship["relation"]
            for kinship in self.facts["kinships"]
            for guardian in self.facts["guardians"]
            if kinship["child"] == child and kinship["guardian"] == guardian["id"] and guardian["died_on"]
        ]
        return [party for party in parties if party not in dead]

    def role_holders(self, role, child, day):
        """Who could have done it that day in this role."""
        if role in ("paired", "proxy"):
            kind = "primary" if role == "paired" else "proxy"
            rows = [row for row in self.facts["pairings"] if row["child"] == child and row["kind"] == kind]
            return [row["staff"] for row in rows if covers(row, day)]
        enrolled = self.enrollment(child, day)
        if not enrolled:
            return []
        if role == "class_teacher" and enrolled["class"]:
            return self.post_holders(day, ("class_teacher",), **{"class": enrolled["class"]})
        kinds = {
            "class_teacher": ("leader",),
            "leading_group": LEADING_GROUP,
            "group_office": ("group_office",),
        }
        kinds = kinds.get(role, (*LEADING_GROUP, "class_teacher", "subject_teacher", "teacher"))
        return self.post_holders(day, kinds, school=enrolled["school"])

    def corrected(self, r, contact):
        """A correction cancels the row and enters a new one at that moment."""
        moment = contact["recorded_at"] + r.choice(
            [timedelta(minutes=3), timedelta(days=6), timedelta(days=16)]
        )
        contact["cancelled_at"] = moment
        changed = contact | {"recorded_at": moment, "cancelled_at": None}
        change = r.choice(["day", "what", "who"])
        if change == "day" and contact["day"] - ONE_DAY >= self.first_day(contact["child"]):
            changed["day"] = contact["day"] - ONE_DAY
        elif change == "what":
            changed |= self.what_was_done(r, contact["child"])
        else:
            changed |= self.who_did_it(r, contact["child"], contact["day"])
        return changed

    def first_day(self, child):
        """The child's first enrollment: no record is dated before it."""
        return min(row["starts_on"] for row in self.facts["enrollments"] if row["child"] == child)

    def add_activities(self):
        """Group activities at centers and schools with attendance; names entered with them or later."""
        r = self.random("activities")
        for number in range(1, r.randint(0, 6) + 1):
            school = r.choice(self.facts["schools"])["id"]
            centers = [row["id"] for row in self.facts["centers"] if row["school"] == school]
            center = r.choice([*centers, None])
            day = self.some_day(r)
            people = [row["id"] for row in self.facts["staff"] if row["school"] == school]
            entered = self.entered(r, day)
            attendance = []
            for child in self.facts["children"]:
                if self.first_day(child["id"]) <= day and r.random() < 0.6:
                    name = {"child": child["id"], "present": r.random() < 0.85, "recorded_at": entered}
                    if r.random() < 0.3:
                        name["recorded_at"] = self.entered(r, day)
                    attendance.append(name)
            self.facts["activities"].append(
                {
                    "id": f"a{number}",
                    "kind": "center_activity" if center else r.choice(["class_meeting", "group_talk"]),
                    "title": "集体活动",
                    "day": day,
                    "school": school,
                    "center": center,
                    "staff": r.sample(people, r.choice([1, 1, 2])),
                    "recorded_at": entered,
                    "cancelled_at": self.cancelled(r, entered),
                    "attendance": attendance,
                }
            )

    def add_openings(self):
        """Days on which the centers opened, each at most once."""
        for center in self.facts["centers"]:
            r = self.random("openings", center["id"])
            days = {self.some_day(r, max(self.start, center["starts_on"])) for _ in range(r.randint(0, 16))}
            people = [row["id"] for row in self.facts["staff"] if center["school"] in (None, row["school"])]
            for day in sorted(days):
                if center["ends_on"] and day > center["ends_on"]:
                    continue
                entered = self.entered(r, day)
                self.facts["openings"].append(
                    {
                        "center": center["id"],
                        "day": day,
                        "staff": [r.choice(people)],
                        "recorded_at": entered,
                        "cancelled_at": self.cancelled(r, entered),
                    }
                )

    def add_excuses(self):
        """Excuses of half a period and a day less, approved before, after and too late, revoked, for named rules."""
        candidates = [("child", row["id"], 0.3) for row in self.facts["children"]]
        candidates += [("center", row["id"], 0.25) for row in self.facts["centers"]]
        candidates += [("staff", row["id"], 0.1) for row in self.facts["staff"] if row["school"]]
        candidates += [("class", row["id"], 0.1) for row in self.facts["classes"]]
        leader = next(row["staff"] for row in self.facts["posts"] if row["kind"] == "leader")
        for kind, subject, chance in candidates:
            r = self.random("excuse", subject)
            if r.random() >= chance:
                continue
            first = r.choice([self.focus, self.focus, self.focus.replace(day=16), self.some_day(r)])
            if r.random() < 0.3:
                first -= timedelta(days=first.weekday())
            last = first + timedelta(days=r.choice([3, 4, 7, 14, 15, 15, 16, 31, 90]) - 1)
            approved_at = self.entered(r, first)
            revoked_at = self.cancelled(r, approved_at, 0.2)
            if revoked_at and revoked_at < approved_at:
                revoked_at = approved_at + timedelta(hours=1)
            self.facts["excuses"].append(
                {
                    "subject_kind": kind,
                    "subject": subject,
                    "starts_on": first,
                    "ends_on": last,
                    "rules": r.choice([[], [], ["F02"], ["F25", "F08"], ["F39"], ["F64", "R01"]]),
                    "reason": "住院",
                    "requested_by": next(row["id"] for row in self.facts["staff"] if row["id"] != leader),
                    "approved_by": leader,
                    "approved_at": approved_at,
                    "revoked_at": revoked_at,
                }
            )

    # Rules

    def add_rules(self):
        """The seeded rules, some switched on, some changed in between; rules of schools; invented ones."""
        for seeded in SEEDED_RULES:
            r = self.random("rule", seeded["code"])
            row = seeded | {"valid_from": date(2000, 1, 1)}
            if r.random() < 0.4:
                row["active"] = True
            if row["strength"] == "inform" and r.random() < 0.5:
                row["strength"] = "strive"
            if row["active"] and r.random() < 0.2:
                border = self.some_day(r)
                self.facts["rules"].append(row | {"valid_to": border - ONE_DAY})
                row = row | {"valid_from": border} | self.changed_rule(r, row)
            self.facts["rules"].append(row)
        r = self.random("rule", "schools")
        for code in ("F02", "F25", "F64"):
            if r.random() < 0.3:
                county = next(row for row in SEEDED_RULES if row["code"] == code)
                valid_from = r.choice([self.beginning, self.some_day(r)])
                self.facts["rules"].append(
                    county
                    | self.changed_rule(r, county)
                    | {
                        "owner": r.choice(self.facts["schools"])["id"],
                        "replaces_county": r.random() < 0.5,
                        "valid_from": valid_from,
                        "valid_to": self.some_day(r, max(valid_from, self.start))
                        if r.random() < 0.2
                        else None,
                        "active": r.random() < 0.9,
                    }
                )
        for number in range(1, self.random("rules").randint(2, 6)):
            r = self.random("invented", number)
            self.facts["rules"].append(self.invented_rule(r, f"R{number:02}"))

    def changed_rule(self, r, row):
        """What a new version asks otherwise."""
        if row["measure"] != "records":
            return {"minimum": r.choice([1, 1, 2]), "maximum": r.choice([None, 2, 3])}
        change = r.choice(["minimum", "per", "actors", "strength"])
        if change == "minimum":
            return {"minimum": row["minimum"] + 1}
        if change == "per":
            return {"per": r.choice(["week", "half_month", "month", "quarter"])}
        if change == "actors" and row["subject"] == "child":
            return {"actors": ["any_staff"]}
        return {"strength": r.choice(["strive", "inform"])}

    def invented_rule(self, r, code):
        """A rule over any period, actor, kind and filter."""
        weights = {"child": 12, "class": 1, "school": 1, "center": 2, "staff": 1, "county": 1}
        subject = r.choices(self.subjects, [weights[name] for name in self.subjects])[0]
        per = r.choice(
            ["day", "week", "half_month", "month", "quarter", "half_year", "term", "school_year", "year"]
        )
        valid_from = r.choice([date(2000, 1, 1), date(2000, 1, 1), self.beginning, self.some_day(r)])
        fields = {
            "per": per,
            "minimum": r.choice([1, 1, 2, 3]),
            "strength": r.choice(["must", "must", "strive", "inform"]),
            "active": r.random() < 0.95,
            "valid_from": valid_from,
            "valid_to": self.some_day(r, max(valid_from, self.start)) if r.random() < 0.15 else None,
            "within_days": r.choice([10, 15, 30, 45]) if per in LONG and r.random() < 0.3 else None,
        }
        fields |= self.invented_counting(r, subject)
        if subject in ("child", "class", "school"):
            fields["applies_to"] = self.invented_filter(r)
        return rule(code, f"自定规则{code}", subject=subject, **fields)

    def invented_counting(self, r, subject):
        """Kinds, channels, parties, actors and the responsible role that make sense for the subject."""
        if subject == "center":
            kinds = r.choice([["opening"], ["opening"], ["opening", "activity"]])
            return {"kinds": kinds, "responsible": "center_manager"}
        if subject in ("child", "class", "school") and r.random() < 0.15:
            return {"kinds": ["attendance"], "responsible": r.choice(["class_teacher", "leader"])}
        kinds = r.sample(["talk", "home_visit", "guardian_contact", "family_call", "letter"], r.randint(1, 4))
        roles = ["class_teacher", "paired", "proxy", "leading_group", "group_office", "any_staff"]
        fields = {
            "kinds": sorted(kinds),
            "channels": r.choice([[], [], ["in_person"], ["phone", "video"]]),
            "parties": r.choice(
                [[], [], ["child"], ["guardian"], ["father", "mother"], ["child", "guardian"]]
            ),
            "counts_attempts": r.random() < 0.2,
            "actors": r.choice([[], *([role] for role in roles), r.sample(roles, 2)]),
            "responsible": r.choice(["class_teacher", "paired", "proxy", "leader"]),
        }
        if subject == "staff":
            fields["actors"] = r.choice([[], *([role] for role in roles[1:])])
            fields["responsible"] = "self"
        if subject in ("class", "school", "county"):
            fields["responsible"] = r.choice(["class_teacher", "leader"])
        return fields

    def invented_filter(self, r):
        """Nothing asked, or one or two things."""
        asked = {
            "stages": [r.choice(["kindergarten", "primary", "junior"])],
            "grade_from": r.choice([1, 2, 6, 7]),
            "grade_to": r.choice([0, 3, 6, 9]),
            "boarding": r.random() < 0.7,
            "away": r.choice(["one_away", "both_away"]),
            "priority": r.random() < 0.7,
            "paired": r.random() < 0.7,
            "proxied": r.random() < 0.5,
            "parent_reachable": r.random() < 0.8,
        }
        names = r.sample(sorted(asked), r.choice([0, 0, 1, 1, 2]))
        return {name: asked[name] for name in names}


LONG = ("month", "quarter", "half_year", "term", "school_year", "year")
LIST_NAMES = [
    "closings",
    "districts",
    "schools",
    "school_years",
    "terms",
    "days",
    "classes",
    "centers",
    "staff",
    "posts",
    "children",
    "enrollments",
    "care_list",
    "traits",
    "guardians",
    "kinships",
    "guardianships",
    "parent_work",
    "unreachable",
    "pairings",
    "covers",
    "contacts",
    "activities",
    "openings",
    "excuses",
    "rules",
]


def is_weekend(day):
    """Saturday or Sunday."""
    return day.weekday() >= 5


def years_in_stage(school, stage):
    """How many years a class stays in its stage."""
    five_four = school["system"] == "54"
    return {"kindergarten": 3, "primary": 5 if five_four else 6, "junior": 4 if five_four else 3}[stage]
