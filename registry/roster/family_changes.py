"""Fifth stage: what a row changes in a child's family: adults, phones, who cares for it, where the parents work."""

from .. import regions, values
from ..models import (
    Ability,
    AdultCondition,
    Authority,
    Guardian,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Relation,
)
from .children import AT_HOME, WHO
from .headings import GRANDPARENTS
from .matching import Matching
from .people import conditions_in
from .plan import ONE_DAY, PARENT_OF, masked_phone, shown, squeeze


class FamilyChanges(Matching):
    """What the family of each row becomes."""

    def _family(self, entry, known):
        kin = {kinship.relation: kinship for kinship in known.kin if kinship.relation in PARENT_OF.values()}
        for person, relation in PARENT_OF.items():
            told = getattr(entry, person)
            if told.status and not (told.died or conditions_in(told.status) or AT_HOME.match(told.status)):
                self._ask_status(entry, known, f"{WHO[person]}状况", told.status)
            if told.empty and not (told.died or told.conditions or told.away):
                continue
            kinship = kin.get(relation)
            adult = kinship.guardian if kinship else None
            if adult is None:
                if not (told.name or told.phones or told.work_place or told.conditions or told.away):
                    continue
                adult = self._adult(entry, known, told, relation, f"{known.child.name}的{WHO[person]}")
            else:
                self._correct_adult(entry, adult, told, WHO[person])
            self._work(entry, adult, told, WHO[person])
            self._conditions(entry, adult, told, WHO[person])
        self._guardian(entry, known)
        for person in GRANDPARENTS:
            told = entry.others.get(person)
            if told is None or not told.name:
                continue
            relation = Relation(person)
            kinship = next((k for k in known.kin if k.guardian.name == told.name), None)
            if kinship is None:
                self._adult(entry, known, told, relation, told.name)
                kinship = known.kin[-1]
            self._conditions(entry, kinship.guardian, told, relation.label)

    def _ask_status(self, entry, known, what, status):
        """离异, 丧偶 and the like say nothing of who cares for the child: a person asks, nothing is concluded."""
        message = f"名册上写着{what}“{status}”，请问清孩子跟谁生活、由谁照看，再登记家长情况"
        self._open_question(entry, known, what, status, message, what)

    def _guardian(self, entry, known):
        told = entry.guardian
        if told.empty:
            return
        code = values.relation_code(told.relation) if told.relation else ""
        open_cares = (
            [k for k in known.kin if self.cares.get((known.child.pk, k.guardian_id))]
            if known.child.pk
            else []
        )
        kinship = None
        if told.name:
            kinship = next((k for k in known.kin if k.guardian.name == told.name), None)
            if kinship is None and code in PARENT_OF.values():
                # 监护人 is a parent: the parent's own columns name him, or he is the only one there
                kinship = next((k for k in known.kin if k.relation == code), None)
                if kinship is not None and kinship.guardian.name != told.name and getattr(entry, code).name:
                    kinship = None
        elif len(open_cares) == 1:
            kinship = open_cares[0]
        elif code in PARENT_OF.values():
            kinship = next((k for k in known.kin if k.relation == code), None)
        if kinship is None and not (told.name or told.phones):
            return
        if kinship is None:
            relation = Relation(code) if code else Relation.OTHER
            if relation in PARENT_OF.values() and any(k.relation == relation for k in known.kin):
                relation = Relation.OTHER
            adult = self._adult(
                entry,
                known,
                told,
                relation,
                f"{known.child.name}的{told.relation or '监护人'}",
                label="监护人",
                cares=True,
            )
            kinship = known.kin[-1]
        else:
            adult = kinship.guardian
            self._correct_adult(entry, adult, told, "监护人")
            if told.relation not in (None, kinship.word) and kinship.relation not in PARENT_OF.values():
                entry.changes.append(("关系", kinship.word, told.relation))
                self._kinship_changed(kinship, code, told.relation)
        self._conditions(entry, adult, told, "监护人")
        self._cares_for(entry, known, adult, kinship, open_cares)

    def _kinship_changed(self, kinship, code, written):
        if kinship.pk is None:
            return
        kinship.relation, kinship.as_written = Relation(code), written[:20]
        self.plan.changed_kinships[kinship.pk] = kinship

    def _cares_for(self, entry, known, adult, kinship, open_cares):
        child = known.child
        care = self.cares.get((child.pk, adult.pk)) if child.pk and adult.pk else None
        if care is not None:
            if entry.ability and care.ability != entry.ability:
                entry.changes.append(("监护评估", care.get_ability_display(), Ability(entry.ability).label))
            if entry.entrusted and care.authority == Authority.INFORMAL:
                self._entrusted(entry, known, care)
            elif entry.ability and care.ability != entry.ability:
                care.ability = entry.ability
                self.plan.changed_cares[care.pk] = care
            return
        if kinship.relation in PARENT_OF.values():
            authority = Authority.LEGAL
        else:
            authority = Authority.ENTRUSTED if entry.entrusted else Authority.INFORMAL
        start = self.as_of
        for other in open_cares:
            spell = self.cares[child.pk, other.guardian_id]
            start = max(start, spell.starts_on)
            self._end(spell, start)
        last = known.last_ends.get(("care", adult.pk)) if adult.pk else None
        if last:
            start = max(start, last + ONE_DAY)
        if child.pk:
            old = "、".join(other.guardian.name for other in open_cares)
            entry.changes.append(("监护人", old, adult.name))
        self.plan.rows[Guardianship].append(
            Guardianship(
                child=child, guardian=adult, authority=authority, ability=entry.ability, starts_on=start
            )
        )

    def _entrusted(self, entry, known, care):
        """What was informal is entrusted from the roster's day."""
        entry.changes.append(("照看依据", care.get_authority_display(), Authority.ENTRUSTED.label))
        start = max(self.as_of, care.starts_on)
        self._end(care, start)
        self.plan.rows[Guardianship].append(
            Guardianship(
                child=known.child, guardian=care.guardian, authority=Authority.ENTRUSTED, ability=entry.ability or care.ability,
                lives_with=care.lives_with, starts_on=start,
            )
        )  # fmt: skip

    def _adult(self, entry, known, told, relation, fallback, label="", cares=False):
        """An adult new to this child: one already known by name and phone (of a sibling), or a new row.

        ``cares``: that he cares for the child now is said as a change of its own.
        """
        name = (told.name or fallback)[:60]
        adult = None
        keys = [(told.name, values.phone_index(phone)) for phone in told.phones[:1]] if told.name else []
        for key in keys:
            adult = self.by_phone.get(key)
        if adult is not None and any(k.guardian is adult for k in known.kin):
            adult = None
        if adult is None:
            adult = Guardian(
                county=self.school.county, name=name, id_number=told.id_number or "", birth_date=told.birth_date,
                health=told.health or "", occupation=(told.trade or "")[:60],
                note="名册上写着已故" if told.died else "",
            )  # fmt: skip
            self.plan.rows[Guardian].append(adult)
            for key in keys:
                self.by_phone[key] = adult
            for position, number in enumerate(told.phones):
                phone = Phone(guardian=adult, number=number, position=position)
                phone.prepare()
                self._phones_of(adult).append(phone)
                self.plan.rows[Phone].append(phone)
        else:
            self._correct_adult(entry, adult, told, label or Relation(relation).label)
        if known.child.pk and not cares:
            entry.changes.append((label or Relation(relation).label, "", name))
        kinship = Kinship(
            child=known.child, guardian=adult, relation=relation,
            as_written=(told.relation or "")[:20] if relation not in PARENT_OF.values() else "",
        )  # fmt: skip
        known.kin.append(kinship)
        self.plan.rows[Kinship].append(kinship)
        return adult

    def _conditions(self, entry, adult, told, label):
        """What the row says keeps the adult from caring (服刑、重病 …) begins; that it says nothing ends nothing."""
        for kind in told.conditions:
            key = (adult.pk or id(adult), kind)
            if key in self.conditions:
                continue
            self.conditions.add(key)
            last = self.condition_ends.get(key)
            condition = AdultCondition(
                guardian=adult, kind=kind, starts_on=max(self.as_of, last + ONE_DAY) if last else self.as_of
            )
            if adult.pk:
                entry.changes.append((f"{label}情况", "", condition.get_kind_display()))
            self.plan.rows[AdultCondition].append(condition)

    def _phones_of(self, adult):
        return self.phones[adult.pk if adult.pk else id(adult)]

    def _say(self, entry, adult, what, value):
        """False when an earlier row of this file said something else of the same adult (siblings): the first counts."""
        first = self.said.setdefault((id(adult), what), value)
        if first != value:
            self._problem(
                entry, "siblings_differ", "name",
                f"第 {entry.row} 行{entry.name}：家长{adult.name}的资料和前面兄弟姐妹那一行不一样，按前面那一行记，请核对", "warning", "noted",
            )  # fmt: skip
            return False
        return True

    def _correct_adult(self, entry, adult, told, label):
        changed = []
        for name, value, word in (
            ("name", told.name, ""), ("id_number", told.id_number, "身份证号"), ("birth_date", told.birth_date, "出生日期"),
            ("health", told.health, "健康状况"), ("occupation", (told.trade or "")[:60], "职业"),
        ):  # fmt: skip
            if value and self._say(entry, adult, name, value):
                old = getattr(adult, name)
                if old != value:
                    changed.append((name, value))
                    if adult.pk:
                        entry.changes.append(
                            (f"{label}{word}", shown(adult, name, old), shown(adult, name, value))
                        )
        if changed:
            self._set_adult(adult, changed)
        phones = self._phones_of(adult)
        have = {phone.number_index for phone in phones}
        fresh = [number for number in told.phones if values.phone_index(number) not in have]
        if fresh:
            old = phones[0].number if phones else ""
            if adult.pk:
                entry.changes.append((f"{label}电话", masked_phone(old), masked_phone(fresh[0])))
            self._add_phones(adult, phones, fresh)

    def _set_adult(self, adult, changed):
        for name, value in changed:
            setattr(adult, name, value)
        if adult.pk:
            self.plan.changed_adults[adult.pk] = adult

    def _add_phones(self, adult, phones, fresh):
        """The roster's number comes first; the others stay behind it."""
        for phone in phones:
            phone.position += len(fresh)
            if phone.pk:
                self.plan.changed_phones[phone.pk] = phone
        made = []
        for position, number in enumerate(fresh):
            phone = Phone(guardian=adult, number=number, position=position)
            phone.prepare()
            made.append(phone)
            self.plan.rows[Phone].append(phone)
        phones[:0] = made

    def _work(self, entry, adult, told, label):
        place = (told.work_place or "")[:100]
        old = self.works.get(adult.pk if adult.pk else id(adult))
        out = told.away and not told.died  # out, and nobody says where
        if not (place or told.away_since or out):
            return
        said = (place, told.away_since)
        if any(said) and not self._say(entry, adult, "work", said):
            return
        if place and (AT_HOME.match(place) or told.died):
            if old is not None and old.pk:
                entry.changes.append((f"{label}务工地", old.place, place))
                self._end(old, max(self.as_of, old.starts_on))
                del self.works[adult.pk]
            return
        since, known_day = told.away_since or (self.as_of, False)
        if old is not None:
            if not place or squeeze(old.place) == squeeze(place):
                return
            if old.pk is None and not old.place:
                # the row of a brother or sister said only that the parent is out
                old.place, old.division_code = place, regions.code_in(place)
                old.trade, old.expected_return_on = (told.trade or "")[:40], told.return_on
                if told.away_since:
                    old.starts_on, old.starts_on_known = told.away_since
                return
            start = max(since if told.away_since else self.as_of, old.starts_on)
            if old.pk:
                entry.changes.append((f"{label}务工地", old.place, place))
                self._end(old, start)
            since = start
        elif adult.pk:
            last = self.work_ends.get(adult.pk)
            since = max(since, last + ONE_DAY) if last else since
            entry.changes.append((f"{label}务工地", "", place or "在外"))
        work = ParentWork(
            guardian=adult, place=place, starts_on=since, starts_on_known=known_day and since == (told.away_since or (None,))[0],
            division_code=regions.code_in(place) if place else "", trade=(told.trade or "")[:40],
            expected_return_on=told.return_on,
        )  # fmt: skip
        self.works[adult.pk if adult.pk else id(adult)] = work
        self.plan.rows[ParentWork].append(work)
