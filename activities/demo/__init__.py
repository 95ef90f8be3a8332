"""The invented county (演示县): people, places and a year of care that look alive and belong to nobody.

Same arguments, same county. ID numbers begin with 341299, which no county has; phones carry 0000 in the middle.
``county.build_county`` makes it; ``load_demo`` and the benchmark call that.
"""
