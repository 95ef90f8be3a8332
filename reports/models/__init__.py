"""What reports keep: the county's assessment schemes."""

from .assessment import AssessmentScheme

__all__ = ["AssessmentScheme"]
