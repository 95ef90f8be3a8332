"""What merging two files of one child (``registry.merging``) must know of ties and transfers."""

from registry import merging

from .models import Pairing, PairingKind, Transfer, TransferState


def _apart(tie):
    """One primary pairing at a time; of other kinds one with the same adult. Fellow pupils are not compared."""
    if tie.kind == PairingKind.PRIMARY:
        return (tie.kind,)
    return None if tie.peer_id else (tie.kind, tie.staff_id, tie.helper_name)


@merging.stands_in_the_way
def transfer_under_way(kept, dropped):
    """A transfer is answered first: it names the school that is asked."""
    if Transfer.objects.filter(child__in=[kept.pk, dropped.pk], state=TransferState.SENT).exists():
        return "有一份档案的转学还没有答复，请先办完或撤回"
    return ""


merging.keeps_apart(Pairing, _apart)
