"""Who stands on each class's list while a screening runs, computed from the facts of the day: nobody missed, nobody twice.

The registry decides, never a second copy. A child on the care list that sits at the school has one entry, in the class
where it sits; who came after the opening is NEW by itself; who left or came off the list is LEFT or HOME_AGAIN with the
reason that stands there. ``Roll`` computes this without writing, for pages; ``settle`` writes it, before every change.
"""

from collections import defaultdict

from django.db.models import Q
from django.utils import timezone

from ..models import (
    CareListSpell,
    Child,
    ClassScreening,
    Enrollment,
    Guardianship,
    HandInState,
    Kinship,
    ParentWork,
    SchoolClass,
    SchoolScreening,
    ScreeningAnswer,
    ScreeningEntry,
    Stage,
    Trait,
    TraitKind,
)
from ..together import together

OPEN_STATES = (HandInState.FILLING, HandInState.RETURNED)
GONE = (ScreeningAnswer.LEFT, ScreeningAnswer.HOME_AGAIN)
HERE = (ScreeningAnswer.UNCHANGED, ScreeningAnswer.CHANGED, ScreeningAnswer.NEW)
# An entry of a file that was merged into another counts only where the school had handed it in before.
STANDING = Q(child__merged_into=None) | (
    ~Q(snapshot={}) & ~Q(class_screening__school_screening__state__in=OPEN_STATES)
)
_STAGES = list(Stage)


def is_pending(entry):
    """Whether the class still has to say something: no answer yet, or sent back with a remark."""
    return not entry.answer or bool(entry.returned_comment)


def is_open(part):
    """Whether the school can still change its part."""
    return part.state in OPEN_STATES and part.screening.closed_at is None


