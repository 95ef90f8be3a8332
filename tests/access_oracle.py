"""What each post may open and do, page by page: written by hand from the posts' table (docs/domain.md), never from the code.

One line per URL name; a URL without a line fails (tests/test_access_matrix.py). A line says which object the address
names (``kind``), who has the function (``who``) and which methods there are. The answer follows from three rules:

- the object is outside the reader's sight: 404 (403 also passes where the function is lacking too);
- the object is in sight, the function is lacking: 403;
- both: the page (``ok``).

``SEEN`` says which objects are in sight: by subject, the relations of tests/world.py. ``but`` names single exceptions.
"""

from dataclasses import dataclass, field

from .world import SUBJECTS

EVERYBODY = frozenset(SUBJECTS)
LEADING = frozenset({"leader", "deputy", "group_office"})
GROUP = LEADING | {"group_member"}
COUNTY = frozenset({"county_officer", "county_officer_with_reason"})
WITHOUT_POST = frozenset({"nobody", "former_leader"})
AT_SCHOOL = EVERYBODY - WITHOUT_POST - COUNTY - {
    "district_officer", "womens_federation", "inspector", "administrator",
}  # fmt: skip

EDITORS = LEADING | {"class_teacher", "archivist"}  # who enter and correct children
IMPORTERS = LEADING | {"archivist"}
KEEPERS = frozenset({"leader", "archivist"})  # of the files of children that left
SCREENERS = LEADING | {"class_teacher"}  # answer for the children of a class each term
# A tie makes any post at a school log what was done, and ask that it need not be done.
LOGGERS = AT_SCHOOL
ASKERS = AT_SCHOOL - {"subject_teacher", "duty_teacher"}
ON_DUTY = GROUP | {"class_teacher", "duty_teacher", "center_manager"}  # log what the center did
CENTER_KEEPERS = LEADING | {"center_manager", "administrator"}
BOARD = GROUP | {"grade_head", "archivist"}
COUNTY_BOARD = COUNTY | {"district_officer", "womens_federation", "inspector"}
PLACE_KEEPERS = COUNTY | {"administrator"}  # schools, districts, the county's calendar
SCHOOL_KEEPERS = LEADING | {"administrator"}  # classes, staff, posts, accounts
SETTINGS = PLACE_KEEPERS | LEADING
STATERS = COUNTY | {"district_officer"}  # open names with a stated reason
REVIEWERS = COUNTY | {"leader"}
COUNTING_ONLY = frozenset({"womens_federation", "inspector", "administrator"})  # never a list of children
REGISTER_READERS = EDITORS | {"grade_head"}  # lists of agreements, demands, traits
HEAD_COUNTERS = REGISTER_READERS | STATERS | {"womens_federation"}  # figures beside them; names as in sight
EXPORTERS = EDITORS | STATERS | {"womens_federation"}  # registers of a class, a school; counts of the county
SCORES = LEADING | COUNTY_BOARD  # the assessment of schools
AUDITORS = frozenset({"leader", "administrator"})
ID_READERS = EDITORS | {"county_officer_with_reason"}  # masked, revealed with a reason
PHONE_READERS = GROUP | {
    "class_teacher", "paired", "grade_head", "archivist", "center_manager", "county_officer_with_reason",
}  # fmt: skip
WORD_READERS = LEADING | {"class_teacher", "grade_head"}  # everybody's words, not only the own
PLANNERS = WORD_READERS | {"paired"}  # help plans and handovers of a child

# --- what is in sight ------------------------------------------------------------------------------------------------

CLASS, SCHOOL, POINT, GONE = {"own", "same_class"}, {"same_school"}, {"point"}, {"graduated"}
WHOLE_SCHOOL = CLASS | SCHOOL | POINT | GONE
DISTRICT, IN_COUNTY = {"own", "point", "district"}, {"own", "point", "district", "other"}

