"""摸底排查汇总表: what was handed in by the hand, ordered on the page, without a name."""

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from registry.models import Screening
from reports import exports
from reports.exports import Order
from tests.registry.cast import cast  # noqa: F401
from tests.registry.test_screening import finish, make_term, open_one, part_of

pytestmark = pytest.mark.django_db


def rows(path, sheet):
    return [
        [cell for cell in row if cell is not None] for row in load_workbook(path)[sheet].values if any(row)
    ]


def test_the_summary_holds_what_schools_handed_in_and_no_name(cast, tmp_path):  # noqa: F811
    screening = open_one(cast)
    finish(cast, part_of(screening, cast.school))
    path = tmp_path / "摸底.xlsx"
    children = exports.build(Order("screening", cast.county), path, by=cast.county_officer)
    assert children == []
    found = rows(path, "摸底汇总")
    # pupils 120; 4 children, 1 boy, all both away, 3 in primary classes and one without a class
    assert [1, "石门小学", "城东学区", "已上报学区", 120, 4, 1, 3, 4, 0, 0, 0, 0, 0, 3, 0, 0, 0] in found
    assert [2, "柳溪教学点", "城东学区", "填报中"] in found
    assert ["合计", 120, 4, 1, 3, 4, 0, 0, 0, 0, 0, 3, 0, 0, 0] in found
    assert rows(path, "三率")[3][:4] == ["入学率", 0.99, 99, 100]
    text = str(found) + str(rows(path, "三率"))
    assert not [one for one in (cast.own, cast.beside, cast.young) if one.name in text]


def test_it_is_ordered_on_the_page_once_there_is_a_screening(cast, client):  # noqa: F811
    client.force_login(cast.county_officer)
    assert "摸底排查汇总表" not in client.get(reverse("reports:exports")).content.decode()
    open_one(cast, make_term(cast.county))
    text = client.get(reverse("reports:exports")).content.decode()
    assert "做摸底排查汇总表" in text
    data = {
        "workbook": "screening", "place": f"area:{cast.county.uid}", "purpose": "report",
        "submission": "7a1c1d3e-4a55-4a77-9a5c-0d7f5d0d1f10", "as_of": timezone.localdate().isoformat(),
    }  # fmt: skip
    answer = client.post(reverse("reports:order_workbook"), data)
    assert answer.status_code == 302
    client.force_login(cast.leader)
    assert client.post(reverse("reports:order_workbook"), data | {"submission": ""}).status_code == 422
    client.force_login(cast.subject)
    assert client.post(reverse("reports:order_workbook"), data).status_code == 403


def test_without_a_screening_nothing_is_built(cast, tmp_path):  # noqa: F811
    assert not Screening.objects.exists()
    with pytest.raises(exports.NothingToBuild):
        exports.build(Order("screening", cast.school), tmp_path / "x.xlsx", by=cast.leader)
