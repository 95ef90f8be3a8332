"""Pages of a child's family: adults, phones, who cares, where the parents work. Doors to ``registry.families``."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from trust import audit
from trust.models import VersionConflict

from .. import conditions, families, regions
from ..forms.children import LastDayForm
from ..forms.families import (
    AddGuardianForm,
    ConditionForm,
    GuardianForm,
    GuardianshipForm,
    KinshipFields,
    PhoneForm,
    WorkForm,
)
from ..models import AdultCondition, Authority, Guardian, Guardianship, Kinship, ParentWork, Phone
from .children import answer_form, editable_or_404, facts_url, form_view, show_conflict


def _adult_or_404(request, child, guardian_uid):
    """(adult, kinship) of this child's family."""
    reach = Guardian.objects.visible_to(request.user)
    guardian = get_object_or_404(
        reach.filter(kinships__child=child).select_related("county"), uid=guardian_uid
    )
    return guardian, Kinship.objects.get(child=child, guardian=guardian)


def _posted(request):
    return request.POST if request.method == "POST" else None


@form_view
def guardian_add(request, uid):
    """A new adult. Who is known already by phone or ID number (a sibling's family) is offered instead of a second row."""
    child = editable_or_404(request, uid)
    form = AddGuardianForm(_posted(request))
    known = []
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if not data["another"] and not Guardian.objects.filter(uid=data["submission"]).exists():
            known = list(
                families.known_adults(
                    request.user, county=child.county, phone=data["phone"], id_number=data["id_number"]
                ).prefetch_related("kinships__child")[:5]
            )
        if not known:
            return _add_guardian(request, child, form)
    context = {
        "form": form, "child": child, "known": known, "title": f"登记{child.name}的家里人", "act": "保存",
        "back_url": facts_url(child), "note": "",
    }  # fmt: skip
    return render(request, "registry/children/guardian_add.html", context)


def _add_guardian(request, child, form):
    def save(data):
        with transaction.atomic():
            guardian = families.add_guardian(child, by=request.user, **form.details())
            if data["cares"] and not guardian.guardianships.open().filter(child=child).exists():
                families.start_guardianship(
                    child,
                    guardian,
                    by=request.user,
                    starts_on=timezone.localdate(),
                    authority=Authority.INFORMAL,
                )
        return f"{guardian.name} 登记好了"

    return answer_form(
        request, form, save, title=f"登记{child.name}的家里人", back=facts_url(child), child=child, known=[],
        template="guardian_add.html",
    )  # fmt: skip


@form_view
def guardian_share(request, uid, guardian_uid):
    """An adult known from a sibling belongs to this child's family too."""
    child = editable_or_404(request, uid)
    guardian = get_object_or_404(
        Guardian.objects.visible_to(request.user).filter(county=child.county), uid=guardian_uid
    )

    def save(data):
        families.share_guardian(child, guardian, by=request.user, **data)
        return f"{guardian.name} 也登记为{child.name}的家里人了"

    return answer_form(
        request, KinshipFields(_posted(request)), save, title=f"{guardian.name}是{child.name}的什么人",
        back=facts_url(child), note="电话和外出情况和兄弟姐妹共用一份，改一处都改。",
    )  # fmt: skip


@form_view
def guardian_edit(request, uid, guardian_uid):
    """Correct an adult and what it is to this child."""
    child = editable_or_404(request, uid)
    guardian, kinship = _adult_or_404(request, child, guardian_uid)
    title, back = f"改{guardian.name}的资料", facts_url(child)
    form = GuardianForm(_posted(request), guardian=guardian, kinship=kinship)
    if request.method != "POST":
        audit.record(
            "open_child", by=request.user, kind="guardian", uid=guardian, child=child, detail="修改家长资料"
        )

    def save(data):
        with transaction.atomic():
            families.correct_guardian(
                guardian, by=request.user, child=child, expected=data["version"], **form.changes()
            )
            families.set_kinship(
                kinship, by=request.user, relation=data["relation"], as_written=data["as_written"]
            )

    try:
        return answer_form(request, form, save, title=title, back=back)
    except VersionConflict as conflict:
        fields = families.GUARDIAN_FIELDS
        return show_conflict(request, form, guardian, conflict.current, fields, title=title, back=back)


@form_view
def phone_add(request, uid, guardian_uid):
    """One more phone of an adult."""
    child = editable_or_404(request, uid)
    guardian, kinship = _adult_or_404(request, child, guardian_uid)

    def save(data):
        families.add_phone(guardian, by=request.user, child=child, **data)
        return f"{kinship.word}的电话存好了"

    form = PhoneForm(_posted(request))
    return answer_form(
        request, form, save, title=f"{guardian.name}（{kinship.word}）的电话", back=facts_url(child)
    )


PHONE_MARKS = {
    "wrong": (families.mark_phone_wrong, "已标为打不通，请向家里问新号码"),
    "answered": (families.mark_phone_answered, "已标为打通"),
    "end": (families.end_phone, "这个号码不再用了"),
}