FILE = {
    "class_teacher": CLASS,
    "paired": {"own"},
    "grade_head": CLASS,
    "leader": WHOLE_SCHOOL,
    "deputy": WHOLE_SCHOOL,
    "group_office": WHOLE_SCHOOL,
    "archivist": WHOLE_SCHOOL,
    "county_officer_with_reason": CLASS | SCHOOL,  # one school was opened, not its 教学点
}
NAMES = FILE | {
    "subject_teacher": CLASS,
    "duty_teacher": CLASS,
    "group_member": CLASS | SCHOOL | POINT,
    "center_manager": CLASS | SCHOOL | POINT,
}
PLACES = (
    {subject: {"own", "point"} for subject in AT_SCHOOL}
    | dict.fromkeys(EVERYBODY - AT_SCHOOL - WITHOUT_POST, IN_COUNTY)
    | {"district_officer": DISTRICT}
)
MANAGED = {subject: {"own", "point"} for subject in LEADING} | {"administrator": IN_COUNTY}
SEEN = {
    "child": FILE,
    "child_name": NAMES,
    "left_child": dict.fromkeys(KEEPERS, GONE),
    "contact": FILE,
    "excuse": FILE | {"group_member": WHOLE_SCHOOL},  # who decides sees what there is to decide, not the file
    "report": {"paired": {"own"}, **dict.fromkeys(LEADING, WHOLE_SCHOOL)},  # the reporter and the school's leaders
    "transfer": dict.fromkeys(IMPORTERS, WHOLE_SCHOOL),  # sent by the schools of these posts
    "place": PLACES,
    "county": dict.fromkeys(EVERYBODY - WITHOUT_POST, IN_COUNTY),
    "district": dict.fromkeys(EVERYBODY - AT_SCHOOL - WITHOUT_POST, IN_COUNTY) | {"district_officer": DISTRICT},
    "board": {subject: PLACES[subject] for subject in COUNTY_BOARD},
    "managed": MANAGED,
    "assigned": {subject: {"own", "point"} for subject in LEADING},
    "roster": {subject: {"own", "point"} for subject in IMPORTERS},
    "reason": {"leader": {"own", "point"}, **dict.fromkeys(COUNTY, IN_COUNTY),
               "district_officer": IN_COUNTY | {"foreign"}},  # which it stated itself
    "screened": {"class_teacher": {"own"}} | {one: {"own", "point"} for one in LEADING},  # a class's screening
    "nobody's": {},  # belongs to another account
}  # fmt: skip

CHILD_RELATIONS = ("own", "same_class", "same_school", "point", "district", "other", "graduated", "foreign")
PLACE_RELATIONS = ("own", "point", "district", "other", "foreign")
BY_CHILD = {"child", "left_child", "child_name", "contact", "excuse", "report", "transfer"}
DONE = frozenset({200, 302, 400, 409, 422})  # a POST that was let in: saved, or the form with its errors


@dataclass(frozen=True)
class Line:
    """One page: the object it names, who has the function, its methods, how it answers when all is well."""

    kind: str = ""
    who: frozenset = EVERYBODY
    methods: str = "GET"
    ok: frozenset = frozenset({200})
    objects: dict = field(default_factory=dict)  # argument of the address -> kind of object in the world
    values: dict = field(default_factory=dict)  # arguments that name no object
    but: dict = field(default_factory=dict)  # (subject, relation or "") -> "404", "403", "ok"

    @property
    def relations(self):
        """The relations in which the object is tried."""
        if not self.kind:
            return ("",)
        return CHILD_RELATIONS if self.kind in BY_CHILD else PLACE_RELATIONS

    def expected(self, subject, relation, method):
        """The statuses that are right."""
        if method not in self.methods.split():
            return frozenset({405})
        ok = self.ok if method == "GET" else DONE
        said = self.but.get((subject, relation)) or self.but.get((subject, ""))
        if said:
            return ok if said == "ok" else frozenset({int(said)})
        may = subject in self.who
        if self.kind and relation not in SEEN[self.kind].get(subject, ()):
            return frozenset({404}) if may else frozenset({403, 404})
        return ok if may else frozenset({403})


def page(who=EVERYBODY, **more):
    """Shows something; names no object."""
    return Line(who=who, **more)


def form(who=EVERYBODY, **more):
    """Asks and saves; names no object."""
    return Line(who=who, methods="GET POST", **more)


def press(who=EVERYBODY, **more):
    """A button; names no object."""
    return Line(who=who, methods="POST", **more)


def of_child(who=EVERYBODY, methods="GET", kind="child", values=None, **more):
    """About one child; ``more`` = further arguments of the address: kind of object."""
    but, ok = more.pop("but", {}), more.pop("ok", frozenset({200}))
    return Line(kind, who, methods, ok, {"uid": "child", **more}, values or {}, but)


