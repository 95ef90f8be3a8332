"""Pages everybody has: signing in and out, the own account, jobs, drafts; and the audit trail."""

from django.urls import path

from trust.views import accounts, audit, drafts, jobs

app_name = "trust"
urlpatterns = [
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("me/", accounts.account, name="account"),
    path("me/password/", accounts.password, name="password"),
    path("me/confirm/", accounts.confirm, name="confirm"),
    path("me/devices/<uuid:uid>/end/", accounts.end_device, name="end_device"),
    path("me/sessions/end/", accounts.end_all_sessions, name="end_sessions"),
    path("me/draft/", drafts.draft, name="draft"),
    path("me/restore/", drafts.restore, name="restore"),
    path("me/jobs/", jobs.job_list, name="job_list"),
    path("me/jobs/<uuid:uid>/", jobs.job, name="job"),
    path("me/jobs/<uuid:uid>/file/", jobs.job_file, name="job_file"),
    path("audit/", audit.audit_list, name="audit_list"),
]
