"""A child goes on to another school: what waited for it here is told, whatever floor it stands on.

Told by accepting a transfer, graduating with a destination (去向), and leaving for a school elsewhere. Leaving for another
reason says nothing about school: a child that goes with its parents may still be a child without one.
"""

GOES_ON = frozenset(
    {"转学到外县", "毕业"}
)  # of the reasons for leaving, those that lead to a school; with a destination

_TOLD: list = []


def when_children_go_on(function):
    """Registers ``function(children, *, day, by)``, called in the transaction; ``day`` may lie in the future."""
    _TOLD.append(function)
    return function


def children_go_on(children, *, day, by):
    """These children are at another school from ``day``, or go there after it."""
    for function in _TOLD if children else ():
        function(children, day=day, by=by)
