"""A school of 1,500 pupils through a school year, played with the program's own verbs: the invented facts it begins with.

石门中心小学 has 30 classes of 50, of which 14 each are on the care list; 河口小学 is where children transfer to and from.
Everything is numbered, nothing drawn: the same year every time.
"""

from datetime import date, timedelta

from tests.registry.roster.generator import id_number

COUNTY = "341299"
FIRST_DAY = date(2025, 9, 1)
TERMS = {
    (2025, "autumn"): (date(2025, 9, 1), date(2026, 1, 23)),
    (2025, "spring"): (date(2026, 2, 24), date(2026, 7, 3)),
    (2026, "autumn"): (date(2026, 9, 1), date(2027, 1, 22)),
    (2026, "spring"): (date(2027, 2, 22), date(2027, 7, 2)),
}
GRADES, CLASSES, LISTED = 6, 5, 14
SURNAMES = "禹欧阮佘苟郦滕殷邬臧"
GIVEN = "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"


def name_of(number):
    """A different name for each number."""
    return SURNAMES[number % 10] + GIVEN[number // 10 % 32] + GIVEN[(number // 320 + number) % 32]


def phone_of(number):
    """No phone of this world: 0000 in the middle."""
    return f"139{0:04d}{number:04d}"


def facts():
    """The county on 1 September 2025 in the plain format of ``load_facts``."""
    schools = [
        {"id": "big", "code": "QX001", "name": "石门中心小学", "stages": ["primary"], "first_used_on": "2025-09-01"},
        {"id": "small", "code": "QX002", "name": "河口小学", "stages": ["primary"], "first_used_on": "2025-09-01"},
    ]  # fmt: skip
    data = {
        "county": {"code": COUNTY, "name": "青溪县", "closing_day": 5},
        "schools": schools,
        "school_years": [{"year": year, "confirmed": True} for year in (2024, 2025, 2026)],
        "terms": [
            {"year": year, "season": season, "starts_on": str(first), "ends_on": str(last)}
            for (year, season), (first, last) in TERMS.items()
        ],
        "days": [
            {"day": str(date(2025, 10, 1) + timedelta(days=n)), "school": None, "kind": "holiday", "name": "国庆节"}
            for n in range(8)
        ],
        "classes": [], "staff": [], "posts": [], "children": [], "enrollments": [], "care_list": [],
        "guardians": [], "kinships": [], "guardianships": [], "parent_work": [], "traits": [],
    }  # fmt: skip
    _people(data)
    for school, per_grade, listed in (("big", CLASSES, LISTED), ("small", 1, 5)):
        for grade in range(1, GRADES + 1):
            for number in range(1, per_grade + 1):
                _class(data, school, grade, number, listed)
    return data


def _person(data, key, school, post, **where):
    number = len(data["staff"])
    data["staff"].append(
        {
            "id": key,
            "name": name_of(2000 + number),
            "school": school,
            "phone": f"137{0:04d}{number:04d}",
        }
    )
    data["posts"].append(
        {"staff": key, "kind": post, "starts_on": "2025-09-01", "ends_on": None} | ({"school": school} if school else {}) | where
    )  # fmt: skip


def _people(data):
    for school in ("big", "small"):
        _person(data, f"leader-{school}", school, "leader")
        _person(data, f"office-{school}", school, "group_office")
    for number in range(1, 5):
        _person(data, f"deputy-{number}", "big", "deputy")
    for number in range(1, 86):
        _person(data, f"subject-{number}", "big", "teacher")
    _person(data, "county", None, "county_officer")


def _class(data, school, grade, number, listed):
    key = f"{school}-{grade}-{number}"
    data["classes"].append(
        {"id": key, "school": school, "stage": "primary", "entry_year": 2026 - grade, "number": number}
    )
    _person(data, f"teacher-{key}", school, "class_teacher", **{"class": key})
    for place in range(listed):
        _family(data, school, key, grade, place)


def _family(data, school, school_class, grade, place):
    number = len(data["children"])
    child, home = f"child-{number}", f"home-{number}"
    born = date(2019 - grade, 1 + number % 12, 1 + number % 28)
    data["children"].append(
        {
            "id": child, "name": name_of(number), "sex": "male" if number % 2 else "female", "birth_date": str(born),
            "id_number": id_number(born, number), "village": f"{'柳石桥塘'[number % 4]}溪村", "address": None,
        }
    )  # fmt: skip
    data["enrollments"].append(
        {"child": child, "school": school, "class": school_class, "starts_on": "2025-09-01", "ends_on": None}
    )
    one_away = place % 4 == 3
    data["care_list"].append(
        {"child": child, "type": "one_away" if one_away else "both_away", "starts_on": "2025-09-01", "ends_on": None}
    )  # fmt: skip
    if place % 5 == 0:
        data["traits"].append(
            {"child": child, "kind": "boarding", "starts_on": "2025-09-01", "ends_on": None}
        )
    for relation, sex in (("father", "male"), ("mother", "female"), ("grandmother", "female")):
        adult = f"{relation}-{home}"
        data["guardians"].append(
            {"id": adult, "name": name_of(4000 + 3 * number + "fmg".index(relation[0])), "sex": sex,
             "phones": [phone_of(3 * number % 10000)], "died_on": None}
        )  # fmt: skip
        data["kinships"].append({"child": child, "guardian": adult, "relation": relation})
        if relation == "father" or (relation == "mother" and not one_away):
            data["parent_work"].append(
                {"guardian": adult, "starts_on": "2025-02-20", "ends_on": None, "division": "441900", "place": "广东省东莞市"}
            )  # fmt: skip
    carer = f"{'mother' if one_away else 'grandmother'}-{home}"
    data["guardianships"].append(
        {
            "child": child,
            "guardian": carer,
            "authority": "legal" if one_away else "informal",
            "starts_on": "2025-09-01",
            "ends_on": None,
        }
    )
