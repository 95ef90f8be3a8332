"""Reading rosters: cells → table → headings → children → changes.

The first four stages are pure (no database); ``changes`` compares with the register and writes. Each stage hands plain
values to the next, so a new shape of workbook is a change of one stage.
"""
