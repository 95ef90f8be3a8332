"""What reports keep: the county's assessment schemes, and which contact cards were issued."""

from .assessment import AssessmentScheme
from .cards import CardIssue

__all__ = ["AssessmentScheme", "CardIssue"]
