"""Pages of transfers (转学): what waits for an answer, sending, accepting, refusing, withdrawing."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry import access
from registry.access import Act
from registry.models import Child, School, SchoolClass
from trust import audit
from trust.models import VersionConflict

from .. import moves
from ..models import Transfer, TransferState
from ..move_forms import AcceptForm, RefuseForm, SendForm

PAGE = 50
form_view = require_http_methods(["GET", "HEAD", "POST"])
ANSWERED = "这份转学刚才已经有人办了，请看现在的情况"


def moving_schools(user):
    """Schools whose children the user may send and take, as a whole; 403 for somebody without that function."""
    access.require(user, Act.IMPORT_ROSTER)
    return School.objects.visible_to(user).filter(
        pk__in=access.schools_whole(user, Act.IMPORT_ROSTER).values("pk")
    )


def _transfer_or_404(request, side):
    """The transfer: 404 for a foreign one, 403 when the user's school does not stand on that ``side``."""
    found = Transfer.objects.visible_to(request.user)
    transfer = get_object_or_404(
        found.select_related("child", "from_school", "to_school"), uid=request.resolver_match.kwargs["uid"]
    )
    if not access.may(request.user, Act.IMPORT_ROSTER, school=getattr(transfer, side)):
        raise PermissionDenied("这一步由对方学校办")
    return transfer


def _with_classes(transfers):
    """Each transfer with ``from_class``: the class it came from, with one query for the page."""
    transfers = list(transfers)
    seats = {}
    children = [one.child_id for one in transfers]
    for seat in moves.all_seats(children):
        seats.setdefault(seat.child_id, []).append(seat)
    for one in transfers:
        here = [
            seat
            for seat in seats.get(one.child_id, ())
            if seat.school_id == one.from_school_id and seat.starts_on <= one.last_day
        ]
        last = here[-1] if here else None
        one.from_class = last.school_class.name_on(one.last_day) if last and last.school_class else "没有班级"
    return transfers


# --- lists -------------------------------------------------------------------------------------------------------------


@require_safe
def transfer_list(request):
    """转学: what waits for our answer first, then what we have sent, then what is done."""
    user = request.user
    schools = moving_schools(user)
    ours = set(schools.values_list("pk", flat=True))
    found = Transfer.objects.visible_to(user).select_related("child", "from_school", "to_school")
    waiting = _with_classes(found.filter(state=TransferState.SENT).order_by("sent_at", "pk"))
    done = found.exclude(state=TransferState.SENT).select_related("decided_by").order_by("-decided_at", "-pk")
    page = Paginator(done, PAGE).get_page(request.GET.get("page"))
    context = {
        "incoming": [one for one in waiting if one.to_school_id in ours],
        "outgoing": [one for one in waiting if one.from_school_id in ours],
        "page_obj": page,
        "done": _with_classes(page.object_list),
        "openable": set(
            Child.objects.visible_to(user)
            .filter(pk__in=[one.child_id for one in [*waiting, *page.object_list]])
            .values_list("pk", flat=True)
        ),
        "today": timezone.localdate(),
    }
    audit.record(
        "list_transfers", by=user, kind="transfer", count=len(waiting) + len(page.object_list),
        detail=f"第 {page.number} 页",
    )  # fmt: skip
    return render(request, "pairing/moves/list.html", context)


# --- sending -----------------------------------------------------------------------------------------------------------


@form_view
def transfer_new(request, uid):
    """Send a child to another school of the county."""
    child = get_object_or_404(Child.objects.visible_to(request.user).select_related("county"), uid=uid)
    seat = moves.last_seats([child.pk]).get(child.pk)
    if seat is None or not access.may(request.user, Act.IMPORT_ROSTER, school=seat.school):
        raise PermissionDenied("您的岗位没有这项功能")
    today = timezone.localdate()
    end = moves.end_of(seat)
    gone = end if end and end < today else None
    schools = moves.schools_to_send_to(child.county, today).exclude(pk=seat.school_id)
    form = SendForm(request.POST if request.method == "POST" else None, schools=schools, gone=gone)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            sent = moves.send_transfer(
                child=child, to_school=asked["to_school"], last_day=asked.get("last_day") or gone, by=request.user,
                reason=asked["reason"], submission=asked["submission"],
            )  # fmt: skip
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(
                request, f"已发给{sent.to_school.name}。对方接收以前，{child.name}还在您的名单上"
            )
            return redirect("pairing:transfer_list")
    context = {"form": form, "child": child, "seat": seat, "gone": gone, "back_url": child.get_absolute_url()}
    return render(request, "pairing/moves/send.html", context)


