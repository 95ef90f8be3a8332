"""Forms printed from live data (打印): contact cards, registers, lists of pairings, agreements, whole child files.

``papers`` knows the forms and who may print them, one file per form gathers what stands on it, ``pdf`` makes files of
them in the background. One set of templates serves the browser's print and PDF (docs/decisions/).
"""
