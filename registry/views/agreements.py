"""Pages of one child's 委托照护协议 and 家庭诉求. Doors to ``registry.agreements`` and ``registry.demands``."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from trust import audit, uploads
from trust.models import VersionConflict

from .. import access, agreements, demands, families
from ..access import Show
from ..forms.agreements import (
    AddAgreementForm,
    AgreementForm,
    DemandAnswerForm,
    DemandForm,
    EndAgreementForm,
)
from ..models import CareAgreement, Demand
from .children import answer_form, child_or_404, editable_or_404, facts_url, form_view, show_conflict


def _posted(request):
    """(data, files) of a form that was sent, (None, None) before."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _agreement_or_404(request, child, uid):
    reach = CareAgreement.objects.visible_to(request.user).valid().filter(child=child)
    return get_object_or_404(reach.select_related("guardian", "entrusted_by", "child"), uid=uid)


@form_view
def agreement_add(request, uid):
    """A parent entrusts the child to somebody; the carer is an entrusted one from that day."""
    child = editable_or_404(request, uid)
    form = AddAgreementForm(*_posted(request), adults=families.family_of(child).adults)

    def save(data):
        one = agreements.add_agreement(child, by=request.user, **form.details())
        return f"委托{one.guardian.name}照护的协议登记好了，照看人已记为“受委托照护”"

    note = "父母都外出、不能完全履行监护职责的，应当书面委托有照护能力的成年人照护。"
    if not form.possible:
        note = "要先登记父亲或母亲，再登记照看孩子的人，才能登记协议。"
    return answer_form(
        request, form, save, title=f"{child.name}的委托照护协议", back=facts_url(child), note=note, child=child,
        possible=form.possible, template="agreement.html",
    )  # fmt: skip


@form_view
def agreement_edit(request, uid, agreement_uid):
    """Correct an agreement or add its picture; with somebody else's change in between both values are shown."""
    child = editable_or_404(request, uid)
    agreement = _agreement_or_404(request, child, agreement_uid)
    title, back = f"{child.name}的委托照护协议", facts_url(child)
    form = AgreementForm(*_posted(request), agreement=agreement)
    if request.method != "POST":
        audit.record(
            "open_child",
            by=request.user,
            kind="careagreement",
            uid=agreement,
            child=child,
            detail="委托照护协议",
        )

    def save(data):
        agreements.correct_agreement(agreement, by=request.user, expected=data["version"], **form.paper())

    note = f"{agreement.entrusted_by.name}委托{agreement.guardian.name}照护。人写错了，把这份作废再登记一份。"
    try:
        return answer_form(
            request, form, save, title=title, back=back, note=note, child=child, possible=True,
            template="agreement.html",
        )  # fmt: skip
    except VersionConflict as conflict:
        return show_conflict(
            request, form, agreement, conflict.current, agreements.FIELDS, title=title, back=back
        )


@form_view
def agreement_end(request, uid, agreement_uid):
    """The agreement ends before its time."""
    child = editable_or_404(request, uid)
    agreement = _agreement_or_404(request, child, agreement_uid)

    def save(data):
        agreements.end_agreement(agreement, by=request.user, **data)
        return f"协议到 {data['last_day']:%Y-%m-%d} 为止"

    form = EndAgreementForm(_posted(request)[0])
    return answer_form(
        request, form, save, title=f"终止委托{agreement.guardian.name}照护的协议", back=facts_url(child), act="终止",
        note="不再由他（她）照看的，照看登记也到这一天为止。",
    )  # fmt: skip


@require_safe
def agreement_scan(request, uid, agreement_uid):
    """The picture of the paper, for those who see the child's address; each look is on record."""
    child = child_or_404(request, uid)
    agreement = _agreement_or_404(request, child, agreement_uid)
    if agreement.scan_id is None or not _sees_papers(request.user, child):
        raise Http404
    try:
        picture = uploads.read_bytes(agreement.scan)
    except FileNotFoundError:
        raise Http404 from None
    audit.record("open_scan", by=request.user, kind="careagreement", uid=agreement, child=child)
    response = HttpResponse(picture, content_type="image/jpeg")
    response["Content-Disposition"] = "inline"
    return response


def _sees_papers(user, child):
    return access.sight_of(user, child, child.seat).phone == Show.CALL


@form_view
def demand_add(request, uid):
    """What the family asked for."""
    child = editable_or_404(request, uid)
    form = DemandForm(_posted(request)[0])

    def save(data):
        demands.add_demand(child, by=request.user, **data)
        return "诉求记下了，答复以后再来填"

    return answer_form(request, form, save, title=f"{child.name}家里的诉求", back=facts_url(child))


@form_view
def demand_answer(request, uid, demand_uid):
    """The answer the family got."""
    child = editable_or_404(request, uid)
    reach = Demand.objects.visible_to(request.user).filter(child=child)
    demand = get_object_or_404(reach.select_related("child"), uid=demand_uid)
    title, back = f"答复{child.name}家里的诉求", facts_url(child)
    form = DemandAnswerForm(_posted(request)[0], demand=demand)
    if request.method != "POST":
        audit.record("open_child", by=request.user, kind="demand", uid=demand, child=child, detail="家庭诉求")

    def save(data):
        demands.answer_demand(
            demand,
            by=request.user,
            expected=data["version"],
            answer=data["answer"],
            answered_on=data["answered_on"],
        )
        return "答复记下了"

    note = f"{demand.raised_on:%Y-%m-%d} {demand.raised_by or '家里'}提的：{demand.text}"
    try:
        return answer_form(request, form, save, title=title, back=back, note=note)
    except VersionConflict as conflict:
        fields = ("answer", "answered_on")
        return show_conflict(request, form, demand, conflict.current, fields, title=title, back=back)