class Roll:
    """One school's screening as the facts of today make it. Reads with a constant number of queries, writes nothing.

    ``classes``: the ClassScreenings in the order of the school, those still to be made among them (``pk`` None).
    ``entries``: all entries; ``entry.class_screening`` is the class where the child belongs today.
    """

    def __init__(self, part, *, opening=False):
        self.part, self.day = part, timezone.localdate()
        self.now = timezone.now()
        entries = ScreeningEntry.objects.filter(STANDING, class_screening__school_screening=part)
        self.entries = list(entries.select_related("child").order_by("pk"))
        self.new_classes, self.new_entries, self.changed = [], [], {}
        self._read_classes()
        if is_open(part):
            self._read_facts(previous_of(part) if opening else None)
            self._bring_in_line(opening)
        else:
            by_pk = {one.pk: one for one in self.classes}
            for entry in self.entries:
                entry.class_screening = by_pk[entry.class_screening_id]
        self.classes.sort(key=_class_order)
        self.by_class = defaultdict(list)
        for entry in sorted(self.entries, key=lambda entry: (entry.child.name_key, entry.child_id)):
            self.by_class[entry.class_screening.school_class_id].append(entry)

    # --- reading

    def _read_classes(self):
        part = self.part
        self.classes = list(
            ClassScreening.objects.filter(school_screening=part).select_related(
                "school_class__school", "done_by"
            )
        )
        self._parts = {one.school_class_id: one for one in self.classes}
        self._running = {}
        if is_open(part):
            for one in SchoolClass.objects.filter(school=part.school).running_on(self.day):
                one.school = part.school
                self._running[one.pk] = one
                if one.pk not in self._parts:
                    self._add_class(one)

    def _add_class(self, school_class):
        made = ClassScreening(school_screening=self.part, school_class=school_class)
        self._parts[school_class.pk if school_class else None] = made
        self.classes.append(made)
        self.new_classes.append(made)
        return made

    def _read_facts(self, previous):
        day, known = self.day, [entry.child_id for entry in self.entries]
        self._before = []
        if previous is not None:
            before = counted_entries(previous).filter(child__merged_into=None)
            self._before = list(before.select_related("child", "class_screening"))
            known += [entry.child_id for entry in self._before]
        listed = CareListSpell.objects.on(day)
        seats = Enrollment.objects.on(day).filter(school=self.part.school)
        rows = seats.filter(Q(child__in=listed.values("child")) | Q(child__in=known))
        self._seats = {seat.child_id: seat for seat in rows.select_related("child", "school_class__school")}
        children = set(self._seats) | set(known)
        self._listed = {spell.child_id: spell for spell in listed.filter(child__in=children)}
        gone = [pk for pk in known if pk not in self._seats or pk not in self._listed]
        self._last_seats = _latest(Enrollment.objects.valid().filter(child__in=gone, school=self.part.school))
        self._last_spells = _latest(CareListSpell.objects.valid().filter(child__in=gone))

    # --- bringing entries in line

    def _bring_in_line(self, opening):
        parts_by_pk = {one.pk: one for one in self.classes if one.pk}
        known = {}
        for entry in self.entries:
            entry.class_screening = parts_by_pk[entry.class_screening_id]
            known[entry.child_id] = entry
        for pk, seat in self._seats.items():
            if pk in self._listed and _goes_on(seat, self.day) and _goes_on(self._listed[pk], self.day):
                self._one_here(known.get(pk), seat, opening)
        made = {entry.child_id for entry in self.entries}
        for before in self._before:  # whom the class had last term and has no more
            there = self._parts.get(before.class_screening.school_class_id)
            if before.child_id not in made and there is not None:
                entry = ScreeningEntry(class_screening=there, child=before.child)
                self.entries.append(entry)
                self.new_entries.append(entry)
        for entry in list(self.entries):
            seat, spell = self._seats.get(entry.child_id), self._listed.get(entry.child_id)
            if seat is None or spell is None or not _goes_on(seat, self.day) or not _goes_on(spell, self.day):
                self._one_gone(entry, seat)

    def _one_here(self, entry, seat, opening):
        part = self._parts.get(seat.school_class_id) or self._add_class(seat.school_class)
        if entry is None:
            entry = ScreeningEntry(class_screening=part, child=seat.child)
            if not opening:
                self._answer(entry, ScreeningAnswer.NEW)
            self.entries.append(entry)
            self.new_entries.append(entry)
            return
        if entry.class_screening is not part:
            entry.class_screening = part
            self.changed[entry.pk] = entry
        came_back = (entry.answer == ScreeningAnswer.LEFT and seat.ends_on is None) or (
            entry.answer == ScreeningAnswer.HOME_AGAIN and self._listed[entry.child_id].ends_on is None
        )
        if came_back:
            entry.answer, entry.note, entry.answered_at, entry.answered_by = "", "", None, None
            self.changed[entry.pk] = entry

    def _one_gone(self, entry, seat):
        if entry.answer in GONE:
            return
        if seat is None or not _goes_on(seat, self.day):
            last = seat or self._last_seats.get(entry.child_id)
            self._answer(entry, ScreeningAnswer.LEFT, getattr(last, "end_reason", ""))
        else:
            last = self._listed.get(entry.child_id) or self._last_spells.get(entry.child_id)
            self._answer(entry, ScreeningAnswer.HOME_AGAIN, getattr(last, "end_reason", ""))
        if entry.pk:
            self.changed[entry.pk] = entry

    def _answer(self, entry, answer, note=""):
        """An answer that the facts give; nobody said it, so nobody stands behind it."""
        entry.answer, entry.note, entry.answered_at, entry.answered_by = answer, note, self.now, None

    # --- asking

    def entries_of(self, class_part):
        """Entries of one class in pinyin order."""
        return self.by_class.get(class_part.school_class_id, [])

    def pending(self, class_part=None):
        """Entries that still wait for an answer, of one class or of the school."""
        found = self.entries if class_part is None else self.entries_of(class_part)
        return [entry for entry in found if is_pending(entry)]

    def counted(self, class_part=None):
        """Entries of children that are on the list, answered or not yet."""
        found = self.entries if class_part is None else self.entries_of(class_part)
        return [entry for entry in found if entry.answer not in GONE]

    def shown_classes(self):
        """Classes that have to do something: running ones, and any with entries (children without a class among them)."""
        return [
            one for one in self.classes if self.entries_of(one) or (one.school_class_id and self._runs(one))
        ]

    def _runs(self, one):
        return one.school_class_id in self._running or not is_open(self.part)

    def find(self, class_part, child):
        """The entry of a child in this class, or None."""
        return next((one for one in self.entries_of(class_part) if one.child_id == child.pk), None)