def of(kind, thing, who=EVERYBODY, methods="GET", **more):
    """About one object ``thing`` of the world, in sight as ``SEEN[kind]`` says."""
    return Line(kind, who, methods, objects={"uid": thing, **more.pop("objects", {})}, **more)


MONTH, YEAR, BOTH = {"month": "2026-10"}, {"year": 2026}, "GET POST"
THERE = frozenset({302})

OTHER_CLASS = {
    ("class_teacher", "point"): "403"
}  # the class of a colleague is in sight, its children are not

ORACLE = {
    # the door
    "healthz": page(),
    "home": page(ok=THERE),
    "manual": page(ok=frozenset({200, 302})),  # sends on where the post has one page only
    "manual_page": page(values={"page_key": "class-teacher"}),
    "setup": form(frozenset(), ok=frozenset({404}), but=dict.fromkeys(((one, "") for one in EVERYBODY), "404")),
    "getting_started": page(SETTINGS),
    "setup_rules": form(PLACE_KEEPERS),
    "trust:sign_in": form(ok=THERE),
    "trust:sign_out": press(),
    # one's own account
    "trust:account": page(),
    "trust:password": form(),
    "trust:confirm": form(),
    "trust:end_device": of("nobody's", "device", methods="POST"),
    "trust:end_sessions": press(),
    "trust:draft": form(ok=frozenset({400})),  # names no form
    "trust:restore": form(ok=frozenset({200, 302})),
    "trust:job_list": page(),
    "trust:job": of("nobody's", "job"),
    "trust:job_file": of("nobody's", "job"),
    "trust:audit_list": page(AUDITORS),
    # children
    "registry:child_list": page(EVERYBODY - COUNTING_ONLY),
    "registry:child_search": form(EVERYBODY - COUNTING_ONLY),  # searches inside the own scope
    "registry:child_found": page(ok=THERE),  # nothing was searched yet
    "registry:child_add": form(EDITORS),
    "registry:leaver_list": page(KEEPERS),
    "registry:leaver_open": of_child(KEEPERS, BOTH, kind="left_child", ok=THERE),  # who left last summer is not sealed yet
    "registry:stated_reason_list": page(STATERS | REVIEWERS),
    "registry:stated_reason_new": form(STATERS),
    "registry:stated_reason_review": of("reason", "reason", REVIEWERS, "POST"),
    "registry:child_facts": of_child(),
    "registry:child_changes": of_child(),
    "registry:child_basics": of_child(EDITORS, BOTH),
    "registry:child_class": of_child(EDITORS, BOTH),
    "registry:child_leave": of_child(EDITORS, BOTH),
    "registry:child_list_on": of_child(EDITORS, BOTH),
    "registry:child_list_off": of_child(EDITORS, BOTH),
    "registry:trait_add": of_child(EDITORS, BOTH),
    "registry:trait_end": of_child(EDITORS, BOTH, trait_uid="trait"),
    "registry:question_answer": of_child(EDITORS, BOTH, question_uid="question"),
    "registry:spell_cancel": of_child(EDITORS, BOTH, values={"kind": "care"}, spell_uid="care"),
    "registry:child_reveal": of_child(ID_READERS, BOTH, values={"what": "id_number"}),
    "registry:child_phones": of_child(PHONE_READERS, kind="child_name"),
    # 拨打 is one tap for whoever calls every week; others are asked why, by a form
    "registry:phone_call": of_child(
        PHONE_READERS, BOTH, kind="child_name", phone_uid="phone", ok=frozenset({200, 302})
    ),
    "registry:phone_mark": of_child(EDITORS, "POST", values={"mark": "wrong"}, phone_uid="phone"),
    "registry:guardian_add": of_child(EDITORS, BOTH),
    "registry:guardian_share": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:guardian_edit": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:phone_add": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:care_start": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:care_end": of_child(EDITORS, BOTH, care_uid="care"),
    "registry:work_start": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:work_end": of_child(EDITORS, BOTH, work_uid="work"),
    "registry:double_list": page(IMPORTERS),
    "registry:double_differ": press(IMPORTERS, but=dict.fromkeys(((one, "") for one in IMPORTERS), "404")),
    "registry:child_merge": of_child(IMPORTERS, BOTH),
    "registry:merge_undo": of("child", "merge", IMPORTERS, BOTH),
    "registry:condition_start": of_child(EDITORS, BOTH, guardian_uid="guardian"),
    "registry:condition_end": of_child(EDITORS, BOTH, condition_uid="condition"),
    "registry:trait_review": of_child(EDITORS, BOTH, trait_uid="trait"),
    "registry:agreement_add": of_child(EDITORS, BOTH),
    "registry:agreement_edit": of_child(EDITORS, BOTH, agreement_uid="agreement"),
    "registry:agreement_end": of_child(EDITORS, BOTH, agreement_uid="agreement"),
    "registry:agreement_scan": of_child(agreement_uid="agreement", ok=frozenset({404})),  # this world's has no picture
    "registry:demand_add": of_child(EDITORS, BOTH),
    "registry:demand_answer": of_child(EDITORS, BOTH, demand_uid="demand"),
    "registry:agreement_list": page(REGISTER_READERS),
    "registry:demand_list": page(REGISTER_READERS),
    "registry:trait_list": page(REGISTER_READERS),
    "registry:definition_list": page(HEAD_COUNTERS),
    "registry:parents_map": page(HEAD_COUNTERS),
    "registry:completeness": page(HEAD_COUNTERS),
    "reports:child_file": of_child(),
    "reports:child_readers": of_child(frozenset({"leader"})),
    # the roster
    "registry:import_list": page(IMPORTERS),
    "registry:import_new": form(IMPORTERS),
    "registry:import_template": page(IMPORTERS),
    "registry:import_detail": of("roster", "batch", IMPORTERS),
    "registry:import_confirm": of("roster", "batch", IMPORTERS, "POST"),
    "registry:import_choose": of(
        "roster", "batch", IMPORTERS, "POST", but={(one, "own"): "404" for one in IMPORTERS}
        | {(one, "point"): "404" for one in IMPORTERS},
    ),  # the row it asks for is not named
    "registry:import_same": of("roster", "batch", IMPORTERS, "POST"),
    "registry:import_columns": of("roster", "batch", IMPORTERS, "POST"),
    "registry:import_undo": of("roster", "batch", IMPORTERS, BOTH),
    "registry:import_drop": of("roster", "batch", IMPORTERS, BOTH),
    "registry:import_put_right": of("roster", "batch", IMPORTERS, "POST"),
    "registry:held_row_done": of("roster", "batch", IMPORTERS, BOTH, objects={"row_uid": "row"}),
    # screenings
    "registry:screening_home": page(LEADING | COUNTY_BOARD | {"class_teacher"}),
    "registry:screening_open": form(COUNTY),
    "registry:screening_county": of("county", "screening", COUNTY_BOARD),
    "registry:screening_join": of("county", "screening", COUNTY, "POST"),
    "registry:screening_end": of("county", "screening", COUNTY, BOTH),
    "registry:screening_school": of("place", "school_part", LEADING | COUNTY_BOARD),
    "registry:screening_names": of("place", "school_part", LEADING | STATERS),
    "registry:screening_compare": of("place", "school_part", LEADING | COUNTY_BOARD),
    "registry:screening_rates": of("place", "school_part", LEADING | COUNTY_BOARD),
    "registry:screening_school_age": of("place", "school_part", LEADING, BOTH),
    "registry:screening_refresh": of("place", "school_part", LEADING, "POST"),
    "registry:screening_hand_in": of("place", "school_part", LEADING, "POST"),
    "registry:screening_forward": of("place", "school_part", STATERS, "POST"),
    "registry:screening_accept": of("place", "school_part", COUNTY, "POST"),
    # nothing was handed in yet
    "registry:screening_return": of("place", "school_part", STATERS, BOTH, ok=THERE),
    "registry:screening_class": of("screened", "class_part", SCREENERS),
    "registry:screening_unchanged": of("screened", "class_part", SCREENERS, "POST"),
    "registry:screening_figures": of("screened", "class_part", SCREENERS, BOTH),
    "registry:screening_class_done": of("screened", "class_part", SCREENERS, "POST"),
    "registry:screening_class_reopen": of("screened", "class_part", LEADING, "POST"),
    "registry:screening_child_unchanged": of(
        "screened", "class_part", SCREENERS, "POST", objects={"child_uid": "child"}
    ),
    "registry:screening_child_changed": of(
        "screened", "class_part", SCREENERS, BOTH, objects={"child_uid": "child"}
    ),
    "registry:screening_child_left": of(
        "screened", "class_part", SCREENERS, BOTH, objects={"child_uid": "child"}
    ),
    "registry:screening_child_home": of(
        "screened", "class_part", SCREENERS, BOTH, objects={"child_uid": "child"}
    ),
    # places
    "registry:settings": page(SETTINGS),
    "registry:access_table": page(),
    "registry:county_edit": of("county", "county", PLACE_KEEPERS, BOTH),
    "registry:district_add": of("county", "county", PLACE_KEEPERS, BOTH),
    "registry:school_add": of("county", "county", PLACE_KEEPERS, BOTH),
    "registry:district_list": page(PLACE_KEEPERS),
    "registry:district_edit": of("district", "district", PLACE_KEEPERS, BOTH),
    "registry:school_list": page(SETTINGS),
    "registry:school_detail": of("place", "school"),
    "registry:school_edit": of("place", "school", PLACE_KEEPERS, BOTH),
    "registry:school_end": of("place", "school", PLACE_KEEPERS, BOTH),
    "registry:leading_group": of("place", "school"),
    "registry:duty_texts": of("place", "school"),
    "registry:duty_text_edit": of("place", "school", SCHOOL_KEEPERS, BOTH, values={"kind": "leader"}),
    "registry:county_duty_texts": of("county", "county", PLACE_KEEPERS),
    "registry:county_duty_text_edit": of("county", "county", PLACE_KEEPERS, BOTH, values={"kind": "leader"}),
    "registry:my_duties": page(),
    "registry:classes_add": of("place", "school", SCHOOL_KEEPERS, BOTH),
    "registry:class_add": of("place", "school", SCHOOL_KEEPERS, BOTH),
    "registry:class_detail": of("place", "class"),
    "registry:class_edit": of("place", "class", SCHOOL_KEEPERS, BOTH),
    "registry:class_end": of("place", "class", SCHOOL_KEEPERS, BOTH),
    # the calendar
    "registry:calendar": page(EVERYBODY - WITHOUT_POST),
    "registry:calendar_days": form(PLACE_KEEPERS),
    "registry:closing_days": page(PLACE_KEEPERS | BOARD | COUNTY_BOARD),
    "registry:closing_edit": form(PLACE_KEEPERS, values=MONTH),
    "registry:calendar_draft": form(PLACE_KEEPERS, values=YEAR),
    "registry:calendar_terms": form(PLACE_KEEPERS, values=YEAR),
    "registry:calendar_confirm": form(PLACE_KEEPERS, values=YEAR),
    # staff, posts, accounts
    "registry:leader_set": of("place", "school", SCHOOL_KEEPERS, BOTH),
    "registry:class_teacher_set": of("place", "class", SCHOOL_KEEPERS, BOTH),
    "registry:staff_move": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:staff_list": page(SCHOOL_KEEPERS),
    "registry:staff_add": form(SCHOOL_KEEPERS),
    "registry:slips": page(SCHOOL_KEEPERS, ok=THERE),  # nothing to show
    "registry:accounts_open": form(SCHOOL_KEEPERS),
    "registry:staff_sheet": form(SCHOOL_KEEPERS),
    "registry:staff_sheet_template": of("place", "school", SCHOOL_KEEPERS),
    "registry:staff_sheet_preview": of("nobody's", "school", SCHOOL_KEEPERS, objects={"upload_uid": "upload"}),
    "registry:staff_sheet_confirm": of(
        "nobody's", "school", SCHOOL_KEEPERS, "POST", objects={"upload_uid": "upload"}
    ),
    "registry:staff_detail": of("managed", "staff", SCHOOL_KEEPERS),
    "registry:staff_edit": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:staff_leave": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:staff_return": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:post_add": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:post_end": of("managed", "post", SCHOOL_KEEPERS, BOTH),
    "registry:post_cancel": of("managed", "post", SCHOOL_KEEPERS, BOTH),
    "registry:post_hand_over": of("managed", "post", SCHOOL_KEEPERS, BOTH),
    "registry:post_duty": of("managed", "post", SCHOOL_KEEPERS, BOTH),
    "registry:account_open": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:account_reset": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:account_close": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:account_reopen": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:account_rename": of("managed", "staff", SCHOOL_KEEPERS, BOTH),
    "registry:account_unlock": of("managed", "staff", SCHOOL_KEEPERS, "POST"),
    # pairings
    "pairing:pairing_list": page(EVERYBODY - COUNTING_ONLY),
    "pairing:load_list": page(LEADING),
    "pairing:orphan_list": page(LEADING),
    "pairing:ownerless_list": page(LEADING),
    "pairing:list_upload": form(LEADING),
    "pairing:list_check": of("assigned", "pairing_list", LEADING),
    "pairing:list_answer": of("assigned", "pairing_list", LEADING, "POST"),
    "pairing:list_confirm": of("assigned", "pairing_list", LEADING, "POST"),
    "pairing:list_drop": of("assigned", "pairing_list", LEADING, BOTH),
    "pairing:proposal_list": form(LEADING),
    "pairing:proposal": of("assigned", "proposal", LEADING),
    "pairing:proposal_row": of("assigned", "proposal", LEADING, BOTH, objects={"row_uid": "proposal_row"}),
    "pairing:proposal_adopt": of("assigned", "proposal", LEADING, BOTH),
    "pairing:proposal_drop": of("assigned", "proposal", LEADING, BOTH),
    "pairing:child_wish": of_child(LEADING, BOTH),
    "pairing:assign": press(LEADING),
    "pairing:end_several": press(LEADING),
    "pairing:quota_list": form(LEADING),
    "pairing:quota_clear": of("assigned", "quota", LEADING, BOTH),
    "pairing:staff_quota": of("assigned", "staff", LEADING, BOTH),
    "pairing:cover_list": page(LEADING),
    "pairing:cover_set": of("assigned", "class", LEADING, BOTH),
    "pairing:cover_end": of("assigned", "cover", LEADING, BOTH),
    "pairing:cover_cancel": of("assigned", "cover", LEADING, BOTH),
    "pairing:child_pairings": of_child(),
    "pairing:pairing_new": of_child(LEADING, BOTH),
    "pairing:pairing_change": of("child", "pairing", LEADING, BOTH),
    "pairing:pairing_end": of("child", "pairing", LEADING, BOTH),
    "pairing:pairing_cancel": of("child", "pairing", LEADING, BOTH),
    # other ties; a helper's sheet cannot be printed for a graduate and says so
    "pairing:tie_list": page(EVERYBODY - COUNTING_ONLY),
    "pairing:helper_list": page(LEADING),
    "pairing:helper_add": form(LEADING),
    "pairing:helper_detail": of("assigned", "helper", LEADING),
    "pairing:helper_edit": of("assigned", "helper", LEADING, BOTH),
    "pairing:helper_end": of("assigned", "helper", LEADING, BOTH),
    "pairing:unit_tie_add": of("assigned", "helper", LEADING, BOTH),
    "pairing:unit_tie_end": of("assigned", "unit_tie", LEADING, BOTH),
    "pairing:unit_tie_cancel": of("assigned", "unit_tie", LEADING, BOTH),
    "pairing:helper_tie": of_child(LEADING, BOTH),
    "pairing:peer_tie": of_child(LEADING, BOTH),
    "pairing:tie_sheet": of("child", "helper_pairing", LEADING, ok=frozenset({200, 302})),
    # help plans: words for whoever reads all words of the child, and for whoever is tied to it
    "pairing:plan_list": page(EVERYBODY - COUNTING_ONLY),
    "pairing:child_plans": of_child(),
    "pairing:plan_new": of_child(PLANNERS, BOTH),
    "pairing:plan_edit": of("child", "plan", PLANNERS, BOTH),
    "pairing:plan_end": of("child", "plan", PLANNERS, BOTH),
    "pairing:plan_cancel": of("child", "plan", PLANNERS, BOTH),
    "pairing:stage_new": of("child", "plan", PLANNERS, BOTH),
    "pairing:plan_check": of("child", "plan", LEADING, BOTH),
    # transfers: in the world none comes to the reader's school, so nobody may answer one
    "pairing:transfer_list": page(IMPORTERS),
    "pairing:transfers_accept": press(IMPORTERS, ok=THERE),  # nothing ticked
    "pairing:transfer_new": of_child(IMPORTERS, BOTH),
    "pairing:transfer_accept": of("transfer", "transfer", frozenset(), BOTH),
    "pairing:transfer_refuse": of("transfer", "transfer", frozenset(), BOTH),
    "pairing:transfer_withdraw": of("transfer", "transfer", IMPORTERS, BOTH),
    # the turn of the school year
    "pairing:year_end": page(LEADING),
    "pairing:graduates_send": press(LEADING),
    "pairing:first_classes_open": press(LEADING, but=dict.fromkeys(((one, "") for one in LEADING), "404")),  # names no school
    "registry:class_split": of("place", "class", IMPORTERS, BOTH),
    "registry:unplaced_split": of("place", "school", IMPORTERS, BOTH),
    # what is owed
    "activities:today": page(),
    "activities:duty_why": of_child(values={"rule": "F02", "day": "2026-10-15"}),
    "activities:rule_list": page(),
    "activities:rule_change": of("county", "rule", COUNTY, BOTH),
    "activities:month_check": page(BOARD | COUNTY_BOARD, values=MONTH),
    "activities:excuse_list": page(ASKERS),
    "activities:excuse_decide": press(GROUP),
    "activities:excuse_new": of_child(ASKERS, BOTH),
    "activities:excuse_revoke": of("excuse", "excuse", GROUP, BOTH),
    "activities:unreachable_claim": of_child(ASKERS, "POST"),
    "activities:unreachable_decide": of("child", "claim", LEADING, "POST"),  # a member sees no attempts: 403
    # handover
    "activities:handover": of("assigned", "staff", LEADING, BOTH),
    "activities:handover_detail": of("child", "handover", PLANNERS),
    "activities:handover_seen": of("child", "handover", frozenset({"paired"}), "POST"),  # who takes over
    # meetings of the leading group: its members and the archivist read, leader, deputies and office write
    "activities:meeting_list": of("place", "school", GROUP | {"archivist"}),
    "activities:meeting_new": of("place", "school", LEADING, BOTH),
    "activities:meeting_detail": of("place", "meeting", GROUP | {"archivist"}),
    "activities:meeting_edit": of("place", "meeting", LEADING, BOTH),
    "activities:meeting_cancel": of("place", "meeting", LEADING, BOTH),
    "activities:follow_up_new": of("place", "meeting", LEADING, BOTH),
    "activities:follow_up_done": of("place", "follow_up", LEADING, BOTH),
    # 控辍保学
    "activities:dropout_list": page(EDITORS),
    "activities:dropout_counts": page(COUNTY_BOARD),
    "activities:dropout_new": of_child(EDITORS, BOTH),
    "activities:dropout_case": of("child", "case", EDITORS, BOTH),
    "activities:dropout_close": of("child", "case", EDITORS, BOTH),
    # contacts
    "activities:contact_new": form(LOGGERS),
    "activities:record_list_upload": form(LEADING),
    "activities:record_list_check": of("assigned", "record_list", LEADING),
    "activities:record_list_answer": of("assigned", "record_list", LEADING, "POST"),
    "activities:record_list_confirm": of("assigned", "record_list", LEADING, "POST"),
    "activities:record_list_drop": of("assigned", "record_list", LEADING, BOTH),
    "activities:report_alarms": page(LEADING),
    "activities:contact_detail": of("contact", "contact"),
    "activities:contact_correct": of("contact", "contact", WORD_READERS, BOTH),
    "activities:contact_cancel": of("contact", "contact", WORD_READERS, BOTH),
    "activities:contact_report": of("report", "pair_contact"),
    # the center
    "activities:center_list": page(ok=frozenset({200, 302})),  # a single one opens at once
    "activities:center_new": form(CENTER_KEEPERS),
    "activities:center_detail": of("place", "center"),
    "activities:center_edit": of("place", "center", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}),
    "activities:center_end": of("place", "center", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}),
    "activities:opening_new": of("place", "center", ON_DUTY, BOTH, but={("center_manager", "point"): "403"}),
    "activities:activity_new": of("place", "center", ON_DUTY, BOTH, but={("center_manager", "point"): "403"}),
    "activities:opening_correct": of(
        "place", "opening", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}
    ),
    "activities:opening_cancel": of(
        "place", "opening", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}
    ),
    "activities:activity_detail": of("place", "activity"),
    "activities:activity_names": of(
        "place", "activity", ON_DUTY, "POST", but={("center_manager", "point"): "403"}
    ),
    "activities:activity_adults": of(
        "place", "activity", SCREENERS, "POST", but={("class_teacher", "point"): "403"}
    ),  # needs the files of the children; who lacks them finds no class to tick
    "activities:activity_correct": of(
        "place", "activity", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}
    ),
    "activities:activity_cancel": of(
        "place", "activity", CENTER_KEEPERS, BOTH, but={("center_manager", "point"): "403"}
    ),
    # boards
    "reports:dashboard": page(BOARD),
    "reports:dashboard_classes": page(BOARD),
    "reports:dashboard_months": page(BOARD),
    "reports:month_report": page(BOARD, values=MONTH),
    "reports:dashboard_center": page(BOARD),
    "reports:dashboard_people": page(LEADING),
    "reports:dashboard_covers": page(BOARD),
    "reports:help_list": page(BOARD),
    "reports:duty_list": page(BOARD),
    "reports:family_ticks": page(REGISTER_READERS),
    # printed forms: whoever enters children prints what is known of them; the leading group's forms name no child
    "reports:prints": page(EDITORS),
    "reports:print_card": of_child(EDITORS),
    "reports:print_file": of_child(EDITORS),
    "reports:print_agreement": of_child(EDITORS),
    "reports:print_records": of_child(EDITORS),
    "reports:print_contact": of("contact", "contact", EDITORS),
    "reports:print_minutes": of("place", "meeting", GROUP | {"archivist"}),
    "reports:child_print_options": of_child(EDITORS, BOTH, values={"form": "card"}),
    "reports:print_class_cards": of("place", "class", EDITORS, but=OTHER_CLASS),
    "reports:print_class_register": of("place", "class", EDITORS, but=OTHER_CLASS),
    "reports:print_class_pairings": of("place", "class", EDITORS, but=OTHER_CLASS),
    "reports:class_print_options": of("place", "class", EDITORS, BOTH, values={"form": "file"}, but=OTHER_CLASS),
    "reports:class_letters": of("place", "class", EDITORS, BOTH, but=OTHER_CLASS),
    "reports:print_letters": of("place", "class", EDITORS, but=OTHER_CLASS),
    "reports:class_cards": of("place", "class", EDITORS, but=OTHER_CLASS),
    "reports:cards_issue": of("place", "class", EDITORS, "POST", but=OTHER_CLASS),
    "reports:print_school_register": of("place", "school", IMPORTERS),
    "reports:print_school_pairings": of("place", "school", IMPORTERS),
    "reports:school_print_options": of("place", "school", IMPORTERS, BOTH, values={"form": "register"}),
    "reports:print_group": of("place", "school"),
    "reports:print_duty_texts": of("place", "school"),
    # workbooks and the assessment: figures of schools, ordered by whoever answers for them
    "reports:exports": page(EXPORTERS),
    "reports:order_workbook": press(
        frozenset(), but=dict.fromkeys(((one, "") for one in EVERYBODY), "403")
    ),  # names no workbook
    "reports:assessment": page(SCORES),
    "reports:adopt_scheme": press(COUNTY),
    "reports:assessment_sheet": of(
        "place", "school", SCORES, values={"year": 2026}, but={(one, relation): "404" for one in SCORES
        for relation in ("own", "point", "district", "other") if relation in PLACES[one]},
    ),  # the county of this world has taken over no scheme
    "reports:county_board": page(COUNTY_BOARD),
    "reports:county_school": of("board", "school", COUNTY_BOARD),
}  # fmt: skip


