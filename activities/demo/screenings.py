"""Two screenings (摸底): last term's accepted, this term's half way, so that no page of it is empty."""

from dataclasses import dataclass
from datetime import timedelta

from registry.models import (
    ClassScreening,
    HandInState,
    PostKind,
    SchoolScreening,
    Screening,
    ScreeningAnswer,
    ScreeningEntry,
    ScreeningStep,
    Term,
)
from registry.screenings.hand_in import snapshots

DEFINITION = "父母一方或双方外出，经学校摸底确认在册"
CHANGES = ["妈妈换了地方打工", "改由外婆带", "爸爸回来了，妈妈还在外", "家里换了电话", "这学期住校了"]
# How far this term's has come, school by school.
REACHED = [
    HandInState.FILLING,
    HandInState.FILLING,
    HandInState.AT_COUNTY,
    HandInState.AT_DISTRICT,
    HandInState.ACCEPTED,
    HandInState.FILLING,
]
WAY = {
    HandInState.AT_DISTRICT: [HandInState.AT_DISTRICT],
    HandInState.AT_COUNTY: [HandInState.AT_DISTRICT, HandInState.AT_COUNTY],
    HandInState.ACCEPTED: [HandInState.AT_DISTRICT, HandInState.AT_COUNTY, HandInState.ACCEPTED],
}


@dataclass
class Campaign:
    """One screening in the making."""

    row: Screening
    over: bool

    @property
    def day(self):
        """The day it speaks of."""
        return self.row.as_of


def build_screenings(world):
    """Of the term that runs and of the one before, where children were on the list by then."""
    terms = [term for term in Term.objects.filter(county=world.county) if term.starts_on < world.until]
    terms.sort(key=lambda term: term.starts_on)
    for term in terms[-2:]:
        over = term is not terms[-1]
        as_of = term.starts_on + timedelta(days=20)
        if not over:
            as_of = max(term.starts_on, min(term.ends_on, world.until) - timedelta(days=6))
        if as_of <= world.roster_on:
            continue
        opened_at = world.moment(as_of - timedelta(days=3), 9, 60)
        row = Screening(
            county=world.county, term=term, as_of=as_of, due_on=as_of + timedelta(days=14), definition=DEFINITION,
            opened_at=opened_at, closed_at=opened_at + timedelta(days=40) if over else None,
        )  # fmt: skip
        world.add(row)
        world.flush(Screening)
        for number, plan in enumerate(world.schools):
            reached = HandInState.ACCEPTED if over else REACHED[number % len(REACHED)]
            _school(world, Campaign(row, over), plan, reached)


def _school(world, campaign, plan, reached):
    """One school's part with its classes, entries and steps."""
    row, day = campaign.row, campaign.day
    handed_in = reached != HandInState.FILLING
    leader = plan.head.holders[PostKind.LEADER].user
    part = SchoolScreening(screening=row, school=plan.school, state=reached)
    if handed_in or campaign.over:
        part.school_age_children = 4 * len(plan.children) + 3
        part.school_age_enrolled = 4 * len(plan.children) + 2
        part.handed_in_at, part.handed_in_by = (
            world.known(world.moment(day + timedelta(days=4), 15, 60)),
            leader,
        )
    world.add(part)
    world.flush(SchoolScreening)
    classes = [one for one in plan.classes if one.entry_year <= day.year and one.ends_on >= day]
    seats = {}
    for kid in plan.children:
        spell = kid.spell_on(day)
        if spell is not None and spell[0] is plan:
            seats.setdefault(id(spell[1]) if spell[1] else None, []).append(kid)
    for number, school_class in enumerate([*classes, None]):
        kids = seats.get(id(school_class) if school_class else None, [])
        if school_class is None and not kids:
            continue
        ready = handed_in or (number % 2 == 0 and school_class is not getattr(world, "demo_class", 0))
        _class(world, campaign, plan, part, school_class, kids, ready)
    world.flush(ClassScreening)
    entries = world.waiting.get(ScreeningEntry, [])
    for entry in entries:
        entry.class_screening = entry.class_screening  # takes the key its class has just been given
    if handed_in:
        part.screening = row
        for entry, snapshot in zip(entries, snapshots(entries, part), strict=True):
            entry.snapshot = snapshot
    world.flush(ScreeningEntry)
    for step, state in enumerate(WAY.get(reached, ())):
        at = world.known(part.handed_in_at + timedelta(days=2 * step))
        world.add(
            ScreeningStep(
                school_screening=part, state=state, taken_at=at, taken_by=leader if not step else None
            )
        )
    world.flush(ScreeningStep)


def _class(world, campaign, plan, part, school_class, kids, ready):
    """One class: its figures and its children's answers, if it is ready."""
    day = campaign.day
    teacher = plan.teacher_of(school_class, day).user
    said_at = world.known(world.moment(day + timedelta(days=1), 16, 120))
    made = ClassScreening(school_screening=part, school_class=school_class)
    if ready:
        made.done_at, made.done_by = said_at, teacher
        if school_class is not None:
            came, went = world.rng.randrange(2), world.rng.randrange(2)
            made.pupils = school_class.pupils or 3 * len(kids) + 5
            made.pupils_at_start = made.pupils - came + went
            made.transferred_in, made.transferred_out, made.dropped_out = came, went, 0
    world.add(made)
    for kid in kids:
        entry = ScreeningEntry(class_screening=made, child=kid.child)
        if ready:
            new = campaign.over and kid.listed_from > day - timedelta(days=40)
            changed = not new and world.chance(0.12)
            entry.answer = (
                ScreeningAnswer.NEW
                if new
                else ScreeningAnswer.CHANGED
                if changed
                else ScreeningAnswer.UNCHANGED
            )
            entry.note = world.rng.choice(CHANGES) if changed else ""
            entry.answered_at, entry.answered_by = said_at, teacher
        world.add(entry)
