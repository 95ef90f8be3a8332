"""Registry: who — places, classes, staff and posts, calendar, children, families, roster import."""