def _class_order(one):
    """Lowest grade first; children without a class at the end."""
    where = one.school_class
    if where is None:
        return (len(_STAGES), 0, 0)
    return (_STAGES.index(where.stage), -where.entry_year, where.number)


def _goes_on(spell, day):
    """Whether it still holds after ``day``: who leaves today is said to have left."""
    return spell.ends_on is None or spell.ends_on > day


def _latest(spells):
    """{child's pk: the spell begun last}."""
    return {spell.child_id: spell for spell in spells.order_by("starts_on", "pk")}


def previous_of(part):
    """The school's last part before this one that was handed in, or None."""
    return (
        SchoolScreening.objects.filter(school=part.school_id, screening__as_of__lt=part.screening.as_of)
        .exclude(state__in=OPEN_STATES)
        .select_related("screening__term", "screening__county", "school__county", "school__district")
        .order_by("-screening__as_of")
        .first()
    )


def counted_entries(part):
    """Entries that stand on the handed-in list of a locked part."""
    return ScreeningEntry.objects.filter(class_screening__school_screening=part, snapshot__listed=True)


def settle(part, *, opening=False):
    """Write what ``Roll`` computed; the caller holds the transaction and the lock on ``part``. Returns the Roll."""
    roll = Roll(part, opening=opening)
    ClassScreening.objects.bulk_create(roll.new_classes)
    for entry in roll.new_entries:
        entry.class_screening = entry.class_screening  # takes the key its class has just been given
    ScreeningEntry.objects.bulk_create(roll.new_entries, batch_size=1000)
    save_entries(roll.changed.values())
    roll.new_classes, roll.new_entries, roll.changed = [], [], {}
    return roll


def save_entries(entries):
    """Saves answers of many entries at once, each with a new version."""
    entries = list(entries)
    for entry in entries:
        entry.version += 1
        entry.class_screening = entry.class_screening
    fields = [
        "class_screening", "answer", "note", "answered_at", "answered_by", "returned_comment", "version",
    ]  # fmt: skip
    ScreeningEntry.objects.bulk_update(entries, fields, batch_size=500)


def locked(part_pk):
    """The school's part, held until the transaction ends: two who press at once follow one another."""
    return (
        SchoolScreening.objects.select_for_update(of=("self",))
        .select_related("screening__county", "screening__term", "school__county", "school__district")
        .get(pk=part_pk)
    )


def changes_since(children, moment):
    """{child's pk: [留守类型, 照看人, …]}: what was registered about these children after ``moment``. Two queries."""
    children = list(children)
    kin = defaultdict(list)
    for child, guardian in Kinship.objects.filter(child__in=children).values_list("child", "guardian"):
        kin[guardian].append(child)
    since = {"recorded_at__gt": moment, "cancelled_at": None}
    types, cares, traits, works = together(
        CareListSpell.objects.filter(child__in=children, **since),
        Guardianship.objects.filter(child__in=children, **since),
        Trait.objects.filter(child__in=children, **since),
        ParentWork.objects.filter(guardian__in=list(kin), **since),
    )
    found = defaultdict(list)

    def note(child, word):
        if word not in found[child]:
            found[child].append(word)

    for spell in types:
        note(spell.child_id, "留守类型")
    for spell in cares:
        note(spell.child_id, "照看人")
    for spell in works:
        for child in kin[spell.guardian_id]:
            note(child, "父母外出")
    for spell in traits:
        note(spell.child_id, "寄宿" if spell.kind == TraitKind.BOARDING else "情况")
    return dict(found)


def named_to(entries, user):
    """Of ``entries`` those whose child's file, or the one it was merged into, ``user`` may open."""
    files = {entry.pk: entry.child.merged_into_id or entry.child_id for entry in entries}
    seen = set(Child.objects.visible_to(user).filter(pk__in=files.values()).values_list("pk", flat=True))
    return [entry for entry in entries if files[entry.pk] in seen]
