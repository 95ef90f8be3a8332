"""Wiring of the five floors: settings, urls, celery, wsgi and start-up checks."""

from .celery import app as celery_app

__all__ = ["celery_app"]
