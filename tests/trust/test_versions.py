"""Two people at one row: the second one is told, nothing is lost."""

import threading

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from trust.models import VersionConflict, Versioned


@pytest.fixture
def note_model(transactional_db):
    """A table that exists for one test."""
    with isolate_apps("trust"):

        class Note(Versioned):
            """A row two people edit."""

            words = models.CharField("内容", max_length=50)

            class Meta:
                app_label = "trust"

    with connection.schema_editor() as editor:
        editor.create_model(Note)
    yield Note
    with connection.schema_editor() as editor:
        editor.delete_model(Note)


@pytest.mark.db
def test_the_second_save_is_told_and_shows_both_values(note_model):
    note_model.objects.create(words="旧")
    one, two = note_model.objects.get(), note_model.objects.get()
    one.words = "甲"
    one.save_version(1)
    two.words = "乙"
    with pytest.raises(VersionConflict) as conflict:
        two.save_version(1)
    stored = conflict.value.current
    assert (stored.words, stored.version) == ("甲", 2)
    assert two.differences(stored, ["words"]) == [("内容", "乙", "甲")]
    two.save_version(2, update_fields=["words"])
    assert note_model.objects.values_list("words", "version").get() == ("乙", 3)


@pytest.mark.db
def test_of_twenty_at_once_one_wins(note_model):
    note_model.objects.create(words="旧")
    start, won, lost = threading.Barrier(20), [], []

    def edit(number):
        row = note_model.objects.get()
        connection.close()
        start.wait()
        try:
            row.words = str(number)
            row.save_version(1)
            won.append(str(number))
        except VersionConflict:
            lost.append(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 19)
    assert note_model.objects.values_list("words", "version").get() == (won[0], 2)
