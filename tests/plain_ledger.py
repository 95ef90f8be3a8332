"""The duty ledger once more, as plainly as it can be written.

Written from the description of the ledger (``docs/domain.md``, ``docs/decisions/0002…``) and from the facts
format (``docs/facts.md``) alone. It imports nothing of the project, knows no database and is in no hurry:
loops over a dict, one small function per sentence of the description, the sentence in its docstring. The
real ledger must agree with it on every generated history; where they differ, one of them has misread the
sentence quoted.

Only the rules listed in ``facts["rules"]`` are judged: a file for this ledger says ``"seeded_rules": false``
and brings its own copy of the seeded ones.
"""

from datetime import date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))
ONE_DAY = timedelta(days=1)
STATES = ("met", "met_late", "missed", "excused", "upcoming")
PARENTS = ("father", "mother")
LEADING_GROUP = ("leader", "deputy", "group_office", "group_member")
DATE_KEYS = {
    "day",
    "birth_date",
    "valid_from",
    "valid_to",
    "starts_on",
    "ends_on",
    "closes_on",
    "died_on",
    "first_used_on",
}
MOMENT_KEYS = {"recorded_at", "cancelled_at", "approved_at", "revoked_at"}
LISTS = [
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


class Unconfirmed(Exception):
    """The calendar of the month's school year is not confirmed: an empty calendar is never a clean month."""


def check(facts, month, as_of):
    """Check one month as known at `as_of`: tallies per rule, the rows that are not simply met, closed or not.

    `rules` has an entry for each active rule of strength must or strive, with zeros where nothing was due.
    """
    world = read(facts)
    require_confirmed(world, month)
    now = as_of.astimezone(SHANGHAI)
    tallies = {}
    findings = []
    for rule in world["rules"]:
        if not is_checked(rule):
            continue
        name = rule_name(world, rule)
        tally = tallies.setdefault(name, dict.fromkeys(("due", *STATES), 0))
        for duty in duties(world, rule, month, now):
            state, done = judge(world, rule, duty, now)
            tally["due"] += 1
            tally[state] += 1
            if state in ("missed", "met_late", "excused"):
                findings.append(
                    {
                        "rule": name,
                        "subject_kind": rule["subject"],
                        "subject": duty["subject"],
                        "period_start": duty["first"].isoformat(),
                        "period_end": duty["last"].isoformat(),
                        "state": state,
                        "done": done,
                        "minimum": rule["minimum"],
                        "responsible": responsible(world, rule, duty, now),
                    }
                )
    findings.sort(key=lambda row: tuple(str(value) for value in row.values()))
    return {"rules": tallies, "findings": findings, "closed": now >= closing_moment(world, month)}


# --- Reading the facts


def read(facts):
    """The facts with dates and moments in place of texts, every list present, and one list of all records."""
    world = {name: [] for name in LISTS} | converted(facts)
    for name in ("schools", "classes", "centers", "guardians"):
        world[name + "_by_id"] = {row["id"]: row for row in world[name]}
    world["records"] = contacts(world) + attendances(world) + activities(world) + openings(world)
    world["records_by_child"] = {child["id"]: [] for child in world["children"]}
    for record in world["records"]:
        if record["child"]:
            world["records_by_child"][record["child"]].append(record)
    world["day_kinds"] = {(row.get("school"), row["day"]): row["kind"] for row in world["days"]}
    return world


def converted(value, key=""):
    """Dates are ISO; moments are ISO with offset, and without offset Asia/Shanghai."""
    if isinstance(value, dict):
        return {name: converted(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [converted(inner) for inner in value]
    if isinstance(value, str) and key in DATE_KEYS:
        return date.fromisoformat(value)
    if isinstance(value, str) and key in MOMENT_KEYS:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(SHANGHAI) if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return value


def contacts(world):
    """Each contact is one row per child; staff and companions are the adults who took part."""
    return [
        {
            "kind": row["kind"],
            "day": row["day"],
            "child": row["child"],
            "school": None,
            "center": None,
            "channel": row.get("channel"),
            "parties": row.get("parties") or [],
            "reached": row.get("reached", True),
            "adults": [row.get("staff"), *(row.get("companions") or [])],
            "entered": row["recorded_at"],
            "cancelled": row.get("cancelled_at"),
        }
        for row in world["contacts"]
    ]


def attendances(world):
    """Attendance is entered at the later of activity and name; who was absent did not attend."""
    return [
        {
            "kind": "attendance",
            "day": activity["day"],
            "child": name["child"],
            "school": None,
            "center": activity.get("center"),
            "channel": None,
            "parties": [],
            "reached": True,
            "adults": activity.get("staff") or [],
            "entered": max(activity["recorded_at"], name.get("recorded_at") or activity["recorded_at"]),
            "cancelled": activity.get("cancelled_at"),
        }
        for activity in world["activities"]
        for name in activity.get("attendance") or []
        if name.get("present", True)
    ]


def activities(world):
    """A group event is one activity, of a school and perhaps of a center."""
    return [
        {
            "kind": "activity",
            "day": row["day"],
            "child": None,
            "school": row.get("school"),
            "center": row.get("center"),
            "channel": None,
            "parties": [],
            "reached": True,
            "adults": row.get("staff") or [],
            "entered": row["recorded_at"],
            "cancelled": row.get("cancelled_at"),
        }
        for row in world["activities"]
    ]


def openings(world):
    """Each day the center opens is one opening."""
    return [
        {
            "kind": "opening",
            "day": row["day"],
            "child": None,
            "school": world["centers_by_id"][row["center"]].get("school"),
            "center": row["center"],
            "channel": None,
            "parties": [],
            "reached": True,
            "adults": row.get("staff") or [],
            "entered": row["recorded_at"],
            "cancelled": row.get("cancelled_at"),
        }
        for row in world["openings"]
    ]


def covers_day(spell, day):
    """Both ends are included, open without an end; a spell made by mistake (cancelled) counts nowhere."""
    if spell.get("cancelled_at"):
        return False
    return spell["starts_on"] <= day and (not spell.get("ends_on") or day <= spell["ends_on"])


# --- Rules


def is_checked(rule):
    """Must and strive are checked and stored; inform is computed where it is shown and never stored."""
    return rule.get("active", True) and rule["strength"] in ("must", "strive")


def rule_name(world, rule):
    """A school's own rule is named by the county's code, @ and the school's code."""
    if not rule.get("owner"):
        return rule["code"]
    return rule["code"] + "@" + world["schools_by_id"][rule["owner"]]["code"]


def is_valid(rule, day):
    """Every from–to includes both ends."""
    return rule["valid_from"] <= day and (not rule.get("valid_to") or day <= rule["valid_to"])


def concerns_school(world, rule, school):
    """A school's rule is judged where the school is the owner or a 教学点 that the owner manages."""
    if school is None:
        return False
    return school == rule["owner"] or world["schools_by_id"][school].get("managing_school") == rule["owner"]


def is_replaced(world, rule, school, day):
    """Only a row marked "instead of the county's" and approved by the county replaces it there."""
    return any(
        other.get("owner")
        and other["code"] == rule["code"]
        and other.get("replaces_county")
        and other.get("approved_by_county", True)
        and other.get("active", True)
        and is_valid(other, day)
        and concerns_school(world, other, school)
        for other in world["rules"]
    )


def is_in_force_at(world, rule, school, day):
    """A school's own rule is judged beside the county's, unless it replaces the county's there."""
    if rule.get("owner"):
        return concerns_school(world, rule, school)
    return not is_replaced(world, rule, school, day)


# --- Calendar


def month_bounds(month):
    """First and last day of "YYYY-MM"."""
    first = date.fromisoformat(month + "-01")
    return first, next_month(first) - ONE_DAY


def next_month(first):
    """The first day of the month after."""
    return date(first.year + 1, 1, 1) if first.month == 12 else date(first.year, first.month + 1, 1)


def require_confirmed(world, month):
    """The check of a month whose year is not confirmed refuses and says so (school year: 1 Sep–31 Aug)."""
    first, _ = month_bounds(month)
    year = first.year if first.month >= 9 else first.year - 1
    if not any(row["year"] == year and row.get("confirmed") for row in world["school_years"]):
        raise Unconfirmed(month)


def closing_moment(world, month):
    """Until the closing day (default the 5th, 24:00; the county may set another for a month)."""
    _, last = month_bounds(month)
    closes_on = (last + ONE_DAY).replace(day=world["county"].get("closing_day") or 5)
    for row in world["closings"]:
        if row["month"] == month:
            closes_on = row["closes_on"]
    return datetime.combine(closes_on + ONE_DAY, datetime.min.time(), SHANGHAI)


def in_a_term(world, day):
    """Terms are the county's."""
    return any(term["starts_on"] <= day <= term["ends_on"] for term in world["terms"])


def is_school_day(world, school, day):
    """Monday–Friday inside a term, minus holidays, plus make-up days; a school's entry overrides."""
    if not in_a_term(world, day):
        return False
    kind = world["day_kinds"].get((school, day)) or world["day_kinds"].get((None, day))
    if kind:
        return kind == "school_day"
    return is_weekday(day)


def is_weekday(day):
    """Monday–Friday."""
    return day.weekday() < 5


def days_of(first, last):
    """All days of a period."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def is_due(world, school, per, first, last):
    """A day if a school day; up to a month if its school days × 2 ≥ its Monday–Friday days.

    A longer period if it holds a school day. `school` None is the county's calendar.
    """
    school_days = sum(is_school_day(world, school, day) for day in days_of(first, last))
    if per in ("week", "half_month", "month"):
        return school_days * 2 >= sum(is_weekday(day) for day in days_of(first, last))
    return school_days > 0


def whole_periods(world, per, year):
    """Day, week (Monday–Sunday), half-month (1–15, 16–end), month, quarter, half-year, term, years.

    All of one kind whose first day lies in the calendar year given.
    """
    if per == "term":
        return [
            (term["starts_on"], term["ends_on"]) for term in world["terms"] if term["starts_on"].year == year
        ]
    if per == "school_year":
        return [(date(year, 9, 1), date(year + 1, 8, 31))]
    year_days = days_of(date(year, 1, 1), date(year, 12, 31))
    if per == "day":
        return [(day, day) for day in year_days]
    if per == "week":
        return [(day, day + timedelta(days=6)) for day in year_days if day.weekday() == 0]
    months = [month_bounds(f"{year}-{number:02}") for number in range(1, 13)]
    if per == "half_month":
        return [
            half
            for first, last in months
            for half in ((first, first.replace(day=15)), (first.replace(day=16), last))
        ]
    size = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[per]
    return [(months[start][0], months[start + size - 1][1]) for start in range(0, 12, size)]


def first_days(rule, first, last):
    """A rule "within n days of the start" has those n days as its period."""
    if not rule.get("within_days"):
        return last
    return min(last, first + timedelta(days=rule["within_days"] - 1))


def periods(world, rule, month):
    """A period belongs to the month of its last day: (first, last, last of the whole period) of each."""
    month_first, month_last = month_bounds(month)
    found = []
    for year in (month_first.year - 1, month_first.year):
        for first, whole_last in whole_periods(world, rule["per"], year):
            last = first_days(rule, first, whole_last)
            if month_first <= last <= month_last:
                found.append((first, last, whole_last))
    return found


def judge_day(world, first, last):
    """The middle day = first day + ⌊(days−1)/2⌋.

    Between terms: the first day of the next term inside the period, else the last day of the term before.
    None where no term answers.
    """
    middle = first + timedelta(days=(last - first).days // 2)
    if in_a_term(world, middle):
        return middle
    next_starts = [term["starts_on"] for term in world["terms"] if middle < term["starts_on"] <= last]
    if next_starts:
        return min(next_starts)
    ends_before = [term["ends_on"] for term in world["terms"] if term["ends_on"] < middle]
    return max(ends_before) if ends_before else None


def window_start(world, rule, first):
    """The days of the period; for a term also the holiday directly before it."""
    if rule["per"] != "term":
        return first
    ends_before = [term["ends_on"] for term in world["terms"] if term["ends_on"] < first]
    return max(ends_before) + ONE_DAY if ends_before else first


# --- Who is where


def class_end(world, school_class):
    """A class ends with the last day of its last term (without such a term in the calendar: 31 July)."""
    if school_class.get("ends_on"):
        return school_class["ends_on"]
    final_year = school_class["entry_year"] + years_in_stage(world, school_class) - 1
    for term in world["terms"]:
        if term["year"] == final_year and term["season"] == "spring":
            return term["ends_on"]
    return date(final_year + 1, 7, 31)


def is_54(world, school_class):
    """五四 schools: five years of primary, four of junior school."""
    return str(world["schools_by_id"][school_class["school"]].get("system", "63")) == "54"


def years_in_stage(world, school_class):
    """How many years a class stays in its stage."""
    if school_class["stage"] == "primary":
        return 5 if is_54(world, school_class) else 6
    if school_class["stage"] == "junior":
        return 4 if is_54(world, school_class) else 3
    return 3


def grade(world, school_class, day):
    """Junior begins with 7, in 五四 schools with 6; kindergarten is below 1; grades roll on 15 August."""
    school_year = day.year if (day.month, day.day) >= (8, 15) else day.year - 1
    first_grade = {"kindergarten": -2, "primary": 1, "junior": 6 if is_54(world, school_class) else 7}
    return first_grade[school_class["stage"]] + school_year - school_class["entry_year"]


def enrollment(world, child, day):
    """The child's enrollment of that day; no enrollment outlives its class."""
    for row in world["enrollments"]:
        if row["child"] == child and covers_day(row, day) and not class_has_ended(world, row, day):
            return row
    return None


def class_has_ended(world, enrolled, day):
    """Whether the class of this enrollment has ended before the day."""
    return bool(enrolled.get("class")) and class_end(world, world["classes_by_id"][enrolled["class"]]) < day


def care_type(world, child, day):
    """The type of the care-list spell (在册) of that day, or None when the child is not on the list."""
    for row in world["care_list"]:
        if row["child"] == child and covers_day(row, day):
            return row["type"]
    return None


def is_on_list_at(world, child, school, day):
    """Enrolled and on the care list, in this school."""
    row = enrollment(world, child, day)
    return row is not None and row["school"] == school and care_type(world, child, day) is not None


def has_trait(world, child, kind, day):
    """Traits are kept with from–to and count by their own dates."""
    return any(
        row["child"] == child and row["kind"] == kind and covers_day(row, day) for row in world["traits"]
    )


def holders(world, child, kind, day):
    """Staff with an open pairing of this kind on that day."""
    return [row["staff"] for row in pairings_of(world, child, kind, day)]


def pairings_of(world, child, kind, day):
    """Pairings as roles or filters count by their own dates, whenever entered."""
    return [
        row
        for row in world["pairings"]
        if row["child"] == child and row["kind"] == kind and covers_day(row, day)
    ]


def parent_reachable(world, child, day, now):
    """False while an approved spell 联系不上 holds that day, and when every parent on record is dead."""
    if all_parents_dead(world, child, day):
        return False
    return not any(
        row["child"] == child
        and row.get("approved_at")
        and covers_day(row, day)
        and not ended_by_itself(world, row, day, now)
        for row in world["unreachable"]
    )


def all_parents_dead(world, child, day):
    """Every father and mother on record is dead (before the day; at least one is on record)."""
    parents = [
        world["guardians_by_id"][row["guardian"]]
        for row in world["kinships"]
        if row["child"] == child and row["relation"] in PARENTS
    ]
    return bool(parents) and all(row.get("died_on") and row["died_on"] < day for row in parents)


def ended_by_itself(world, spell, day, now):
    """It ends by itself on the day before a record that reached a parent; letters do not reach."""
    return any(
        spell["starts_on"] <= record["day"] <= day
        and record["kind"] in ("talk", "home_visit", "guardian_contact", "family_call")
        and record["reached"]
        and any(party in PARENTS for party in record["parties"])
        and is_known(record, now)
        for record in world["records_by_child"][spell["child"]]
    )


def posts_of(world, day, kinds=None):
    """The posts held on that day, of these kinds."""
    return [row for row in world["posts"] if (kinds is None or row["kind"] in kinds) and covers_day(row, day)]


def post_school(world, post):
    """A post at the school, its grades, classes or center is a post at the school."""
    if post.get("school"):
        return post["school"]
    if post.get("class"):
        return world["classes_by_id"][post["class"]]["school"]
    if post.get("center"):
        return world["centers_by_id"][post["center"]].get("school")
    return None


def head_school(world, school):
    """For roles and responsibility a 教学点 (teaching point) is part of its managing school."""
    return world["schools_by_id"][school].get("managing_school") or school


# --- Who owes


def duties(world, rule, month, now):
    """Every due period of this rule that belongs to the month, with who owes it."""
    if rule["measure"] != "records":
        return standing_duties(world, rule, month, now)
    found = []
    for first, last, whole_last in periods(world, rule, month):
        day = judge_day(world, first, last)
        if day is None or not is_valid(rule, day):
            continue
        for subject, school in who_owes(world, rule, day, now):
            # It is due where the whole period is.
            if is_due(world, school, rule["per"], first, whole_last):
                found.append(
                    {"subject": subject, "school": school, "first": first, "last": last, "judge_day": day}
                )
    return found


def standing_duties(world, rule, month, now):
    """Standing states are a snapshot of the last day of each due month (while the month runs: of today)."""
    first, last = month_bounds(month)
    if now.date() < first:
        return []
    day = min(last, now.date())
    if not is_valid(rule, day):
        return []
    return [
        {"subject": subject, "school": school, "first": first, "last": last, "judge_day": day}
        for subject, school in who_owes(world, rule, day, now)
        if is_due(world, school, "month", first, last)
    ]


def who_owes(world, rule, day, now):
    """What holds on the judge day decides: the rule's version, the school and class, applies to."""
    find = {
        "child": children_who_owe,
        "class": classes_which_owe,
        "school": schools_which_owe,
        "center": centers_which_owe,
        "staff": staff_who_owe,
        "county": county_which_owes,
    }[rule["subject"]]
    return [
        (subject, school)
        for subject, school in find(world, rule, day, now)
        if is_in_force_at(world, rule, school, day) and is_in_use(world, school, day)
    ]


def is_in_use(world, school, day):
    """Nothing is judged before a school's first day of use."""
    first_used_on = school and world["schools_by_id"][school].get("first_used_on")
    return not first_used_on or first_used_on <= day


def children_who_owe(world, rule, day, now):
    """A child: enrolled and on the care list."""
    found = []
    for child in world["children"]:
        row = enrollment(world, child["id"], day)
        if row and care_type(world, child["id"], day) and applies_to(world, rule, child["id"], row, day, now):
            found.append((child["id"], row["school"]))
    return found


def classes_which_owe(world, rule, day, now):
    """A class: exists and holds such a child."""
    held = {
        enrollment(world, child, day).get("class") for child, _ in children_who_owe(world, rule, day, now)
    }
    return [(row["id"], row["school"]) for row in world["classes"] if row["id"] in held]


def schools_which_owe(world, rule, day, now):
    """A school: exists and holds such a child."""
    held = {school for _, school in children_who_owe(world, rule, day, now)}
    return [
        (row["id"], row["id"])
        for row in world["schools"]
        if row["id"] in held and (not row.get("ends_on") or day <= row["ends_on"])
    ]


def centers_which_owe(world, rule, day, now):
    """A center: in service; one not run by a school goes by the county's calendar."""
    return [(row["id"], row.get("school")) for row in world["centers"] if covers_day(row, day)]


def staff_who_owe(world, rule, day, now):
    """A staff member: has a post at a school (the longest-standing decides which) and one of the roles."""
    found = []
    for person in world["staff"]:
        school = school_of_staff(world, person["id"], day)
        if school and (
            not rule["actors"] or any(holds_role(world, person["id"], r, day) for r in rule["actors"])
        ):
            found.append((person["id"], school))
    return found


def school_of_staff(world, person, day):
    """The longest-standing post decides which school."""
    held = [row for row in posts_of(world, day) if row["staff"] == person and post_school(world, row)]
    return post_school(world, min(held, key=lambda row: row["starts_on"])) if held else None


def holds_role(world, person, role, day):
    """Whether a staff member holds this role on that day towards anybody."""
    if role in ("paired", "proxy"):
        kind = "primary" if role == "paired" else "proxy"
        return any(
            row["staff"] == person and row["kind"] == kind and covers_day(row, day)
            for row in world["pairings"]
        )
    kinds = {
        "class_teacher": ("class_teacher",),
        "leading_group": LEADING_GROUP,
        "group_office": ("group_office",),
        "any_staff": None,
    }[role]
    return any(row["staff"] == person and post_school(world, row) for row in posts_of(world, day, kinds))


def county_which_owes(world, rule, day, now):
    """The county itself, by its own calendar."""
    return [(world["county"]["code"], None)]


def applies_to(world, rule, child, enrolled, day, now):
    """Stage, grade from–to, boarding, one/both away, priority, paired, proxied, a reachable parent."""
    wanted = rule.get("applies_to") or {}
    return (
        fits_class(world, wanted, enrolled, day)
        and fits(wanted.get("boarding"), has_trait(world, child, "boarding", day))
        and fits(wanted.get("priority"), has_trait(world, child, "priority", day))
        and fits(wanted.get("away"), care_type(world, child, day))
        and fits(wanted.get("paired"), bool(holders(world, child, "primary", day)))
        and fits(wanted.get("proxied"), bool(holders(world, child, "proxy", day)))
        and (
            wanted.get("parent_reachable") is None
            or wanted["parent_reachable"] == parent_reachable(world, child, day, now)
        )
    )


def fits(wanted, actual):
    """Nothing asked fits everything."""
    return wanted is None or wanted == actual


def fits_class(world, wanted, enrolled, day):
    """A child without a class fits no stage or grade."""
    stages = wanted.get("stages") or []
    grade_from = wanted.get("grade_from")
    grade_to = wanted.get("grade_to")
    if not stages and grade_from is None and grade_to is None:
        return True
    if not enrolled.get("class"):
        return False
    school_class = world["classes_by_id"][enrolled["class"]]
    number = grade(world, school_class, day)
    return (
        (not stages or school_class["stage"] in stages)
        and (grade_from is None or grade_from <= number)
        and (grade_to is None or number <= grade_to)
    )


# --- What is done


def judge(world, rule, duty, now):
    """The state, the first that fits: met, met late, excused, upcoming, missed; and the number done."""
    if rule["measure"] == "records":
        days, days_in_time = days_done(world, rule, duty, now)
        done, met, met_late = days, days_in_time >= rule["minimum"], days >= rule["minimum"]
    else:
        number, number_in_time = standing_number(world, rule, duty, now)
        done, met, met_late = number, is_between(rule, number_in_time), is_between(rule, number)
    if met:
        return "met", done
    if met_late:
        return "met_late", done
    if is_excused(world, rule, duty, now) or has_left(world, rule, duty, now):
        return "excused", done
    if now.date() <= duty["last"]:
        return "upcoming", done
    return "missed", done


def is_between(rule, number):
    """A standing state is a number with a minimum and a maximum."""
    return rule["minimum"] <= number and (rule.get("maximum") is None or number <= rule["maximum"])


def days_done(world, rule, duty, now):
    """The number of different days in the window with a counted record, and of those the days in time."""
    start = window_start(world, rule, duty["first"])
    closing = closing_moment(world, duty["last"].isoformat()[:7])
    records = world["records_by_child"][duty["subject"]] if rule["subject"] == "child" else world["records"]
    days, days_in_time = set(), set()
    for record in records:
        if (
            start <= record["day"] <= duty["last"]
            and is_known(record, now)
            and counts(world, rule, duty, record)
        ):
            days.add(record["day"])
            if is_in_time(record, closing):
                days_in_time.add(record["day"])
    return len(days), len(days_in_time)


def is_known(record, now):
    """Only what was entered before the moment asked about is known; cancelled ones do not count."""
    return record["entered"] <= now and not (record["cancelled"] and record["cancelled"] <= now)


def is_in_time(record, closing):
    """Entered within 14 days after the day, the 14th included, and before the period's month was closed."""
    return (record["entered"].date() - record["day"]).days <= 14 and record["entered"] < closing


def counts(world, rule, duty, record):
    """Kind, channel, reached, parties, subject and actors all fit."""
    return (
        record["kind"] in rule["kinds"]
        and fits_channel(rule, record)
        and (record["reached"] or bool(rule.get("counts_attempts")))
        and fits_party(world, rule, record)
        and is_about(world, rule, duty, record)
        and fits_actor(world, rule, duty, record)
    )


def fits_channel(rule, record):
    """Optional channels: none given fits everything."""
    return not rule.get("channels") or record["channel"] in rule["channels"]


def fits_party(world, rule, record):
    """A record's parties are a set; one that fits is enough."""
    wanted = rule.get("parties") or []
    if not wanted or any(party in wanted for party in record["parties"]):
        return True
    return "guardian" in wanted and any(
        party in PARENTS and cares_as(world, record["child"], party, record["day"])
        for party in record["parties"]
    )


def cares_as(world, child, relation, day):
    """The adult who cares for the child that day counts as guardian, a parent at home included."""
    adults = [
        row["guardian"] for row in world["kinships"] if row["child"] == child and row["relation"] == relation
    ]
    return any(
        row["child"] == child and row["guardian"] in adults and covers_day(row, day)
        for row in world["guardianships"]
    )


def is_about(world, rule, duty, record):
    """Class, school and staff rules count records about children on the list that day."""
    subject, child, day = duty["subject"], record["child"], record["day"]
    if rule["subject"] == "child":
        return child == subject
    if rule["subject"] == "center":
        return record["center"] == subject
    if rule["subject"] == "staff" and subject not in record["adults"]:
        return False
    if child is None:
        return rule["subject"] in ("staff", "county") or (
            rule["subject"] == "school" and record["school"] == subject
        )
    if care_type(world, child, day) is None:
        return False
    if rule["subject"] in ("staff", "county"):
        return True
    row = enrollment(world, child, day)
    return row is not None and row.get(rule["subject"]) == subject


def fits_actor(world, rule, duty, record):
    """A record has one or more adults who took part and counts if any of them fits; empty = anybody."""
    if not rule["actors"]:
        return True
    adults = [duty["subject"]] if rule["subject"] == "staff" else record["adults"]
    return any(adult and has_role(world, adult, role, record) for adult in adults for role in rule["actors"])


def has_role(world, adult, role, record):
    """Roles are those held on the day of the record towards that child."""
    child, day = record["child"], record["day"]
    if role == "paired":
        return child is not None and adult in holders(world, child, "primary", day)
    if role == "proxy":
        return child is not None and adult in holders(world, child, "proxy", day)
    enrolled = enrollment(world, child, day) if child else None
    if role == "class_teacher":
        return enrolled is not None and adult in class_teachers(world, enrolled, day)
    kinds = {"leading_group": LEADING_GROUP, "group_office": ("group_office",), "any_staff": None}[role]
    school = enrolled["school"] if enrolled else record["school"]
    return school is not None and adult in staff_of(world, school, kinds, day)


def class_teachers(world, enrolled, day):
    """Class teacher of its class that day; while a child has no class, the school's leader."""
    if enrolled.get("class"):
        return [
            row["staff"]
            for row in posts_of(world, day, ("class_teacher",))
            if row["class"] == enrolled["class"]
        ]
    return [row["staff"] for row in own_posts(world, enrolled["school"], ("leader",), day)]


def staff_of(world, school, kinds, day):
    """Any post at that school; nobody from district or county; a 教学点 is part of its managing school."""
    return [
        row["staff"]
        for row in posts_of(world, day, kinds)
        if post_school(world, row)
        and head_school(world, post_school(world, row)) == head_school(world, school)
    ]


def own_posts(world, school, kinds, day):
    """Posts of the school or of the managing school."""
    return [
        row
        for row in posts_of(world, day, kinds)
        if post_school(world, row) in (school, world["schools_by_id"][school].get("managing_school"))
        and post_school(world, row) is not None
    ]


def standing_number(world, rule, duty, now):
    """The number of open primary pairings that day as known, and as entered before closing."""
    if rule["measure"] != "open_primary_pairings":
        raise ValueError(rule["measure"])
    closing = closing_moment(world, duty["last"].isoformat()[:7])
    known = [
        row
        for row in world["pairings"]
        if row["kind"] == "primary"
        and row[rule["subject"]] == duty["subject"]
        and covers_day(row, duty["judge_day"])
        and row["recorded_at"] <= now
    ]
    return len(known), sum(row["recorded_at"] < closing for row in known)


# --- Excuses


def is_excused(world, rule, duty, now):
    """It excuses a period if it covers at least half of its days: one single excuse, all or named rules."""
    return any(
        row["subject_kind"] == rule["subject"]
        and row["subject"] == duty["subject"]
        and names_rule(world, row, rule)
        and is_approved(row, now)
        and 2 * overlap(row, duty["first"], duty["last"]) >= (duty["last"] - duty["first"]).days + 1
        for row in world["excuses"]
    )


def names_rule(world, excuse, rule):
    """All or named rules; an excuse that names the code covers the county's and the school's."""
    named = excuse.get("rules") or []
    return not named or rule["code"] in named or rule_name(world, rule) in named


def is_approved(excuse, now):
    """Approved, before or after; revocable."""
    if not excuse.get("approved_at") or excuse["approved_at"] > now:
        return False
    return not (excuse.get("revoked_at") and excuse["revoked_at"] <= now)


def overlap(excuse, first, last):
    """How many days of the period the excuse covers."""
    start = max(first, excuse["starts_on"])
    end = min(last, excuse.get("ends_on") or last)
    return max(0, (end - start).days + 1)


def has_left(world, rule, duty, now):
    """A subject no longer in force at that school on the period's last school day is excused: 期内离开.

    By the county's calendar; while the period runs: today. Who was in force on the judge day can be
    "no longer" in force only on a later day.
    """
    day = last_school_day(world, duty["first"], duty["last"])
    if now.date() <= duty["last"]:
        day = now.date()
    if day is None or day <= duty["judge_day"]:
        return False
    return not is_still_there(world, rule, duty, day)


def last_school_day(world, first, last):
    """The period's last school day by the county calendar."""
    found = [day for day in days_of(first, last) if is_school_day(world, None, day)]
    return found[-1] if found else None


def is_still_there(world, rule, duty, day):
    """In force: enrolled there and on the list; a class or school that holds such a child; …"""
    subject, school = duty["subject"], duty["school"]
    on_list = [row["id"] for row in world["children"] if is_on_list_at(world, row["id"], school, day)]
    if rule["subject"] == "child":
        return subject in on_list
    if rule["subject"] == "class":
        return any(enrollment(world, child, day).get("class") == subject for child in on_list)
    if rule["subject"] == "school":
        ends_on = world["schools_by_id"][school].get("ends_on")
        return bool(on_list) and (not ends_on or day <= ends_on)
    if rule["subject"] == "center":
        return any(row["id"] == subject and covers_day(row, day) for row in world["centers"])
    if rule["subject"] == "staff":
        return any(
            row["staff"] == subject and post_school(world, row) == school for row in posts_of(world, day)
        )
    return True


# --- Whose it is


def responsible(world, rule, duty, now):
    """A finding names the holder on the last day (running: today); nobody = the leader, as an alarm."""
    day = min(duty["last"], now.date())
    return role_holder(world, rule, duty, day) or first_of(leaders(world, duty["school"], day))


def role_holder(world, rule, duty, day):
    """Whoever holds the responsible role that day, or None."""
    role, subject, school = rule["responsible"], duty["subject"], duty["school"]
    if role == "self":
        return subject if rule["subject"] == "staff" else None
    if role == "center_manager":
        return first_of(
            row for row in posts_of(world, day, ("center_manager",)) if row.get("center") == subject
        )
    if role in ("paired", "proxy"):
        kind = "primary" if role == "paired" else "proxy"
        return first_of(pairings_of(world, subject, kind, day)) if rule["subject"] == "child" else None
    school_class = class_of_duty(world, rule, duty, day)
    if role == "class_teacher":
        posts = posts_of(world, day, ("class_teacher",))
        return first_of(row for row in posts if school_class and row["class"] == school_class)
    # For the leading group the member who covers the class (and is one that day), else its office.
    members = {row["staff"] for row in own_posts(world, school, LEADING_GROUP, day)} if school else set()
    covering = [
        row
        for row in world["covers"]
        if row["class"] == school_class and covers_day(row, day) and row["staff"] in members
    ]
    office = own_posts(world, school, ("group_office",), day) if school else []
    return first_of(covering) or first_of(office)


def class_of_duty(world, rule, duty, day):
    """The child's class that day while it is at the school that owes, else that of the judge day.

    An open duty does not move with the child.
    """
    if rule["subject"] == "class":
        return duty["subject"]
    if rule["subject"] != "child":
        return None
    row = enrollment(world, duty["subject"], day)
    if row is None or row["school"] != duty["school"]:
        row = enrollment(world, duty["subject"], duty["judge_day"])
    return row.get("class")


def leaders(world, school, day):
    """The leader of the school or of the managing school."""
    return own_posts(world, school, ("leader",), day) if school else []


def first_of(rows):
    """If several by lowest (starts_on, staff id)."""
    found = sorted((row["starts_on"], row["staff"]) for row in rows)
    return found[0][1] if found else None
