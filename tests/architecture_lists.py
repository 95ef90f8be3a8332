"""What the guards of test_architecture.py let pass, each with its reason. A line that is no longer needed fails."""

# Pages for people who are not signed in (at most six).
PUBLIC_URLS = {
    "home": "sends on and shows nothing: to the first page, to the door, or before any account to setup",
    "healthz": "for a monitor; no figures, no names",
    "setup": "the first administrator of an empty installation; 404 once any account exists",
    "trust:sign_in": "the door",
}

# Views that name no object of a child and so start from no `visible_to`.
UNSCOPED_URLS = {
    "activities:month_check": "counts per rule of the reader's own schools; no child, no person",
    "activities:today": "activities.today starts from the person's own posts and ties",
    "healthz": "for a monitor; no figures, no names",
    "home": "sends on to the first page of one's posts",
    "manual": "the manual; names nobody",
    "manual_page": "the manual; names nobody",
    "registry:access_table": "the table of posts; names nobody",
    "registry:calendar_confirm": "the county's calendar; names nobody",
    "registry:calendar_draft": "the county's calendar; names nobody",
    "registry:calendar_terms": "the county's calendar; names nobody",
    "registry:closing_days": "the county's calendar; names nobody",
    "registry:closing_edit": "the county's calendar; names nobody",
    "registry:county_edit": "the county of the user's own posts only",
    "registry:county_duty_text_edit": "the county of the user's own posts only",
    "registry:county_duty_texts": "the county of the user's own posts only",
    "registry:my_duties": "one's own posts only",
    "registry:district_add": "the county of the user's own posts only",
    "registry:school_add": "the county of the user's own posts only",
    "registry:slips": "what this session itself has just made, once",
    "setup": "the first administrator of an empty installation; 404 once any account exists",
    "setup_rules": "the rules a county begins with; names nobody",
    "registry:import_new": "takes a file; the schools it offers come from the posts' table",
    "registry:import_template": "an empty form; it holds nothing of anybody",
    "trust:account": "one's own account only",
    "trust:audit_list": "each floor registers whose lines a reader may see (trust.audit.readers)",
    "trust:confirm": "one's own password only",
    "trust:draft": "one's own draft only",
    "trust:end_device": "one's own devices only",
    "trust:end_sessions": "one's own sessions only",
    "trust:password": "one's own password only",
    "trust:restore": "one's own unsaved text only",
    "trust:sign_in": "the door",
    "trust:sign_out": "one's own session only",
}

# Models of the four upper floors without `visible_to`.
UNSCOPED_MODELS = {
    "activities.Amendment": "read through the check of its school",
    "activities.CallDetail": "read through its contact",
    "activities.ContactStaff": "read through its contact",
    "activities.Finding": "read through the check of its school",
    "activities.MonthlyCheck": "when a month of a county was checked; names nobody",
    "activities.Tally": "figures per class, read through the check of its school",
    "activities.VisitDetail": "read through its contact",
    "registry.ClosingDate": "the county's calendar; names nobody",
    "registry.County": "the root of every scope",
    "registry.DayException": "the county's calendar; names nobody",
    "registry.SchoolYear": "the county's calendar; names nobody",
    "registry.Term": "the county's calendar; names nobody",
}

# Models without a `uid`: nothing outside the program names their rows.
MODELS_WITHOUT_UID = {
    "activities.Amendment": "natural key: rule version, subject, period",
    "activities.CallDetail": "named by its contact",
    "activities.ContactStaff": "named by contact and staff",
    "activities.Tally": "natural key: rule version, class, month",
    "trust.Heartbeat": "named by its process",
    "trust.KeyProof": "named by the key's id",
    "trust.OutboxMessage": "named by its key",
    "trust.SignInCount": "named by account",
}

# Words of a higher floor in a lower one: addresses of pages only, never calls.
UPWARD_LINKS = {
    "registry/models/children.py: reports:child_file": "a child's own page is its whole file",
}

# Rows that two people may edit, with old values kept (simple-history) and an optimistic lock.
EDITED_BY_MANY = {
    "registry.Child",
    "registry.Guardian",
    "registry.Phone",
    "activities.Contact",
    "activities.Activity",
    "pairing.Pairing",
    "activities.DutyRule",
}