# --- what of a child may stand in an answer --------------------------------------------------------------------------

# On a page of one's own children only: everybody else's values are secrets, whatever the page.
SHOWS_ADDRESS = EDITORS | {
    "paired",
    "grade_head",
}  # 班主任, 结对, 年级, 学校领导, 档案: "phone, address: yes"


# 档案管理员: words of contacts "as printed on forms"
SHEETS_WITH_WORDS = frozenset({"reports:print_file", "reports:print_records", "reports:print_contact"})


def hidden_from(subject, canaries, name=""):
    """Every value that must stand in no answer to this subject (on the page ``name``)."""
    hidden = []
    word_readers = WORD_READERS | ({"archivist"} if name in SHEETS_WITH_WORDS else set())
    for relation, canary in canaries.items():
        file_open = relation in FILE.get(subject, ())
        if relation not in NAMES.get(subject, ()):
            hidden.append(canary.name)
        hidden += [
            canary.id_number,
            canary.phone,
        ]  # in full only by a reveal, which the matrix never asks for rightly
        if not (file_open and subject in SHOWS_ADDRESS):
            hidden.append(canary.address)
        if not (file_open and subject in word_readers):
            hidden.append(canary.words)
            if not (subject == "paired" and relation == "own"):
                hidden.append(canary.paired_words)
        if not file_open:
            hidden.append(canary.reason)
    return hidden
