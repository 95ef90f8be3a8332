"""What the cellar itself sends through the outbox: the bell for a background task, ids only."""

from celery import current_app

from trust import outbox


@outbox.handler("ring", external=True)
def ring(payload, key):
    """Tell the workers that a row waits for them. A bell that is lost is made up for by the sweep."""
    current_app.send_task(payload["task"], args=payload["args"], retry=False)
