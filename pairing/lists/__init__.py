"""Lists a school already keeps in Excel beside its roster: pairings here, talks and visits a floor above.

``batches`` is the road of every such list (upload, check, answer, confirm), ``people`` finds whom a row speaks of,
``pairings`` reads lists of pairings (结对名单).
"""
