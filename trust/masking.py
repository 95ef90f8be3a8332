"""Masking (脱敏): what is shown of a number before somebody states a reason to see it whole."""


def mask_id_number(value):
    """First 3 and last 2 characters: 341*************68. The customary 6 + 4 hides only the birth date."""
    value = str(value or "")
    if len(value) <= 5:
        return "*" * len(value)
    return value[:3] + "*" * (len(value) - 5) + value[-2:]


def mask_phone(value):
    """First 3 and last 4 digits: 138****8000; a short number keeps only its last two."""
    value = str(value or "")
    if len(value) < 8:
        return "*" * max(len(value) - 2, 0) + value[-2:] if len(value) > 2 else "*" * len(value)
    return value[:3] + "*" * (len(value) - 7) + value[-4:]


def mask_name(value):
    """For a public screen: 李*明, 李*."""
    value = str(value or "")
    if len(value) < 2:
        return value
    return value[0] + "*" * (len(value) - 2) + value[-1] if len(value) > 2 else value[0] + "*"
