"""Screening (摸底排查, F52, F53): each term, class by class and child by child, handed in up to the county.

``campaign`` opens and closes one; ``rolls`` says who belongs on each class's list and keeps the entries in line with the
facts; ``answers`` is what a class says; ``hand_in`` takes it to school, district and county and locks the snapshot;
``comparing``, ``rates`` and ``counts`` read what was handed in.
"""