@form_view
def transfer_withdraw(request, uid):
    """Take it back before the other school has answered."""
    transfer = _transfer_or_404(request, "from_school")
    if request.method == "POST":
        return _answered(
            request,
            lambda: moves.withdraw_transfer(
                transfer, by=request.user, expected=_number(request.POST.get("version"))
            ),
            f"已撤回，{transfer.child.name}还在原来的班",
        )
    return render(request, "pairing/moves/withdraw.html", {"transfer": transfer})


# --- answering ---------------------------------------------------------------------------------------------------------


def _running_classes(school):
    """Classes of a school that run now or begin with the next school year."""
    today = timezone.localdate()
    found = SchoolClass.objects.filter(school=school, ends_on__gte=today).select_related("school")
    return sorted(
        found, key=lambda one: (one.stage != "kindergarten", one.stage, -one.entry_year, one.number)
    )


@form_view
def transfer_accept(request, uid):
    """Take the child: the class and the first day."""
    transfer = _transfer_or_404(request, "to_school")
    return _accept(request, [transfer], transfer.to_school, reverse("pairing:transfer_accept", args=[uid]))


@require_POST
def transfers_accept(request):
    """Take several children into one class in one step; the first sending shows the form."""
    schools = moving_schools(request.user)
    uids = _uids(request)
    rows = list(
        Transfer.objects.visible_to(request.user)
        .filter(uid__in=uids)
        .select_related("child", "from_school", "to_school")
        .order_by("child__name_key", "pk")
    )
    if len(rows) != len(uids):
        raise Http404
    if not rows:
        messages.warning(request, "还没勾选孩子。请先在名单里勾选，再一起接收。")
        return redirect("pairing:transfer_list")
    ours = set(schools.values_list("pk", flat=True))
    if not {one.to_school_id for one in rows} <= ours:
        raise PermissionDenied("有的孩子不是转到您的学校")
    if len({one.to_school_id for one in rows}) > 1:
        messages.warning(request, "这些孩子转到不同的学校（教学点），请分开接收。")
        return redirect("pairing:transfer_list")
    return _accept(request, rows, rows[0].to_school, reverse("pairing:transfers_accept"))


def _accept(request, rows, school, action):
    saving = request.method == "POST" and request.POST.get("step") == "save"
    last_day = max(one.last_day for one in rows)
    form = AcceptForm(
        request.POST if saving else None,
        classes=_running_classes(school),
        first_day=max(timezone.localdate(), last_day + moves.ONE_DAY),
    )
    context = {"form": form, "rows": _with_classes(rows), "school": school, "action": action}
    if saving and form.is_valid():
        asked = form.cleaned_data
        try:
            versions = {one.pk: _number(request.POST.get(f"version-{one.uid}")) for one in rows}
            moves.accept_transfers(
                transfers=rows, by=request.user, school_class=asked["school_class"], starts_on=asked["starts_on"],
                versions=versions,
            )  # fmt: skip
        except VersionConflict:
            messages.warning(request, ANSWERED)
            return redirect("pairing:transfer_list")
        except moves.InTheWay as error:
            context["blocked"] = error.children
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(
                request,
                f"{rows[0].child.name if len(rows) == 1 else f'{len(rows)} 个孩子'}"
                f"已接收，{asked['starts_on']:%-m月%-d日} 起在{asked['school_class'] or school.name}。请指定包保教师",
            )
            return redirect("pairing:transfer_list")
    return render(request, "pairing/moves/accept.html", context)


@form_view
def transfer_refuse(request, uid):
    """Send it back, with the reason."""
    transfer = _transfer_or_404(request, "to_school")
    form = RefuseForm(
        request.POST if request.method == "POST" else None, initial={"version": transfer.version}
    )
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        return _answered(
            request,
            lambda: moves.refuse_transfer(
                transfer, by=request.user, note=asked["note"], expected=asked["version"]
            ),
            f"已退回{transfer.from_school.name}，{transfer.child.name}还在原来的学校",
        )
    return render(request, "pairing/moves/refuse.html", {"form": form, "transfer": transfer})


def _answered(request, act, done):
    try:
        act()
    except VersionConflict:
        messages.warning(request, ANSWERED)
    except ValidationError as error:
        messages.warning(request, error.messages[0])
    else:
        messages.success(request, done)
    return redirect("pairing:transfer_list")


def _number(text):
    """The version a page was made with; 0, which no row has, for anything else."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _uids(request):
    try:
        uids = {Transfer._meta.get_field("uid").to_python(one) for one in request.POST.getlist("transfer")}
    except ValidationError:
        raise Http404 from None
    if len(uids) > moves.AT_MOST:
        raise PermissionDenied(f"一次最多 {moves.AT_MOST} 个孩子，请分几次")
    return uids


def _add_errors(form, error):
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