@require_POST
def phone_mark(request, uid, phone_uid, mark):
    """打不通, 打通了, 停用: one tap."""
    child = editable_or_404(request, uid)
    if mark not in PHONE_MARKS:
        raise Http404
    phones = Phone.objects.visible_to(request.user).filter(guardian__kinships__child=child, ended_on=None)
    phone = get_object_or_404(phones.select_related("guardian"), uid=phone_uid)
    function, said = PHONE_MARKS[mark]
    try:
        function(phone, by=request.user, child=child)
    except VersionConflict:
        said = "别人刚改过这个号码，请看一下现在的情况"
    messages.success(request, said)
    return redirect(reverse("registry:child_facts", args=[child.uid]))


@form_view
def care_start(request, uid, guardian_uid):
    """An adult cares for the child from a day, by some right."""
    child = editable_or_404(request, uid)
    guardian, kinship = _adult_or_404(request, child, guardian_uid)

    def save(data):
        families.start_guardianship(child, guardian, by=request.user, **data)
        return f"从 {data['starts_on']:%Y-%m-%d} 起由{kinship.word}照看"

    now = child.guardianships.open().filter(guardian=guardian).first()
    initial = {name: getattr(now, name) for name in ("authority", "ability", "lives_with")} if now else None
    form = GuardianshipForm(_posted(request), initial=initial)
    if not child.guardianships.open().exclude(guardian=guardian).exists():
        del form.fields["instead_of_others"]
    return answer_form(request, form, save, title=f"{child.name}由{kinship.word}照看", back=facts_url(child))


@form_view
def care_end(request, uid, care_uid):
    """An adult no longer cares for the child."""
    child = editable_or_404(request, uid)
    reach = Guardianship.objects.visible_to(request.user).valid().filter(child=child)
    spell = get_object_or_404(reach.select_related("guardian", "child"), uid=care_uid)

    def save(data):
        families.end_guardianship(spell, by=request.user, **data)
        return f"{spell.guardian.name} 照看到 {data['last_day']:%Y-%m-%d} 为止"

    form = LastDayForm(_posted(request))
    return answer_form(
        request, form, save, title=f"{spell.guardian.name}不再照看{child.name}", back=facts_url(child)
    )


@form_view
def work_start(request, uid, guardian_uid):
    """A parent is away for work, or goes on to another place."""
    child = editable_or_404(request, uid)
    guardian, kinship = _adult_or_404(request, child, guardian_uid)

    def save(data):
        phone = data.pop("phone")
        with transaction.atomic():
            families.start_work(guardian, by=request.user, child=child, **data)
            if phone:
                families.add_phone(guardian, by=request.user, child=child, number=phone, first=True)
        return f"{kinship.word}外出务工登记好了"

    away = guardian.work_spells.open().exists()
    return answer_form(
        request, WorkForm(_posted(request)), save, title=f"{guardian.name}（{kinship.word}）外出务工",
        back=facts_url(child), note="原来的地方到前一天为止。" if away else "", cities=regions.city_names(),
    )  # fmt: skip


@form_view
def work_end(request, uid, work_uid):
    """The parent came home."""
    child = editable_or_404(request, uid)
    reach = ParentWork.objects.visible_to(request.user).valid().filter(guardian__kinships__child=child)
    spell = get_object_or_404(reach.select_related("guardian"), uid=work_uid)

    def save(data):
        families.end_work(spell, by=request.user, child=child, **data)
        return f"{spell.guardian.name} 在外到 {data['last_day']:%Y-%m-%d} 为止"

    form = LastDayForm(_posted(request))
    form.fields["last_day"].label = "在外最后一天"
    return answer_form(request, form, save, title=f"{spell.guardian.name}返乡", back=facts_url(child))


@form_view
def condition_start(request, uid, guardian_uid):
    """Something keeps the adult from caring: in custody, in detox, missing, gravely ill, disabled, divorced and gone."""
    child = editable_or_404(request, uid)
    guardian, kinship = _adult_or_404(request, child, guardian_uid)

    def save(data):
        spell = conditions.start_condition(guardian, by=request.user, child=child, **data)
        return f"{kinship.word}“{spell}”登记好了"

    return answer_form(
        request, ConditionForm(_posted(request)), save, title=f"{guardian.name}（{kinship.word}）的情况",
        back=facts_url(child), note="去世不在这里登记，在“改资料”里写去世日期。",
    )  # fmt: skip


@form_view
def condition_end(request, uid, condition_uid):
    """The condition is over: released, back, well again."""
    child = editable_or_404(request, uid)
    reach = AdultCondition.objects.visible_to(request.user).valid().filter(guardian__kinships__child=child)
    spell = get_object_or_404(reach.select_related("guardian"), uid=condition_uid)

    def save(data):
        conditions.end_condition(spell, by=request.user, child=child, **data)
        return f"{spell.guardian.name}“{spell}”到 {data['last_day']:%Y-%m-%d} 为止"

    form = LastDayForm(_posted(request))
    return answer_form(
        request, form, save, title=f"{spell.guardian.name}不再“{spell}”", back=facts_url(child)
    )
