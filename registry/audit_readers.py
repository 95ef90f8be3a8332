"""What the audit trail copies of a person's posts, and whose entries a post may read."""

from django.db.models import Q

from trust import audit
from trust.signing_in import local_words

from .access import Act, posts_of, schools_for
from .models import County, Enrollment, Staff


@audit.describes_posts
def words_of_posts(user):
    """石门小学 班主任: the words copied into each entry, so that it outlives the post."""
    return "、".join(f"{post.scope_name}{post.get_kind_display()}" for post in posts_of(user))


@audit.readers
def readable_entries(user):
    """Administrators of the county: everything there is. Leaders: what their staff did and what was done to their children."""
    posts = [post for post in posts_of(user) if post.kind in ("administrator", "leader")]
    if any(post.kind == "administrator" and post.school_id is None for post in posts):
        return Q()
    if not posts:
        return None
    schools = schools_for(user, Act.READ_AUDIT)
    people = Staff.objects.filter(school__in=schools, user__isnull=False).values("user__uid")
    children = Enrollment.objects.valid().filter(school__in=schools).values("child__uid")
    return Q(actor_uid__in=people) | Q(child_uid__in=children)


@local_words
def names_of_places(user):
    """Names that make a password easy to guess here: the county's and the person's own school."""
    counties = list(County.objects.values_list("name", flat=True))
    if user.pk is None:  # the first administrator, before anything is saved
        return counties
    return counties + list(
        Staff.objects.filter(user=user, school__isnull=False).values_list("school__name", flat=True)
    )
