"""What a tie opens: the child's file while the tie lasts, its phones to call, no ID number, one's own words.

The appointment (a post in force today) is the standing approval; somebody who holds no post any more sees nothing, even
where nobody has ended the tie yet.
"""

from django.db.models import Q

from registry.access import Show, Sight, Words, grants_child_access, grants_sight, posts_of

from .models import Pairing

SIGHT = Sight(phone=Show.CALL, id_number=Show.NO, words=Words.OWN)


def ties_of(user):
    """Ties in force today of the person behind the account, of every kind; a queryset, without a query of its own."""
    return Pairing.objects.today().filter(staff__in={post.staff_id for post in posts_of(user)})


@grants_child_access("file")
def own_pairings(user):
    """Paired teacher, proxy parent and other ties: the children of the ties, while they last."""
    return Q(pk__in=ties_of(user).values("child")) if posts_of(user) else None


@grants_sight
def sight_of_own_pairing(user, child):
    """Phones with 拨打, no ID number, one's own words. The ties are read once per request."""
    if not posts_of(user):
        return None
    tied_staff = getattr(child, "tied_staff", None)  # its loader read the ties already
    if tied_staff is not None:
        return SIGHT if tied_staff & {post.staff_id for post in posts_of(user)} else None
    if not hasattr(user, "_tied_children"):
        user._tied_children = set(ties_of(user).values_list("child", flat=True))
    return SIGHT if child.pk in user._tied_children else None


def forget_ties(user):
    """After a tie changed within a request."""
    if user is not None:
        user.__dict__.pop("_tied_children", None)
