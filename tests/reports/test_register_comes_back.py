"""The exported register goes back in through the roster import with zero changes, masked or not."""

from random import Random

import pytest
from django.utils import timezone

from registry.models import CareListSpell, ParentWork, School
from registry.roster.imports import import_roster, plan_roster
from reports.workbooks.register import Shown, build_register, ordered_keys, seats
from reports.workbooks.sheet import Stamp
from tests.registry.cast import cast, make_adult  # noqa: F401
from tests.registry.roster import generator

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.mark.parametrize(
    ("id_number", "phone"), [("masked", "full"), ("full", "masked"), ("full", "full"), ("no", "no")]
)
def test_out_and_in_again_changes_nothing(cast, tmp_path, id_number, phone):  # noqa: F811
    today = timezone.localdate()
    make_adult(cast.own, name="彭三妹")
    father = make_adult(cast.own, name="李强", relation="father", phone="13800007777", cares=False)
    ParentWork.objects.create(guardian=father, place="广东省东莞市", starts_on=today)
    CareListSpell.objects.filter(child=cast.own).update(type="unknown")
    make_adult(cast.seatless, name="何老大", relation="grandfather")
    make_adult(cast.seatless, name="何老二", relation="uncle", phone="0550-7654321")
    shape = generator.Shape(levels=2, phone_style="two")
    made = generator.build(shape, generator.kids(Random(3), 20, (1, 6)))
    import_roster(made.data, by=None, school=cast.school, as_of=today)

    path = tmp_path / "花名册.xlsx"
    uids = build_register(
        path,
        stamp=Stamp("周明远", "石门小学", "核对", "1", timezone.now()),
        title_place="石门小学",
        county=cast.county,
        day=today,
        keys=ordered_keys(seats(today, schools=School.objects.filter(pk=cast.school.pk))),
        shown=Shown(id_number=id_number, phone=phone),
    )
    plan = plan_roster(path.read_bytes(), school=cast.school, as_of=today)
    assert [(entry.name, entry.changes) for entry in plan.roster.entries if entry.status != "unchanged"] == []
    assert plan.roster.problems == []
    assert sorted(entry.existing.uid for entry in plan.roster.entries) == sorted(uids)
